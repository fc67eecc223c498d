"""Metrics that need further columns of each row, from the call to the two levels."""

# ruff: noqa: ARG001 - a metric has its arguments, whether it looks at them or not

import numpy as np
import pandas as pd
import pytest
import torch
from metric_columns_cases import UNITS, by_hand, draw, profit, profit_of_one_set, table
from torch import nn

from losslearn import SurrogateLoss, as_true_loss, declare_metric, tune_threshold
from losslearn._fast import fastest
from losslearn.metrics import MetricError, Sets
from losslearn.metrics.columns import as_columns, take_rows
from losslearn.models.rows import Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import UniversalConfig, initial_surrogate
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.task import TargetRows
from losslearn.tasks.thresholds import best_threshold, bootstrap_interval, evaluate
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import SetSampler
from losslearn.training.trust import GradientHealth
from losslearn.training.uncertainty import loss_difference

# the metric


@pytest.mark.parametrize("given", [profit, profit_of_one_set])
def test_value_is_that_of_a_plain_loop(given):
    y_true, y_score, columns = draw()
    loss = as_true_loss(given, greater_is_better=True)
    assert loss.columns == ("amount",)
    found = loss.with_threshold(0.3)(Sets(y_true, y_score, columns=columns))
    sets = zip(y_true, y_score, columns["amount"], strict=True)
    expected = [by_hand(*(part.tolist() for part in one), 0.3) for one in sets]
    assert found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("given", [profit, profit_of_one_set])
def test_form_to_train_for_is_the_best_of_the_thresholds_tried(given):
    y_true, y_score, columns = draw(n=20)  # few enough for every score to be tried
    loss = as_true_loss(given, greater_is_better=True)
    found = loss(Sets(y_true, y_score, columns=columns))
    sets = zip(y_true, y_score, columns["amount"], strict=True)
    expected = [
        min(by_hand(*(part.tolist() for part in one), cut) for cut in one[1].tolist())
        for one in sets
    ]
    assert found.tolist() == pytest.approx(expected)


