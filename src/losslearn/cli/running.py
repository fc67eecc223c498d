"""A fit from the command line: progress, model directory, and what is printed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from losslearn.cli.fitting import FitOptions, FitOutcome, fit_table
from losslearn.cli.progress import FitDisplay
from losslearn.cli.reporting import console, note, print_fit, print_json
from losslearn.metrics import TrueLoss
from losslearn.tables.saved import save_model

if TYPE_CHECKING:
    import pandas as pd


def run_fit(
    frame: "pd.DataFrame",
    options: FitOptions,
    folder: Path,
    *,
    as_json: bool,
    valid_frame: "pd.DataFrame | None" = None,
    true_loss: TrueLoss | None = None,
    is_kept: bool = True,
) -> FitOutcome:
    """Fit, write the model directory, and print the comparison.

    Args:
        frame: The table.
        options: What to train.
        folder: Where the model goes.
        as_json: Whether to print JSON instead of a table.
        valid_frame: Validation rows of their own.
        true_loss: What `options.metric` stands for, if it is known already.
        is_kept: Whether the folder stays, and is worth naming.
    """
    use_one_thread()
    stderr = console(stderr=True)
    with FitDisplay(stderr, options.config, max_time=options.max_time) as display:
        outcome = fit_table(
            frame,
            options,
            valid_frame=valid_frame,
            true_loss=true_loss,
            display=display,
        )
        display.stage("writing the model")
        figure = outcome.figure()
        save_model(folder, outcome.model, figure=figure)
    if figure is None:
        note("matplotlib is not installed, so there are no learning curves.")
    path = str(folder) if is_kept else None
    if as_json:
        print_json(outcome.summary(path))
        if outcome.interrupted:
            note("interrupted; the best weights so far are kept.")
    else:
        print_fit(console(), outcome, path)
    return outcome


def use_one_thread() -> None:
    """Keep torch from dividing tiny tensors among threads, unless told otherwise.

    The threads would mostly wait for each other, and on a busy machine for others.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
