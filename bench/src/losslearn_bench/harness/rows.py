"""The rows of one random split, and what a model does on its test rows."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.models.networks import score_rows
from losslearn.models.rows import Rows
from losslearn.tasks.thresholds import best_threshold, evaluate
from losslearn_bench.datasets import Dataset, load_dataset
from losslearn_bench.harness.splits import Split, split_rows


class TrainingData(NamedTuple):
    """Rows to train on, and rows to choose by."""

    x: Float[Tensor, "rows features"]
    y_true: Integer[Tensor, " rows"]
    x_valid: Float[Tensor, "valid features"]
    y_valid: Integer[Tensor, " valid"]
    columns: Columns = NO_COLUMNS
    """What the true loss needs to know of each training row besides."""
    valid_columns: Columns = NO_COLUMNS

    @property
    def train(self) -> Rows:
        """The rows to train on, as the package takes them."""
        return Rows(self.x, self.y_true, columns=self.columns)

    @property
    def valid(self) -> Rows:
        """The rows to choose by."""
        return Rows(self.x_valid, self.y_valid, columns=self.valid_columns)


class HeldOut(NamedTuple):
    """Test rows, which are measured and choose nothing."""

    x: Float[Tensor, "rows features"]
    y_true: Integer[Tensor, " rows"]
    columns: Columns = NO_COLUMNS

    @property
    def rows(self) -> Rows:
        """The rows as the package takes them."""
        return Rows(self.x, self.y_true, columns=self.columns)


class SplitRows(NamedTuple):
    """A data set in the parts of one random split."""

    data: TrainingData
    """All that a method gets to see."""
    test: HeldOut
    dataset: Dataset
    split: Split


def load_rows(
    source: str,
    repetition: int,
    *,
    max_train_rows: int | None = None,
    data_dir: Path | None = None,
) -> SplitRows:
    """Load a data set and split it; see `load_dataset` and `split_rows`."""
    dataset = load_dataset(source, data_dir=data_dir)
    cap = max_train_rows
    split = split_rows(dataset.y, dataset.name, repetition, max_train_rows=cap)
    return take_rows(dataset, split)


def take_rows(dataset: Dataset, split: Split) -> SplitRows:
    """Return the parts of a data set as tensors."""
    x, y_true, x_valid, y_valid, x_test, y_test = (
        torch.from_numpy(np.ascontiguousarray(part[rows]))
        for rows in split
        for part in (dataset.x, dataset.y)
    )
    data = TrainingData(x, y_true, x_valid, y_valid)
    return SplitRows(data, HeldOut(x_test, y_test), dataset, split)


def tuned_threshold(loss: TrueLoss, data: TrainingData, score: Tensor) -> float | None:
    """Return the best threshold on the validation rows; None where none is needed."""
    if not loss.needs_threshold:
        return None
    columns = data.valid_columns
    return best_threshold(loss, data.y_valid, score, columns=columns)[0]


def measure(
    true_loss: TrueLoss,
    data: TrainingData,
    valid_score: Tensor,
    test: HeldOut,
    test_score: Tensor,
) -> float:
    """Return the test loss at the threshold that is best on the validation rows."""
    threshold = tuned_threshold(true_loss, data, valid_score)
    return evaluate(
        true_loss, test.y_true, test_score, threshold=threshold, columns=test.columns
    )


def held_out_loss(
    model: nn.Module, data: TrainingData, test: HeldOut, true_loss: TrueLoss
) -> float:
    """Return what `measure` does of the scores of a model."""
    valid_score, test_score = (score_rows(model, x) for x in (data.x_valid, test.x))
    return measure(true_loss, data, valid_score, test, test_score)
