"""How many threads BLAS has within the kernels, and after them."""

import threading

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from losslearn._fast import fastest
from losslearn._fast.kernels import feed_forward, model_steps
from losslearn._fast.kernels.blas import one_thread
from losslearn.metrics import get_true_loss
from losslearn.models.networks import build_model
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.binary import Binary
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.loop import Trainer
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe

with one_thread():  # so that the libraries are loaded
    pass


def blas_threads() -> list[int]:
    """Threads of each BLAS that scipy brings, as an independent look finds them."""
    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    own = [one for one in found if "scipy" in one["filepath"]]
    return [one["num_threads"] for one in own or found]


@pytest.fixture(autouse=True)
def three_threads():
    with threadpool_limits(3, user_api="blas"):
        yield


def test_within_there_is_one_thread_and_afterwards_as_many_as_before():
    assert set(blas_threads()) == {3}
    with one_thread():
        assert set(blas_threads()) == {1}
        with one_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {3}


def test_an_error_within_puts_the_threads_back():
    with pytest.raises(ValueError, match="a reason"), one_thread():
        raise ValueError("a reason")
    assert set(blas_threads()) == {3}


def test_another_thread_leaves_everything_as_it_was():
    def enter():
        with one_thread():
            pass

    other = threading.Thread(target=enter)
    with one_thread():
        other.start()
        other.join()
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {3}


def test_every_kernel_that_calls_blas_runs_within(monkeypatch):
    seen = {}

    def watched(module, name):
        kernel = getattr(module, name)

        def call(*arguments):
            seen[name] = set(blas_threads())
            return kernel(*arguments)

        monkeypatch.setattr(module, name, call)

    names = {"score_rows": model_steps, "model_steps": model_steps}
    names |= {"forward": feed_forward, "backward": feed_forward}
    for name, module in names.items():
        watched(module, name)
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    y_true = (x[:, 0] > 0).long()
    generator, loss = torch.Generator().manual_seed(0), get_true_loss("f1")
    recipe, rows = Recipe(max_iter=2, batch_size=20), Rows(x, y_true)
    predictor = fastest(TorchPredictor(build_model("mlp", x), rows, lr=1e-2))
    trainer = Trainer(predictor, rows, loss, Binary(), recipe, generator=generator)
    surrogate = SetSurrogate(ScoreTokens())
    learner = make_learner(surrogate, loss, Binary(), recipe, generator=generator)
    learned = LearnedObjective(learner.fitter)
    trainer.iterate(learned, learner)
    # an objective that is not known takes the steps one at a time
    trainer.iterate(lambda sets: learned(sets))
    assert seen == {name: {1} for name in names}