def test_one_column_serves_all_sets_and_weights_go_along():
    def weighted(y_true, y_score, *, amount, sample_weight=None):
        weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
        return float((weight * amount * y_true).sum())

    y_true, y_score, columns = draw()
    amount = columns["amount"][0]
    weight = torch.arange(40) / 40
    loss = as_true_loss(weighted, greater_is_better=False)
    assert loss.columns == ("amount",)
    found = loss(Sets(y_true, y_score, weight, {"amount": amount}))
    expected = [
        sum(float(weight[i] * amount[i]) for i in range(40) if one[i] == 1)
        for one in y_true
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


def test_arguments_with_a_default_are_no_columns_and_bound_ones_neither():
    from functools import partial

    def metric(y_true, y_score, *, amount, rate=0.5, sample_weight):
        del sample_weight
        return float((amount * y_true * y_score).mean() * rate)

    bound = partial(metric, amount=1.0, sample_weight=None)
    bound.greater_is_better = True
    assert as_true_loss(bound).columns == ()


def test_a_column_that_is_not_given_is_one_clear_error():
    y_true, y_score, columns = draw()
    loss = as_true_loss(profit)
    with pytest.raises(ValueError, match=r"needs the columns \['amount'\].*`columns`"):
        loss(Sets(y_true, y_score, columns={"fee": columns["fee"]}))
    with pytest.raises(ValueError, match="needs the columns"):
        best_threshold(loss, y_true[0], y_score[0])


def test_a_metric_that_fails_on_generated_columns_says_what_they_were():
    def broken(y_true, y_score, *, amount):
        raise RuntimeError("no")

    with pytest.warns(RuntimeWarning, match="with amount between 0 and 1"):
        as_true_loss(broken, greater_is_better=True)


def test_a_batched_metric_that_mixes_the_columns_of_sets_is_found_out():
    @declare_metric(greater_is_better=True, batched=True)
    def mixing(y_true, y_score, *, amount):
        return (amount * y_true).sum(-1) / amount.mean()

    with pytest.raises(MetricError, match="declared batched"):
        as_true_loss(mixing)


# thresholds and differences


def test_threshold_is_the_best_of_all_with_the_columns():
    y_true, y_score, columns = draw(n_sets=1)
    y, score, amount = y_true[0], y_score[0].double(), columns["amount"][0]
    loss = as_true_loss(profit)
    threshold, value = best_threshold(loss, y, score, columns={"amount": amount})
    rows = y.tolist(), score.tolist(), amount.tolist()
    assert value == pytest.approx(min(by_hand(*rows, cut) for cut in score.tolist()))
    assert by_hand(*rows, threshold) == pytest.approx(value)
    given = {"metric_columns": {"amount": amount.numpy()}}
    assert tune_threshold(y, score, profit, **given) == threshold
    at = {"threshold": threshold, "columns": {"amount": amount}}
    assert evaluate(loss, y, score, **at) == pytest.approx(value)


def test_interval_and_difference_resample_the_columns_with_their_rows():
    y_true, y_score, _ = draw(n_sets=1, n=200)
    y, score = y_true[0], y_score[0].double()

    def only_if_rows_stay_together(y_true, y_score, *, row_score):
        return float(np.abs(y_score - row_score).max())

    loss = as_true_loss(only_if_rows_stay_together, greater_is_better=False)
    columns = {"row_score": score}
    generator = torch.Generator().manual_seed(0)
    assert bootstrap_interval(
        loss, y, score, columns=columns, generator=generator, n_resamples=5
    ) == (0.0, 0.0)
    sets = [Sets(y, moved, columns=columns) for moved in (score, score + 1)]
    found = loss_difference(loss, sets, strata=y, seed=0)
    assert found.value == pytest.approx(-1)
    assert found.standard_error == pytest.approx(0, abs=1e-9)


# the surrogate


def surrogate_of(units, **settings) -> SetSurrogate:
    return SetSurrogate(ScoreTokens(column_units=units, **settings))


def with_columns(**settings) -> SetSurrogate:
    torch.manual_seed(0)
    return surrogate_of(UNITS, **settings).double()


def test_surrogate_sees_the_columns_and_no_order_of_rows():
    y_true, y_score, columns = draw()
    y_score, surrogate = y_score.double(), with_columns()
    weight = torch.rand(3, 40, dtype=torch.float64) + 0.1
    order = torch.randperm(40)
    moved = {name: column[:, order] for name, column in columns.items()}
    was = surrogate(Sets(y_true, y_score, weight, columns))
    now = surrogate(Sets(y_true[:, order], y_score[:, order], weight[:, order], moved))
    assert torch.allclose(was, now, rtol=1e-10)
    astray = surrogate(Sets(y_true, y_score, weight, moved))
    assert not torch.allclose(was, astray, rtol=1e-4)


def test_surrogate_standardises_the_columns():
    y_true, y_score, columns = draw()
    units = {name: (mean * 100 + 7, std * 100) for name, (mean, std) in UNITS.items()}
    plain = with_columns()
    stretched = surrogate_of(units).double()
    state = {
        name: value
        for name, value in plain.state_dict().items()
        if not name.startswith("view.column_")
    }
    assert stretched.load_state_dict(state, strict=False).unexpected_keys == []
    larger = {name: column * 100 + 7 for name, column in columns.items()}
    assert torch.allclose(
        plain(Sets(y_true, y_score.double(), columns=columns)),
        stretched(Sets(y_true, y_score.double(), columns=larger)),
    )


def test_constant_columns_leave_the_surrogate_finite():
    y_true, y_score, columns = draw()
    surrogate = surrogate_of({"amount": (1.0, 0.0)})
    assert surrogate(Sets(y_true, y_score, columns=columns)).isfinite().all()


def test_surrogate_asks_for_its_columns():
    y_true, y_score, columns = draw()
    with pytest.raises(ValueError, match=r"\['fee'\] are not given"):
        with_columns()(Sets(y_true, y_score, columns={"amount": columns["amount"]}))


def test_state_of_a_surrogate_without_columns_stays_as_it_was():
    expected = {"loss_shift", "loss_scale"} | {
        f"{part}.{i}.{kind}"
        for part, layers in (("encoder", (0, 2)), ("decoder", (0, 2, 4)))
        for i in layers
        for kind in ("weight", "bias")
    }
    assert set(SetSurrogate(ScoreTokens()).state_dict()) == expected


def test_there_is_no_compiled_form_with_columns():
    fitter = SurrogateFitter(surrogate_of(UNITS), CrossEntropy(), lr=1e-3)
    assert fastest(fitter) is fitter


def test_start_is_fitted_beside_the_columns_of_the_training_rows(monkeypatch):
    from losslearn.surrogate.universal import store

    quick = UniversalConfig(set_sizes=(64,), n_sets=64, max_iter=50)
    monkeypatch.setattr(store, "WITH_COLUMNS", quick)
    X, y, amount = table(300, 0)
    del X
    rows = TargetRows(torch.from_numpy(y), {"amount": torch.from_numpy(amount)})
    loss = as_true_loss(profit)
    for mode in ("refined", "scratch"):
        settings = {"mode": mode, "seed": 0}
        view = initial_surrogate(loss, Binary(), rows=rows, **settings).view
        assert view.column_names == ("amount",)
        assert view.column_mean.tolist() == pytest.approx([amount.mean()])
        assert view.column_std.tolist() == pytest.approx([amount.std()])
        with pytest.raises(ValueError, match="needs the columns"):
            initial_surrogate(loss, Binary(), **settings)


# both levels


def test_sets_are_valued_replayed_and_fitted_with_the_columns_of_their_rows():
    _, y, _ = table(400, 0)
    row = torch.arange(400, dtype=torch.float64)
    scores = row.float()

    @declare_metric(greater_is_better=False, batched=True)
    def apart(y_true, y_score, *, row):
        return np.abs(y_score - row).max(-1)

    loss = as_true_loss(apart)
    recipe = Recipe(n_sets=2, replay=2, perturbation=0.0)
    surrogate = surrogate_of({"row": (200.0, 100.0)})
    generator = torch.Generator().manual_seed(0)
    learner = make_learner(surrogate, loss, Binary(), recipe, generator=generator)
    sampler = SetSampler(torch.from_numpy(y), batch_size=50, generator=generator)
    table_rows = Rows(scores[:, None], torch.from_numpy(y), columns={"row": row})
    fit, seen = learner.fitter.fit, []

    def watched(sets, value):
        seen.append((sets.score, value, sets.columns["row"]))
        return fit(sets, value)

    def draw_sets(n):
        drawn = sampler.draw(n)
        return table_rows.sets(drawn, scores[drawn.rows])

    learner.fitter.fit = watched
    for _ in range(3):
        learner.learn(draw_sets, steps=2)
    assert len(seen) == 3
    for y_score, value, column in seen:
        assert value.eq(0).all()
        assert torch.equal(column.float(), y_score)
    state = learner.state_dict()
    learner.load_state_dict(state)
    assert torch.equal(
        learner._replayed.sets.columns["row"], state["replayed"][3]["row"]
    )


def test_health_of_moved_scores_has_columns_with_their_rows():
    y_true, y_score, columns = draw(n_sets=4)

    @declare_metric(greater_is_better=True, batched=True)
    def along(y_true, y_score, *, amount):
        return (y_score * amount).mean(-1)

    class Exact(nn.Module):
        def forward(self, sets):
            return -(sets.score * sets.columns["amount"]).mean(-1)

    health = GradientHealth(as_true_loss(along))
    sets = Sets(y_true[0].expand(4, 40), y_score, torch.ones(40), columns)
    step = torch.randn(4, 40, generator=torch.Generator().manual_seed(0))
    both = (sets._replace(score=sets.score + by * step) for by in (0.1, -0.1))
    health.read(Exact(), *both)
    assert health.cosine == pytest.approx(1)
    assert health.error == pytest.approx(0, abs=1e-6)


def test_objective_is_the_surrogate_at_the_columns():
    y_true, y_score, columns = draw()
    surrogate = surrogate_of(UNITS)
    fitter = SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3)
    sets = Sets(y_true, y_score, columns=columns)
    expected = surrogate(sets)
    assert torch.equal(LearnedObjective(fitter)(sets), expected)
    assert torch.allclose(fitter.values(sets), expected.detach())


