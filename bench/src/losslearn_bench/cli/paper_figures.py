"""The paper's Figures 1, 2 and 3, computed and drawn."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import Progress

from losslearn.cli.reporting import console, note
from losslearn.cli.running import use_one_thread
from losslearn.report.figures import save_figure, write_whole
from losslearn.training.recipe import BilevelConfig
from losslearn_bench.datasets import load_dataset
from losslearn_bench.figures.convergence import draw_convergence
from losslearn_bench.figures.convergence_fit import HeldOut, convergence
from losslearn_bench.figures.single_parameter import (
    animate_single_parameter,
    draw_single_parameter,
)
from losslearn_bench.figures.single_parameter_fit import (
    make_data,
    train_single_parameter,
)
from losslearn_bench.figures.surfaces import draw_surfaces
from losslearn_bench.figures.surfaces_fit import loss_surfaces, random_batch
from losslearn_bench.grid.presets import PAPER_METRICS
from losslearn_bench.harness.rows import training_data
from losslearn_bench.harness.splits import split_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DATASET = "ijcnn1"
_MAX_TRAIN_ROWS = 20_000
_SHOWN = (0, 0.1, 0.35, 1)
"""Moments of Figure 2, as shares of those recorded."""


def write_paper_figures(
    out: Path, *, data_dir: Path | None, seeds: int, max_iter: int
) -> None:
    """Compute and write the three figures.

    The trainings of Figure 3 take minutes; each is kept in `figure3.jsonl` once it is
    done, and the next call goes on from there.

    Args:
        out: Folder to write to.
        data_dir: Where ijcnn1 is looked for first.
        seeds: Trainings of each start in Figure 3.
        max_iter: Iterations of each.

    Raises:
        OSError: If a data set cannot be had or a file not be written.
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
        grid.numpy(),
        [surface.loss for surface in surfaces],
        [surface.true_loss.numpy() for surface in surfaces],
        [surface.surrogate_loss.numpy() for surface in surfaces],
        note="Losses of a confusion matrix are cut at score 0, as in the paper; the "
        "equal error rate is read off the ROC curve.",
    )
    _save(figure, out / "figure1")


def write_single_parameter(out: Path) -> None:
    """Write Figure 2 and its animation."""
    data = make_data(generator=torch.Generator().manual_seed(0))
    run = train_single_parameter(data, seed=0)
    moments = [
        (moment.iteration, moment.alpha, moment.surrogate_loss.numpy())
        for moment in run.moments
    ]
    alphas, true_loss = run.alphas.numpy(), run.true_loss.numpy()
    places = [round(share * (len(moments) - 1)) for share in _SHOWN]
    figure = draw_single_parameter(
        data.x.squeeze(-1).numpy(),
        data.y_true.numpy(),
        alphas,
        true_loss,
        [moments[place] for place in places],
    )
    _save(figure, out / "figure2")
    animation = animate_single_parameter(alphas, true_loss, moments)
    write_whole(out / "figure2.gif", animation)


def write_convergence(
    out: Path, *, data_dir: Path | None, seeds: int, max_iter: int
) -> None:
    """Write Figure 3."""
    config = BilevelConfig(max_iter=max_iter, replay=1)  # each set once, as printed
    path = out / "figure3.jsonl"
    done = _read(path, max_iter)
    dataset = load_dataset(_DATASET, data_dir=data_dir)
    with Progress(console=console(stderr=True)) as progress:
        task = progress.add_task("figure 3", total=seeds * len(PAPER_METRICS))
        for seed in range(seeds):
            split = split_rows(
                dataset.y, _DATASET, seed, max_train_rows=_MAX_TRAIN_ROWS
            )
            held_out = HeldOut(
                torch.from_numpy(dataset.x[split.test]),
                torch.from_numpy(dataset.y[split.test]),
            )
            for metric in PAPER_METRICS:
                if (seed, metric) not in done:
                    rows = convergence(
                        training_data(dataset, split),
                        held_out,
                        metrics=[metric],
                        config=config,
                        seeds=[seed],
                    )
                    done[seed, metric] = rows
                    _append(path, max_iter, rows)
                progress.advance(task)
    rows = [
        row
        for metric in PAPER_METRICS
        for seed in range(seeds)
        for row in done[seed, metric]
    ]
    title = f"{_DATASET}, at most {_MAX_TRAIN_ROWS:,} training rows"
    _save(draw_convergence(rows, title=title), out / "figure3")


def _read(path: Path, max_iter: int) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Return the finished trainings of as many iterations."""
    if not path.exists():
        return {}
    found = {}
    for text in path.read_text().split("\n")[:-1]:
        line = json.loads(text)
        if line["max_iter"] == max_iter:
            rows = line["rows"]
            found[rows[0]["seed"], rows[0]["metric"]] = rows
    return found


def _append(path: Path, max_iter: int, rows: list[dict[str, Any]]) -> None:
    """Add a training to the file, as a whole or not at all."""
    before = path.read_text() if path.exists() else ""
    line = json.dumps({"max_iter": max_iter, "rows": rows})
    write_whole(path, f"{before}{line}\n".encode())


def _save(figure: "Figure", stem: Path) -> None:
    paths = save_figure(figure, stem)
    note(f"figure written to {' and '.join(str(path) for path in paths)}")
