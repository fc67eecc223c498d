"""Fits in threads give what they give alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from estimator_cases import make
from torch import nn

from losslearn import SurrogateLoss
from losslearn._fast import as_written
from losslearn.models.global_draws import own_draws


def noisy() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))


@pytest.mark.parametrize("named", ["mlp", "module"])
def test_fits_in_threads_give_what_they_give_alone(named, table):
    model = named if named == "mlp" else noisy()

    def fit(seed: int):
        clf = make("auc", model=model, mode="scratch", random_state=seed)
        looks = [one["validation_loss"] for one in clf.fit(*table).history_]
        return looks, clf.scores(table[0])

    seeds = [0, 1, 0, 2, 0, 1]
    alone = {seed: fit(seed) for seed in set(seeds)}
    before = torch.get_rng_state()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(fit, seeds))
    assert torch.equal(torch.get_rng_state(), before)
    for seed, (looks, scores) in zip(seeds, together, strict=True):
        assert looks == alone[seed][0]
        assert np.array_equal(scores, alone[seed][1])


def test_criteria_of_threads_start_alike():
    def weights(_: int):
        return SurrogateLoss("f1", mode="scratch")._stream.surrogate.state_dict()

    with as_written():
        expected = weights(0)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(weights, range(12)))
    for state in found:
        assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_the_global_generator_is_held_by_one_thread_that_may_hold_it_twice():
    inside, drawn = threading.Event(), []

    def other() -> None:
        with own_draws():
            torch.manual_seed(1)
            inside.set()

    thread = threading.Thread(target=other)
    with own_draws():
        torch.manual_seed(0)
        thread.start()
        with own_draws():
            assert not inside.wait(0.1)
        drawn.append(torch.rand(1))
    thread.join()
    assert inside.is_set()
    assert torch.equal(
        drawn[0], torch.rand(1, generator=torch.Generator().manual_seed(0))
    )