# what a user gives


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "`metric_columns` was not given. Pass `metric_columns="),
        ({"fee": [1, 2, 3], "cost": [1, 2, 3]}, "lacks the column `amount`"),
        ({"amount": [1, 2, 3], "fee": [1, 2, 3]}, "holds the column `fee`"),
        ({"amount": [1, 2]}, r"each of the 3 rows, got shape \[2\]"),
        ({"amount": [[1], [2], [3]]}, r"got shape \[3, 1\]"),
        ({"amount": ["1", "2", "3"]}, "must be numeric, got values such as"),
        ({"amount": np.array(["1", 2, 3], object)}, "must be numeric"),
        ({"amount": 1.0}, "must be numeric|each of the 3 rows"),
        ({"amount": [1, np.nan, np.inf]}, "finite, got nan in row 1 and 1 more"),
        ([1, 2, 3], "must be a mapping of names to values or a DataFrame, got list"),
    ],
)
def test_what_is_wrong_with_given_columns_is_said(given, message):
    with pytest.raises(ValueError, match=message):
        as_columns(given, ("amount",), n_rows=3, metric="profit")


def test_columns_are_taken_by_name_from_mappings_and_frames():
    values = {"b": [1, 2], "a": np.array([True, False])}
    for given in (values, pd.DataFrame(values, index=[7, 3])):
        found = as_columns(given, ("a", "b"), n_rows=2, metric="m")
        assert {name: column.tolist() for name, column in found.items()} == {
            "a": [1.0, 0.0],
            "b": [1.0, 2.0],
        }
    rows = take_rows(found, torch.tensor([[1, 0], [1, 1]]))
    assert rows["b"].tolist() == [[2.0, 1.0], [2.0, 2.0]]


def test_criterion_says_who_takes_columns():
    with pytest.raises(ValueError, match="Use `SurrogateClassifier`"):
        SurrogateLoss(profit)
