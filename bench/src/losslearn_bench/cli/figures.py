"""The paper's Figures 1, 2 and 3 and its section 4.4, computed and drawn."""

import itertools
import json
from pathlib import Path

import torch
from matplotlib.figure import Figure
from rich.progress import track

from losslearn.cli.reporting import console, note
from losslearn.cli.running import use_one_thread
from losslearn.report.figures import save_figure, write_whole
from losslearn.training.recipe import Recipe
from losslearn_bench.figures.convergence import convergence, draw_convergence
from losslearn_bench.figures.single_parameter import (
    animate_single_parameter,
    draw_single_parameter,
    make_data,
    train_single_parameter,
)
from losslearn_bench.figures.surfaces import draw_surfaces, loss_surfaces, random_batch
from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.grid.presets import PAPER_METRICS
from losslearn_bench.harness.rows import load_rows
from losslearn_bench.tables.runtime import DESIGNS, measure_iteration, runtime_table

_DATASET = "ijcnn1"
_MOST_ROWS = 20_000
_SHOWN = (0, 0.1, 0.35, 1)
"""Moments of Figure 2, as shares of those recorded."""


def write_paper_figures(
    out: Path, *, data_dir: Path | None, seeds: int, max_iter: int
) -> None:
    """Compute and write the three figures.

    The trainings of Figure 3 take minutes; each is kept in `figure3.jsonl` once it is
    done, and the next call goes on from there.
    """
    use_one_thread()
    write_surfaces(out)
    write_single_parameter(out)
    write_convergence(out, data_dir=data_dir, seeds=seeds, max_iter=max_iter)


def write_surfaces(out: Path, *, steps: int = 1_000) -> None:
    """Write Figure 1."""
    generator = torch.Generator().manual_seed(0)
    batch = random_batch(generator=generator)
    grid = torch.linspace(-2, 2, 81)
    surfaces = loss_surfaces(batch=batch, grid=grid, generator=generator, steps=steps)
    figure = draw_surfaces(
        grid,
        surfaces,
        note="Losses of a confusion matrix are cut at score 0, as in the paper; the "
        "equal error rate is read off the ROC curve.",
    )
    _save(figure, out / "figure1")


def write_single_parameter(out: Path) -> None:
    """Write Figure 2 and its animation."""
    data = make_data(generator=torch.Generator().manual_seed(0))
    run = train_single_parameter(data, seed=0)
    last = len(run.moments) - 1
    shown = [run.moments[round(share * last)] for share in _SHOWN]
    _save(draw_single_parameter(run, shown), out / "figure2")
    write_whole(out / "figure2.gif", animate_single_parameter(run))


def write_convergence(
    out: Path, *, data_dir: Path | None, seeds: int, max_iter: int
) -> None:
    """Write Figure 3."""
    config = Recipe(max_iter=max_iter, replay=1)  # each set once, as printed
    file = JsonLines(out / "figure3.jsonl")
    kept = [one["rows"] for one in file.read() if one["max_iter"] == max_iter]
    done = {(rows[0]["seed"], rows[0]["metric"]): rows for rows in kept}
    cells = [(seed, metric) for seed in range(seeds) for metric in PAPER_METRICS]
    for seed, metric in track(cells, "figure 3", console=console(stderr=True)):
        if (seed, metric) in done:
            continue
        rows = load_rows(_DATASET, seed, max_train_rows=_MOST_ROWS, data_dir=data_dir)
        done[seed, metric] = convergence(
            rows.data, rows.test, metric=metric, config=config, seed=seed
        )
        file.append([{"max_iter": max_iter, "rows": done[seed, metric]}])
    by_metric = itertools.product(PAPER_METRICS, range(seeds))
    found = [row for metric, seed in by_metric for row in done[seed, metric]]
    title = f"{_DATASET}, at most {_MOST_ROWS:,} training rows"
    _save(draw_convergence(found, title=title), out / "figure3")


def write_runtime(out: Path) -> None:
    """Measure every design, and write the lines and the table."""
    use_one_thread()
    designs = track(DESIGNS, "designs", console=console(stderr=True))
    rows = [measure_iteration(design) for design in designs]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_whole(out / "runtime.jsonl", lines.encode())
    table = runtime_table(rows)
    write_whole(out / "runtime.md", table.encode())
    console().print(table, markup=False, soft_wrap=True)
    note(f"table written to {out / 'runtime.md'}")


def _save(figure: Figure, stem: Path) -> None:
    paths = save_figure(figure, stem)
    note(f"figure written to {' and '.join(str(path) for path in paths)}")
