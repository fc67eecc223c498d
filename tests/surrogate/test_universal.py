import json

import pytest
import torch
from safetensors import safe_open

from losslearn.metrics import (
    Sets,
    as_true_loss,
    declare_metric,
    get_true_loss,
    list_true_losses,
)
from losslearn.metrics.own.as_true_loss import untried
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import (
    SHIPPED,
    UniversalConfig,
    file_stem,
    fit_universal,
    get_universal,
    initial_surrogate,
    load_universal,
    make_universal,
    save_universal,
)
from losslearn.surrogate.universal.fit import CALLABLE
from losslearn.surrogate.universal.units import set_units
from losslearn.tasks.binary import Binary
from losslearn.tasks.generated import GaussianScores, WideScores
from losslearn.tasks.tokens import ScoreTokens

TINY = UniversalConfig(set_sizes=(32,), n_sets=256, max_iter=100, sets_per_step=16)


def view_of(loss):
    return Binary().view(loss, standardize=loss.scale_invariant)


def draw(distribution, n_sets: int = 400, n: int = 64):
    return distribution.draw(n_sets, n, generator=torch.Generator().manual_seed(0))


def test_gaussian_form_is_equation_3():
    sets = draw(GaussianScores(pos_rate=0.3, score_mean=2.0, score_std=0.5), 2_000)
    assert sets.target.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert sets.score.mean().item() == pytest.approx(2.0, abs=0.01)
    assert sets.score.std().item() == pytest.approx(0.5, abs=0.01)
    auc_loss = get_true_loss("auc")(Sets(sets.target, sets.score))
    assert auc_loss.mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "distribution", [GaussianScores(), WideScores(), WideScores(cut=True)]
)
def test_every_generated_set_has_both_classes_and_finite_scores(distribution):
    sets = draw(distribution)
    positives = sets.target.sum(-1)
    assert positives.min() >= 1
    assert positives.max() <= 63
    assert torch.isfinite(sets.score).all()
    assert (sets.weight > 0).all()


def test_wide_form_shows_good_and_bad_rankings_ties_and_all_prevalences():
    sets = draw(WideScores())
    auc_loss = get_true_loss("auc")(Sets(sets.target, sets.score))
    assert auc_loss.min() < 0.02
    assert auc_loss.max() > 0.5
    prevalence = sets.target.float().mean(-1)
    assert prevalence.min() < 0.05
    assert prevalence.max() > 0.95
    distinct = torch.tensor([row.unique().numel() for row in sets.score])
    assert (distinct < 50).any()
    assert (distinct == 64).any()


def test_sets_that_are_cut_have_decisions_turn_anywhere_among_their_scores():
    sets = draw(WideScores(cut=True), 2_000)
    assert torch.allclose(sets.score.std(-1), torch.ones(2_000), atol=1e-4)
    positive, called = sets.target == 1, sets.score >= 0
    assert called.any(-1).all()
    rates = [
        (called & of_class).sum(-1) / of_class.sum(-1)
        for of_class in (positive, ~positive)
    ]
    # their sum is uniform between 0 and 2, where no row is a large share of its class
    balanced = (positive.float().mean(-1) - 0.5).abs() < 0.25
    share = ((rates[0] + rates[1]) / 2)[balanced]
    for level in (0.25, 0.5, 0.75):
        assert float((share < level).float().mean()) == pytest.approx(level, abs=0.06)


def test_other_units_leave_what_a_surrogate_returns():
    sets = draw(WideScores(cut=True), 50)
    for top in ((), (0.1,)):
        torch.manual_seed(0)
        view = ScoreTokens(standardize=False, top_shares=top)
        surrogate = SetSurrogate(view, loss_shift=2.0, loss_scale=0.5)
        before = surrogate(sets).detach()
        values = torch.tensor([1.0, 3.0, 8.0])
        set_units(surrogate, values)
        assert torch.allclose(surrogate(sets), before, atol=1e-4)
        assert float(surrogate.loss_shift) == 4
        assert float(surrogate.loss_scale) == pytest.approx(float(values.std()))


def test_a_loss_in_a_frame_counts_in_the_spread_of_its_lowest_values():
    """As that of the best threshold does, of which it knows no value."""
    f1 = get_true_loss("f1")
    universal = fit_universal(f1.in_a_frame(), config=CALLABLE)[0]
    best = f1(draw(WideScores(), 1_000, 128))
    assert float(universal.loss_scale) == pytest.approx(float(best.std()), rel=0.2)
    at_once = f1.in_a_frame()(draw(WideScores(cut=True), 1_000, 128))
    assert float(at_once.std()) > 1.1 * float(universal.loss_scale)


