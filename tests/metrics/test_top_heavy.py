"""Metrics of the highest scores: how they are found, seen and trained for."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, ndcg_score, roc_auc_score

from losslearn import Recipe, SurrogateClassifier, declare_metric
from losslearn._fast import fastest
from losslearn._fast.fitter import CompiledFitter
from losslearn.metrics import Sets, as_true_loss, get_true_loss
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import (
    UniversalConfig,
    initial_surrogate,
    load_universal,
    make_universal,
    save_universal,
)
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.task import TargetRows
from losslearn.tasks.tokens import ScoreTokens, top_weights

SHARES = (0.3, 0.1)
AS_TENSOR = torch.tensor(SHARES, dtype=torch.float64)


@declare_metric(greater_is_better=True, batched=True)
def recall_at_top(y_true, y_score):
    k = -(-y_score.shape[-1] // 100)
    top = np.argsort(-y_score, axis=-1, kind="stable")[..., :k]
    found = np.take_along_axis(y_true, top, -1).sum(-1)
    return found / np.minimum(y_true.sum(-1), k)


def found_in_ten(y_true, y_score):
    return y_true[np.argsort(-y_score)[:10]].sum()


def is_first_right(y_true, y_score):
    return float(y_true[np.argmax(y_score)])


def reciprocal_rank(y_true, y_score):
    return 1 / (1 + np.argmax(y_true[np.argsort(-y_score)]))


def ndcg_of_ten(y_true, y_score):
    return ndcg_score(y_true[None], y_score[None], k=10)


def partial_auc(y_true, y_score):
    return roc_auc_score(y_true, y_score, max_fpr=0.02)


def amount_in_ten(y_true, y_score, *, amount):
    return (y_true * amount)[np.argsort(-y_score)[:10]].sum()


def average_precision(y_true, y_score):
    return average_precision_score(y_true, y_score)


def area(y_true, y_score):
    return roc_auc_score(y_true, y_score)


def share_found(y_true, y_pred):
    return (y_true * y_pred).sum() / y_true.sum()


@pytest.mark.parametrize(
    ("metric", "is_top_heavy"),
    [
        (recall_at_top, True),
        (found_in_ten, True),
        (is_first_right, True),
        (reciprocal_rank, True),
        (ndcg_of_ten, True),
        (partial_auc, True),
        (amount_in_ten, True),
        (average_precision, False),
        (area, False),
        (share_found, False),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_the_highest_scores_decide_is_found_by_trying(metric, is_top_heavy):
    loss = as_true_loss(metric, greater_is_better=True)
    assert loss.is_top_heavy == is_top_heavy


@pytest.mark.parametrize(
    ("name", "is_top_heavy"),
    [
        ("precision_at_k", True),
        ("precision_at_k@0.01", True),
        ("partial_auc@0.02", True),
        ("partial_auc", False),
        ("recall_at_precision", False),
        ("average_precision", False),
        ("roc_auc", False),
        ("f1", False),
    ],
)
def test_it_is_found_of_losses_of_the_package_too(name, is_top_heavy):
    assert get_true_loss(name).is_top_heavy == is_top_heavy


def _share_reached(scores, weights, share):
    """Return the highest score that is reached by at least a share of the weight."""
    total = sum(weights)
    for score in sorted(scores, reverse=True):
        reached = sum(w for s, w in zip(scores, weights, strict=True) if s >= score)
        if reached >= share * total * (1 - 1e-12):
            return score
    raise AssertionError


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 60),
    grid=st.sampled_from([None, 0.5]),
    share=st.sampled_from([0.013, 0.1, 0.31, 0.47]),
)
def test_weights_are_those_of_the_formula(seed, n, grid, share):
    rng = np.random.default_rng(seed)
    scores, weights = rng.normal(size=n), rng.uniform(0.1, 2, n)
    if grid is not None:
        scores = np.round(scores / grid) * grid
    cut, inner, outer = (
        _share_reached(scores, weights, p)
        for p in (share, share / 2, min(2 * share, 0.5))
    )
    width = max((inner - outer) / 4, 0.02)
    raw = [
        w / (1 + math.exp(-min(max((s - cut) / width, -700), 700)))
        for s, w in zip(scores, weights, strict=True)
    ]
    got = top_weights(
        torch.tensor(scores),
        torch.tensor(weights),
        torch.tensor([share], dtype=torch.float64),
    )
    assert got.shape == (1, n)
    assert np.allclose(got[0], np.array(raw) / sum(raw), atol=1e-9)


def draw(n_sets=3, n=40, seed=0, grid=None):
    generator = torch.Generator().manual_seed(seed)
    y_true = torch.randint(0, 2, (n_sets, n), generator=generator)
    y_score = torch.randn(n_sets, n, generator=generator).double()
    weight = torch.rand(n_sets, n, generator=generator).double() + 0.1
    if grid is not None:
        y_score = (y_score / grid).round() * grid
    return y_true, y_score, weight


def make(**settings):
    torch.manual_seed(0)
    return SetSurrogate(ScoreTokens(top_shares=SHARES, **settings)).double()


@given(seed=st.integers(0, 1_000), grid=st.sampled_from([None, 0.7]))
def test_order_of_rows_does_not_matter_and_sets_do_not_see_each_other(seed, grid):
    y_true, y_score, weight = draw(seed=seed, grid=grid)
    surrogate = make()
    was = surrogate(Sets(y_true, y_score, weight))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    for i in range(3):
        rows = (i, order)
        alone = surrogate(Sets(y_true[rows], y_score[rows], weight[rows]))
        assert torch.allclose(alone, was[i], rtol=1e-9)


def test_value_is_that_of_the_means_written_out():
    y_true, y_score, weight = draw(n_sets=1)
    surrogate = make(standardize=False)
    pairs = torch.stack([y_true[0].double(), y_score[0]], dim=1)
    codes = [surrogate.encoder(pair) for pair in pairs]
    shares = [weight[0] / weight.sum(), *top_weights(y_score[0], weight[0], AS_TENSOR)]
    means = [
        sum(w * code for w, code in zip(share, codes, strict=True)) for share in shares
    ]
    code = torch.cat(means)
    expected = surrogate.decoder(code) + surrogate.linear(code)
    assert torch.allclose(surrogate(Sets(y_true, y_score, weight)), expected)


def test_gradient_with_respect_to_scores_is_right():
    y_true, y_score, weight = draw(n_sets=2, n=30)
    surrogate = make()
    assert torch.autograd.gradcheck(
        lambda score: surrogate(Sets(y_true, score, weight)),
        y_score.requires_grad_(),
    )


def test_equal_scores_leave_value_and_gradient_finite():
    y_true = torch.tensor([[0, 1, 1, 0]])
    score = torch.full((1, 4), 2.0, dtype=torch.float64, requires_grad=True)
    value = make()(Sets(y_true, score))
    value.sum().backward()
    assert value.isfinite().all()
    assert score.grad.isfinite().all()


@pytest.mark.parametrize("share", [0.0, 0.5, 10.0, math.nan])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match=r"between 0 and 0.5, got \(0.1,"):
        ScoreTokens(top_shares=[0.1, share])


def test_there_is_no_compiled_form():
    def fitter(**settings):
        surrogate = SetSurrogate(ScoreTokens(**settings))
        return fastest(SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3))

    assert isinstance(fitter(), CompiledFitter)
    assert type(fitter(top_shares=SHARES)) is SurrogateFitter


def test_columns_are_weighed_within_every_mean():
    # the amounts of the ten highest scores cannot be told from a mean over all
    surrogate = make(column_units={"amount": (0.0, 1.0)})
    y_true, y_score, weight = draw(n_sets=1)
    amount = torch.linspace(0, 1, 40).double().unsqueeze(0)
    inputs = torch.stack([y_true, surrogate_scores(y_score, weight), amount], dim=-1)
    codes = surrogate.encoder(inputs.double())
    standard = surrogate_scores(y_score, weight)
    shares = torch.cat(
        [weight / weight.sum(), top_weights(standard, weight, AS_TENSOR)[0]]
    )
    code = torch.cat(
        [(shares @ codes[0]).flatten(), (shares * amount @ codes[0]).flatten()]
    )
    got = surrogate(Sets(y_true, y_score, weight, {"amount": amount}))
    assert torch.allclose(got, surrogate.decoder(code) + surrogate.linear(code))


def surrogate_scores(y_score, weight):
    share = weight / weight.sum(-1, keepdim=True)
    centred = y_score - (share * y_score).sum(-1, keepdim=True)
    return centred / (share * centred.square()).sum(-1, keepdim=True).sqrt()


@pytest.mark.parametrize("mode", ["scratch", "refined"])
def test_start_has_the_form_the_loss_asks_for(mode, monkeypatch):
    quick = UniversalConfig(set_sizes=(64,), n_sets=64, max_iter=4)
    monkeypatch.setattr("losslearn.surrogate.universal.store.TOP_HEAVY", quick)
    monkeypatch.setattr("losslearn.surrogate.universal.store.WITH_COLUMNS", quick)
    settings = {"mode": mode, "seed": 0}
    plain = initial_surrogate(get_true_loss("auc"), Binary(), **settings)
    assert plain.view.top_shares == ()
    loss = as_true_loss(recall_at_top)
    found = initial_surrogate(loss, Binary(), **settings)
    assert found.view.top_shares == (0.3, 0.1, 0.03, 0.01)
    rows = TargetRows(
        torch.arange(40) % 2, {"amount": torch.linspace(0, 1, 40, dtype=torch.float64)}
    )
    loss = as_true_loss(amount_in_ten, greater_is_better=True)
    both = initial_surrogate(loss, Binary(), rows=rows, **settings)
    assert both.view.top_shares == (0.3, 0.1, 0.03, 0.01)
    assert both.view.column_names == ("amount",)


def test_the_papers_form_has_no_view_of_the_top():
    loss = as_true_loss(recall_at_top)
    settings = {"mode": "scratch", "form": "gaussian", "seed": 0}
    assert initial_surrogate(loss, Binary(), **settings).view.top_shares == ()


def test_a_metric_of_another_share_is_fitted_anew(losslearn_cache, monkeypatch):
    # in a set of 64 rows either is decided by one row
    quick = UniversalConfig(set_sizes=(64, 1_024), n_sets=64, max_iter=4)
    monkeypatch.setattr("losslearn.surrogate.universal.store.TOP_HEAVY", quick)
    for share in (0.01, 0.015):

        def found_at_top(y_true, y_score, share=share):
            return y_true[np.argsort(-y_score)[: math.ceil(share * len(y_true))]].mean()

        loss = as_true_loss(found_at_top, greater_is_better=True)
        initial_surrogate(loss, Binary(), mode="refined", seed=0)
    assert len(list(losslearn_cache.iterdir())) == 2


def test_file_round_trip(tmp_path):
    config = UniversalConfig(set_sizes=(64,), n_sets=64, max_iter=4)
    loss = as_true_loss(recall_at_top)
    universal = make_universal(loss, config=config)
    save_universal(universal, tmp_path / "top.safetensors")
    view = Binary().view(loss, standardize=loss.scale_invariant)
    again = load_universal(tmp_path / "top.safetensors", view).surrogate
    assert again.view.top_shares == universal.surrogate.view.top_shares != ()
    y_true, y_score, _ = draw()
    expected, got = (
        surrogate(Sets(y_true, y_score.float()))
        for surrogate in (universal.surrogate, again)
    )
    assert torch.allclose(expected, got, rtol=1e-6)


def make_rows(n, seed):
    """Return rows of which the surest positives do not look like most positives.

    A few negatives lie far out where most positives are, and a fifth of the positives
    are far out in another direction, where nothing else is.
    """
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    x = rng.normal(size=(n, 2))
    x[:, 0] += 2 * y
    odd = rng.random(n) < 0.03
    x[odd, 0] += 2.5
    y[odd] = 0
    x[(y == 1) & (rng.random(n) < 0.2), 1] += 3
    return x.astype(np.float32), y


def test_training_for_the_top_per_cent_fills_it_with_positives():
    X, y = make_rows(6_000, 0)
    X_valid, y_valid = make_rows(6_000, 1)
    X_test, y_test = make_rows(20_000, 2)
    plain = LogisticRegression().fit(X, y)
    assert recall_at_top(y_test, plain.decision_function(X_test)) < 0.7
    classifier = SurrogateClassifier(
        recall_at_top,
        model="linear",
        recipe=Recipe(max_iter=200, model_lr=0.03),
        random_state=0,
    )
    classifier.fit(X, y, X_valid=X_valid, y_valid=y_valid)
    assert classifier.report_["chosen"] == "surrogate"
    assert classifier.score(X_test, y_test) > 0.95
