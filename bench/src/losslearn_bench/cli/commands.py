"""The commands of `losslearn-bench`."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="The paper's experiments and the honest comparison.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_STUDIES = Path(__file__).parents[3] / "studies"

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
    Literal["capped", "full"],
    typer.Option(
        help="capped: at most 20,000 training rows and 300 iterations. full: all rows, "
        "the default number of iterations. Validation and test rows are never capped."
    ),
]


_OUT = Path("benchmark-results")


def _named(what: str, more: str = "") -> typer.models.OptionInfo:
    text = f"Only this {what}{more}; may be repeated."
    return typer.Option(metavar="NAME", help=text, show_default="the preset's")


def _count(text: str, *, default: str | bool = True) -> typer.models.OptionInfo:
    return typer.Option(metavar="N", min=1, help=text, show_default=default)


@app.command()
def run(
    preset: Annotated[
        Literal[
            "smoke",
            "table2",
            "table3",
            "honest",
            "decisions",
            "decisions_smoke",
            "strong",
            "strong_smoke",
        ],
        typer.Argument(metavar="PRESET", help="The grid."),
    ],
    size: Size = "capped",
    protocol: Annotated[
        Literal["honest", "paper"],
        typer.Option(
            help="honest: thresholds from validation rows. paper: the paper's own "
            "rules, with thresholds that are best on the test rows."
        ),
    ] = "honest",
    repetitions: Annotated[
        int | None, _count("Random splits.", default="3, or 5 at full size")
    ] = None,
    dataset: Annotated[
        list[str], _named("data set", ", or path/to/file.py:function")
    ] = [],  # noqa: B006 - typer copies it
    tier: Annotated[list[str], _named("tier")] = [],  # noqa: B006
    method: Annotated[list[str], _named("method")] = [],  # noqa: B006
    metric: Annotated[list[str], _named("metric")] = [],  # noqa: B006
    jobs: Annotated[int, _count("Processes of the local backend.")] = 2,
    backend: Annotated[
        Literal["local", "ray"],
        typer.Option(help="local: this machine. ray: a Ray cluster."),
    ] = "local",
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
    losses and what they are compared with), decisions (learned decision rules), or
    strong (boosted trees, networks and auto, trained for the metric), the last two with
    decisions_smoke and strong_smoke (seconds of it).
    Stop it with Ctrl-C; the same command goes on where it stopped.
    """
    if preset not in ("smoke", "table2", "table3", "honest"):
        from losslearn_bench.cli.comparing import ComparisonOptions, run

        refused = {"size": size, "protocol": protocol, "backend": backend, "tier": tier}
        part = ComparisonOptions(preset, repetitions, dataset, method, metric, refused)
        raise typer.Exit(run(part, out, data_dir, jobs))
    from losslearn_bench.cli.running import GridOptions, run_benchmark

    options = GridOptions(
        preset, size, protocol, repetitions, dataset, tier, method, metric
    )
    code = run_benchmark(options, out, data_dir, jobs, backend, ray_address)
    raise typer.Exit(code)


@app.command()
def report(
    size: Size = "capped",
    repetitions: Annotated[
        int | None, _count("Only the first splits.", default="all")
    ] = None,
    out: OutDir = _OUT,
    data_dir: DataDir = None,
) -> None:
    """Make all tables, their figures and one HTML page from the lines there are."""
    from losslearn_bench.cli.reporting import write_report

    write_report(out, size=size, repetitions=repetitions, data_dir=data_dir)


@app.command()
def figures(
    out: OutDir = _OUT,
    data_dir: DataDir = None,
    seeds: Annotated[int, _count("Trainings of Figure 3.")] = 3,
    max_iter: Annotated[int, _count("Iterations of Figure 3.")] = 400,
) -> None:
    """Make the paper's Figures 1, 2 and 3."""
    from losslearn_bench.cli.figures import write_paper_figures

    write_paper_figures(out, data_dir=data_dir, seeds=seeds, max_iter=max_iter)


@app.command()
def runtime(out: OutDir = _OUT) -> None:
    """Measure an iteration as sizes and steps grow (section 4.4 of the paper)."""
    from losslearn_bench.cli.figures import write_runtime

    write_runtime(out)


@app.command()
def methods() -> None:
    """List the methods, and which of their packages are missing."""
    from losslearn_bench.cli.listing import print_methods

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
    from losslearn_bench.cli.listing import print_datasets

    print_datasets(console(), data_dir=data_dir, as_json=as_json)


@app.command()
def pack(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files of lines, NAME.jsonl."),
    ],
) -> None:
    """Move finished lines into NAME.jsonl.gz, which every command reads beside them."""
    from losslearn_bench.grid.jsonl import JsonLines

    for file in files:
        JsonLines(file).pack()


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def study(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A script of bench/studies.")],
) -> None:
    """Run a script of the source's folder `bench/studies`, with its own options."""
    known = sorted(path.stem for path in _STUDIES.glob("*.py"))
    if name not in known:
        raise typer.BadParameter(
            f"there is no study {name!r} in {str(_STUDIES)!r}, only {', '.join(known)}"
        )
    script = str(_STUDIES / f"{name}.py")
    raise typer.Exit(subprocess.call([sys.executable, script, *context.args]))
