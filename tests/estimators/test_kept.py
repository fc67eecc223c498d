"""What an estimator keeps of its fit while it runs, and until when."""

import numpy as np
import pytest

from losslearn import Recipe, SurrogateClassifier
from losslearn.estimators import base
from losslearn.training import checkpoint as checkpoints
from losslearn.training.checkpoint import Checkpoint

X = np.random.default_rng(0).normal(size=(120, 3))
Y = (X[:, 0] > 0.5).astype(int)
RECIPE = Recipe(mode="scratch", max_iter=6, n_evals=3, rounds=1, catch_up=4)


@pytest.fixture(autouse=True)
def _write_first_and_last(monkeypatch):
    monkeypatch.setattr(checkpoints, "_FIRST", 0.0)
    monkeypatch.setattr(checkpoints, "_SHARE", 1e-9)


def classifier(watch=None) -> SurrogateClassifier:
    return SurrogateClassifier(
        "f1", model="linear", recipe=RECIPE, random_state=0, watch=watch
    )


def press(*_given, **_further):
    raise KeyboardInterrupt


def test_a_fit_interrupted_while_its_methods_are_judged_goes_on(tmp_path, monkeypatch):
    path, whole = tmp_path / "state", classifier().fit(X, Y)
    with monkeypatch.context() as patch:
        patch.setattr(base, "judge_methods", press)
        with pytest.raises(KeyboardInterrupt):
            classifier().fit(X, Y, checkpoint=path)
    assert path.exists()
    looks: list[object] = []
    fitted = classifier(looks.append).fit(X, Y, checkpoint=path)
    assert not looks
    assert not path.exists()
    np.testing.assert_array_equal(fitted.scores(X), whole.scores(X))


def test_what_others_made_is_left_to_them(tmp_path):
    kept = Checkpoint(tmp_path / "state", "a job ")
    classifier().fit(X, Y, checkpoint=kept)
    assert kept.is_done
    assert kept.path.exists()
