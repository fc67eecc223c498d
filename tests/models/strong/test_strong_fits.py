"""Fits of TabM from end to end: estimator, model directory, time."""

import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from core_cases import new_surrogate
from strong_cases import predictor_of, rows_of

from losslearn import Recipe, SurrogateClassifier, fit_table, load_model
from losslearn.cli import main
from losslearn.metrics import get_true_loss
from losslearn.models.strong.epochs import EpochSolution
from losslearn.models.strong.predictor import EnsemblePredictor
from losslearn.models.strong.tabm import TabM, TabMNetwork
from losslearn.tasks.binary import Binary
from losslearn.training.branches import LEARNED
from losslearn.training.lead import Lead
from losslearn.training.loop import Trainer
from losslearn.training.refit import Length, Plan, refit
from losslearn.training.setup import Setup
from losslearn.training.time_limit import solving_deadline

pytest.importorskip("tabm", reason="TabM needs the extra `strong`")

TINY = TabM(k=3, n_blocks=2, d_block=8, batch_size=64, patience=4)
SHORT = {"mode": "scratch", "max_iter": 16, "rounds": 2, "n_evals": 4, "catch_up": 4}


def data(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(n, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 0.5 * draws.normal(size=n) > 0.8).astype(int)
    return x, y


def fitted(**settings) -> SurrogateClassifier:
    settings = {"cv": 1, "refit": False, "random_state": 0, **settings}
    recipe = settings.pop("recipe", Recipe(**SHORT))
    model = SurrogateClassifier("f1", model=TINY, recipe=recipe, **settings)
    return model.fit(*data())


def test_a_fit_learns_and_tells_what_it_did():
    model = fitted()
    x, y = data()
    assert isinstance(model.model_, TabMNetwork)
    assert (model.predict(x) == y).mean() > 0.85
    settings = model.report_["settings"]
    assert settings["is_solved"]
    assert settings["model_lr"] == 1e-3
    last = model.history_[-1]
    assert last["method"] == "cross_entropy"
    learned = [look for look in model.history_ if look["method"] == "surrogate"]
    assert any(np.isfinite(look["cosine"]) for look in learned)


def test_all_rows_are_fitted_to_in_the_end():
    model = fitted(cv=2, refit=True)
    assert model.report_["settings"]["model_lr"] == 1e-3
    x, y = data()
    assert (model.predict(x) == y).mean() > 0.8


def test_epochs_are_stopped_by_the_validation_rows(monkeypatch):
    seen = []
    monkeypatch.setattr(
        EpochSolution, "_loss", lambda _, rows: seen.append(rows.n_rows) or 1.0
    )
    model = fitted()
    assert set(seen) == {len(model.validation_.score)}


def test_the_fit_on_all_rows_goes_on_in_small_steps(monkeypatch):
    rates, own = [], EnsemblePredictor.descend

    def descend(predictor, objective, drawn):
        rates.append(predictor.lr)
        own(predictor, objective, drawn)

    monkeypatch.setattr(EnsemblePredictor, "descend", descend)
    lengths = {LEARNED: Length(16, 16), "cross_entropy": Length(16, 8)}
    setup = Setup(get_true_loss("f1"), Binary(), new_surrogate(), Recipe(**SHORT), 0)
    plan = Plan(0.0, True, lengths, Lead(0, (5.0, 5.0)))
    refit(lambda: predictor_of(rows_of()), setup, plan)
    assert len(rates) == 8
    assert max(rates) < 1e-3


def test_the_same_seed_gives_the_same_scores():
    x, _ = data()
    np.testing.assert_array_equal(fitted().scores(x), fitted().scores(x))


def test_a_learning_rate_given_takes_steps_instead_of_epochs():
    model = fitted(recipe=Recipe(**SHORT, model_lr=1e-2, penalty=0.0))
    assert not model.report_["settings"]["is_solved"]


def test_a_saved_model_gives_the_same_scores_to_the_bit(tmp_path):
    x, y = data()
    frame = pd.DataFrame(x, columns=list("abcd")).assign(y=y)
    model = fit_table(
        frame, "y", "f1", model=TINY, cv=1, refit=False, recipe=Recipe(**SHORT)
    )
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    pd.testing.assert_frame_equal(
        loaded.predict(frame), model.predict(frame), check_exact=True
    )
    assert loaded.module.sizes == model.module.sizes
    names = model.module.state_dict()
    assert all(
        torch.equal(part, names[name])
        for name, part in loaded.module.state_dict().items()
    )


def test_the_command_line_says_what_a_saved_model_needs(tmp_path, monkeypatch, capsys):
    x, y = data(120)
    frame = pd.DataFrame(x, columns=list("abcd")).assign(y=y)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    settings = {"cv": 1, "refit": False, "recipe": Recipe(**SHORT)}
    fit_table(frame, "y", "f1", out=tmp_path / "model", model=TINY, **settings)
    monkeypatch.setitem(sys.modules, "tabm", None)
    given = [str(tmp_path / name) for name in ("model", "rows.csv")]
    assert main(["predict", *given]) == 2
    assert capsys.readouterr().err == (
        "losslearn: `model='tabm'` needs the package tabm: "
        "pip install 'losslearn[strong]'.\n"
    )


def test_half_of_the_time_is_for_the_epochs():
    rows = rows_of()
    trainer = Trainer(
        predictor_of(rows),
        rows_of(seed=1),
        get_true_loss("f1"),
        Binary(),
        Recipe(),
        generator=torch.Generator(),
    )
    now = time.perf_counter()
    assert solving_deadline(now + 1e6, trainer) == pytest.approx(now + 5e5, abs=1e3)
