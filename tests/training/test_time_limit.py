"""How many iterations there is time for."""

import time

import pytest
import torch
from core_cases import new_trainer

from losslearn.models.networks import Linear
from losslearn.models.rows import Rows
from losslearn.training.recipe import Recipe
from losslearn.training.time_limit import fit_into

LOOK, TURN = 0.002, 0.001
RECIPE = Recipe(max_iter=1_000_000, model_lr=1e-2, penalty=0.0)


def n_iter(slow: set[int]) -> int:
    """Return the iterations of 100 s where some timings fall into a slow moment."""
    timings = iter(range(100))

    def timed(*, is_learned: bool, n_iter: int) -> float:
        seconds = LOOK + TURN * (1 + is_learned) * n_iter
        return seconds + 0.5 * (next(timings) in slow)

    rows = Rows(torch.randn(40, 2), torch.arange(40) % 2)
    trainer = new_trainer(Linear(2), (rows, rows), "f1", RECIPE, seed=0)
    return fit_into(time.perf_counter() + 100, trainer, timed).max_iter


@pytest.mark.parametrize("place", range(12))
def test_a_slow_moment_changes_no_number_of_iterations(place):
    assert n_iter({place}) == pytest.approx(n_iter(set()), rel=0.01)


def test_turns_are_never_thought_to_be_free():
    assert n_iter({0, 1, 2, 6, 7, 8}) < 100_000


def test_long_turns_are_timed_few_times_where_time_is_short():
    asked = []

    def timed(*, is_learned: bool, n_iter: int) -> float:
        asked.append((is_learned, n_iter))
        return 1.0 + n_iter

    rows = Rows(torch.randn(40, 2), torch.arange(40) % 2)
    trainer = new_trainer(Linear(2), (rows, rows), "f1", RECIPE, seed=0)
    fit_into(time.perf_counter(), trainer, timed)
    assert asked == [(True, 1), (True, 2), (False, 1), (False, 2)]
    asked.clear()
    fit_into(time.perf_counter() + 1e6, trainer, timed)
    assert len(asked) == 12
