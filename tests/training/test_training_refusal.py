"""What no fit can be made of is refused, at the least that one needs and not above."""

import numpy as np
import pytest
import torch
from core_cases import new_predictor
from torch import nn

from losslearn.metrics import MetricError, get_true_loss
from losslearn.metrics.own.as_true_loss import untried
from losslearn.models.rows import Rows
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.training.comparison import compare
from losslearn.training.grouping import group_codes, split_by_groups, split_by_time
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import SetSampler
from losslearn.training.setup import Setup
from losslearn.training.splitting import split_off_validation, split_rows

HALVES = (0.5, 0.5)
RECIPE = Recipe(mode="scratch", max_iter=4, n_evals=2, rounds=1, catch_up=4)


def strata(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def by_groups(codes, groups):
    return split_by_groups(codes, np.array(groups), HALVES, least=1, seed=0)


def by_time(codes, times):
    return split_by_time(codes, np.array(times), HALVES, least=1, called="times")


def sampler(*counts: int, batch_size: int = 4) -> SetSampler:
    return SetSampler(
        torch.from_numpy(strata(*counts)), batch_size=batch_size, n_strata=2
    )


@pytest.mark.parametrize(
    ("use", "too_little", "enough", "message"),
    [
        (
            lambda n: split_off_validation(strata(9, n), n_valid=4, seed=0),
            1,
            2,
            "needs 2 rows, one to train and one to validate on, got 1",
        ),
        (
            lambda n: split_off_validation(strata(9, 9), n_valid=n, seed=0),
            1,
            2,
            "must be at least 2 each, got 17 and 1 of 18",
        ),
        (
            lambda n: split_off_validation(strata(9, 9), n_valid=18 - n, seed=0),
            1,
            2,
            "must be at least 2 each, got 1 and 17 of 18",
        ),
        (lambda n: split_rows(strata(9, n), seed=0), 5, 6, "at least 6 are needed, 2"),
        (
            lambda n: split_rows(strata(9, n), validation_size=0, seed=0),
            3,
            4,
            "at least 4 are needed, 2 in each part",
        ),
        (
            lambda n: split_rows(strata(99, 99), test_size=1 - 0.2 * n, seed=0),
            1,
            2,
            "must be shares that leave rows to train on",
        ),
        (
            lambda n: group_codes(list("abc")[:n], n_rows=3, called="It"),
            2,
            3,
            r"for each of the 3 rows, got shape \[2\]",
        ),
        (
            lambda n: by_groups(strata(2, 2), [0, 1, 0, n]),
            0,
            1,
            "`groups` cannot be divided into 2 parts.*are in 1 groups",
        ),
        (
            lambda n: by_time(strata(1, 1, 1, 1) % 2, [0, 1, 2, 1 + n]),
            0,
            1,
            "times divides the rows into 2 parts.*holds 0 rows of one kind",
        ),
        (lambda n: sampler(4, *[1] * n), 0, 1, "Each of 2 strata.* a row"),
        (
            lambda n: sampler(4, 4, batch_size=n),
            1,
            2,
            "`batch_size` must be at least 2, got 1",
        ),
        (lambda n: Recipe(max_iter=n), 0, 1, "`max_iter` must be .*got 0"),
    ],
)
def test_a_part_too_small_is_refused_and_the_least_is_taken(
    use, too_little, enough, message
):
    with pytest.raises(ValueError, match=message) as said:
        use(too_little)
    assert "\n" not in str(said.value)
    use(enough)


def test_a_row_without_a_group_is_refused():
    with pytest.raises(ValueError, match="It lacks a value in 1 of 2 rows"):
        group_codes(np.array(["a", None], dtype=object), n_rows=2, called="It")


def fails(y_true, y_score):
    raise RuntimeError(f"out of ink at {len(y_true)} and {len(y_score)}")


@pytest.mark.parametrize(
    ("target", "n_scores", "metric", "error", "message"),
    [
        ([0] * 20, 1, "auc", ValueError, "Each of 2 strata"),
        ([0, 1] * 10, 2, "auc", ValueError, r"must map \[n, features\] to \[n\]"),
        ([0, 1] * 10, 1, fails, MetricError, "RuntimeError at call .*out of ink"),
    ],
)
def test_what_cannot_be_compared_is_refused(target, n_scores, metric, error, message):
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    rows = Rows(x, torch.tensor(target))
    true_loss = get_true_loss("auc")
    surrogate = initial_surrogate(true_loss, Binary(), mode="scratch", seed=0)
    if metric is fails:
        true_loss = untried(fails, greater_is_better=True)
    with pytest.raises(error, match=message):
        compare(
            lambda: new_predictor(nn.Linear(2, n_scores), rows, RECIPE),
            rows,
            Setup(true_loss, Binary(), surrogate, RECIPE, 0),
        )