def test_longer_fit_has_a_smaller_error():
    loss = get_true_loss("auc")
    errors = []
    for max_iter in (2, 1_000):
        config = UniversalConfig(
            set_sizes=(32,), n_sets=4_096, max_iter=max_iter, sets_per_step=16
        )
        errors.append(fit_universal(loss, config=config)[1])
    assert errors[1] < 0.8 * errors[0]


def test_same_seed_makes_the_same_surrogate():
    loss = get_true_loss("f1")
    a, b = (make_universal(loss, config=TINY, seed=4) for _ in range(2))
    assert a.error == b.error
    assert all(map(torch.equal, a.surrogate.parameters(), b.surrogate.parameters()))


@pytest.mark.parametrize("name", list(list_true_losses()))
def test_shipped_surrogate_of_every_builtin_loss_is_close_to_it(name):
    loss = get_true_loss(name)
    universal = load_universal(
        SHIPPED / f"{file_stem(loss)}.safetensors", view_of(loss)
    )
    sets = draw(WideScores(), 500, 200)
    exact = loss(sets)
    with torch.no_grad():
        learned = universal.surrogate(sets)
    error = (learned - exact).abs().mean().item()
    # the error told with it is the error one finds, and far below a constant's
    assert error == pytest.approx(universal.error, rel=0.5)
    assert error < 0.5 * (exact - exact.median()).abs().mean().item()
    assert universal.settings["loss"] == name


def test_header_of_a_shipped_file_tells_how_it_was_made():
    with safe_open(SHIPPED / "f1_loss.safetensors", framework="pt") as file:
        metadata = file.metadata()
    settings = json.loads(metadata["settings"])
    assert settings["form"] == "WideScores"
    assert settings["seed"] == 0
    assert settings["config"]["max_iter"] == UniversalConfig().max_iter


def test_file_round_trip(tmp_path):
    loss = get_true_loss("f1")
    universal = make_universal(loss, config=TINY)
    save_universal(universal, tmp_path / "u.safetensors")
    again = load_universal(tmp_path / "u.safetensors", view_of(loss))
    assert again.error == universal.error
    sets = draw(WideScores(), 5)._replace(weight=None)
    with torch.no_grad():
        assert torch.equal(
            again.surrogate(sets),
            universal.surrogate(sets),
        )


def test_damaged_file_is_refused(tmp_path):
    path = tmp_path / "u.safetensors"
    loss = get_true_loss("f1")
    save_universal(make_universal(loss, config=TINY), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="holds no universal surrogate"):
        load_universal(path, view_of(loss))


def counted(calls: list[int], power: float):
    @declare_metric(greater_is_better=False)
    def gap(y_true, y_score):
        calls.append(len(y_true))
        spread = y_score.std() + 1e-9
        means = y_score[y_true == 1].mean() - y_score[y_true == 0].mean()
        return abs(means / spread - 1.0) ** power

    return gap


def test_callable_is_fitted_once_and_then_found_in_the_cache(losslearn_cache):
    calls: list[int] = []
    loss = as_true_loss(counted(calls, 1.0))
    steps: list[int] = []
    first = get_universal(loss, progress=lambda step, *_: steps.append(step))
    assert steps[-1] == 1_000
    assert len(list(losslearn_cache.glob("gap-*.safetensors"))) == 1
    del calls[:]
    again = get_universal(loss)
    assert len(calls) < 50  # to recognise it, not to fit it
    assert again.error == first.error


def test_changed_callable_of_the_same_name_is_fitted_anew(losslearn_cache, monkeypatch):
    from losslearn.surrogate.universal import store

    monkeypatch.setattr(store, "CALLABLE", TINY)
    for power in (1.0, 2.0):
        get_universal(as_true_loss(counted([], power)))
    assert len(list(losslearn_cache.glob("gap-*.safetensors"))) == 2


@pytest.mark.parametrize("name", ["auc", "f1", "error_rate"])
def test_from_scratch_and_refined_work_in_the_same_units(name):
    loss = get_true_loss(name)
    starts = [
        initial_surrogate(loss, Binary(), mode=mode, seed=0)
        for mode in ("scratch", "refined")
    ]
    scratch, refined = (float(start.loss_scale) for start in starts)
    assert scratch == pytest.approx(refined, rel=0.3)
    assert refined < 0.5  # far from 1, so the test can fail


@pytest.mark.parametrize("mode", ["scratch", "refined"])
def test_a_loss_of_columns_needs_rows_that_have_them(mode):
    @declare_metric(greater_is_better=False)
    def of_amount(y_true, y_score, *, amount):
        return float((y_true * y_score * amount).mean())

    with pytest.raises(ValueError, match=r"needs the columns \['amount'\]"):
        initial_surrogate(untried(of_amount), Binary(), mode=mode, seed=0)
