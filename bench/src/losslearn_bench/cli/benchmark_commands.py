"""The commands of `losslearn-bench`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="The paper's experiments and the honest comparison.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class PresetName(StrEnum):
    """Grids that have a name."""

    SMOKE = "smoke"
    TABLE2 = "table2"
    TABLE3 = "table3"
    HONEST = "honest"
    STRONG = "strong"


class SizeName(StrEnum):
    """How much is run of a grid."""

    CAPPED = "capped"
    FULL = "full"


class ProtocolName(StrEnum):
    """Rules by which methods are measured."""

    HONEST = "honest"
    PAPER = "paper"


class BackendName(StrEnum):
    """Where jobs run."""

    LOCAL = "local"
    RAY = "ray"


DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder with the data sets as Parquet files.",
        show_default="LOSSLEARN_DATA, or ../shared/datasets",
    ),
]
OutDir = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", help="Folder of lines, tables and figures."),
]
Size = Annotated[
    SizeName,
    typer.Option(
        help="capped: at most 20,000 training rows and 300 iterations. full: all rows, "
        "the default number of iterations. Validation and test rows are never capped."
    ),
]
Protocol = Annotated[
    ProtocolName,
    typer.Option(
        help="honest: thresholds from validation rows. paper: the paper's own rules, "
        "with thresholds that are best on the test rows."
    ),
]
Repetitions = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Random splits.", show_default="3, or 5 at full size"
    ),
]
_OUT = Path("benchmark-results")


@app.command()
def run(
    preset: Annotated[PresetName, typer.Argument(metavar="PRESET", help="The grid.")],
    size: Size = SizeName.CAPPED,
    protocol: Protocol = ProtocolName.HONEST,
    repetitions: Repetitions = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this data set, or path/to/file.py:function; may be repeated.",
        ),
    ] = None,
    tier: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this tier; may be repeated."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this method; may be repeated."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this metric; may be repeated."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes of the local backend.")
    ] = 2,
    backend: Annotated[
        BackendName, typer.Option(help="local: this machine. ray: a Ray cluster.")
    ] = BackendName.LOCAL,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A running Ray cluster, or auto.",
            show_default="one on this machine",
        ),
    ] = None,
    out: OutDir = _OUT,
    data_dir: DataDir = None,
) -> None:
    """Run what is missing of a grid, and write its tables.

    PRESET is smoke (a minute), table2 or table3 (the paper's), honest (the learned
    losses and what they are compared with, linear and MLP) or strong (TabM and boosted
    trees). Stop it with Ctrl-C; the same command goes on where it stopped.
    """
    from losslearn_bench.cli.benchmarking import GridOptions, run_benchmark

    options = GridOptions(
        preset=preset.value,
        size=size.value,
        protocol=protocol.value,
        repetitions=repetitions,
        datasets=tuple(dataset or ()),
        tiers=tuple(tier or ()),
        methods=tuple(method or ()),
        metrics=tuple(metric or ()),
    )
    code = run_benchmark(
        options,
        out=out,
        data_dir=data_dir,
        jobs=jobs,
        backend=backend.value,
        ray_address=ray_address,
    )
    raise typer.Exit(code)


@app.command()
def report(
    size: Size = SizeName.CAPPED,
    repetitions: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Only the first splits.", show_default="all"
        ),
    ] = None,
    out: OutDir = _OUT,
    data_dir: DataDir = None,
) -> None:
    """Make all tables, their figures and one HTML page from the lines there are."""
    from losslearn_bench.cli.benchmark_report import write_report

    write_report(out, size=size.value, repetitions=repetitions, data_dir=data_dir)


@app.command()
def figures(
    out: OutDir = _OUT,
    data_dir: DataDir = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Trainings of Figure 3.")
    ] = 3,
    max_iter: Annotated[
        int, typer.Option(metavar="N", min=1, help="Iterations of Figure 3.")
    ] = 400,
) -> None:
    """Make the paper's Figures 1, 2 and 3."""
    from losslearn_bench.cli.paper_figures import write_paper_figures

    write_paper_figures(out, data_dir=data_dir, seeds=seeds, max_iter=max_iter)


@app.command()
def runtime(out: OutDir = _OUT) -> None:
    """Measure an iteration as sizes and steps grow (section 4.4 of the paper)."""
    from losslearn_bench.cli.runtimes import measure_runtime

    measure_runtime(out)


@app.command()
def methods() -> None:
    """List the methods, and which of their packages are missing."""
    from losslearn_bench.cli.benchmarking import print_methods

    print_methods()


@app.command()
def datasets(
    data_dir: DataDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")
    ] = False,
) -> None:
    """List the data sets by name, and what of them is on this machine."""
    from losslearn.cli.reporting import console
    from losslearn_bench.cli.datasets import print_datasets

    print_datasets(console(), data_dir=data_dir, as_json=as_json)
