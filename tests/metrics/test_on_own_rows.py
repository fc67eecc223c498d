"""A user's metric is judged by the user's rows: groups, text, few positives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from losslearn import Recipe, SurrogateClassifier, as_true_loss, fit_table
from losslearn.metrics import MetricError, Sets, declare_metric
from losslearn.metrics.columns import TextColumns, as_columns
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.trying import tried_on
from losslearn.metrics.sets import TargetRows
from losslearn.tasks.thresholds import best_threshold, tune_threshold

QUICK = {
    "model": "linear",
    "random_state": 0,
    "recipe": Recipe(
        mode="scratch", max_iter=4, rounds=1, catch_up=4, n_evals=2, batch_size=240
    ),
}
LABELS = st.sampled_from(["a", "b", "Zürich", "01", "1.5", "", "nan"])


def rows(n=480, share=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = (X[:, 0] + rng.normal(size=n) > np.quantile(X[:, 0], 1 - share)).astype(int)
    return X, y


def mean_over_groups(kind):
    """Return an AUC a group, for groups of the kind that the rows have."""

    @declare_metric(greater_is_better=True)
    def by_group(y_true, y_score, *, group):
        groups = np.unique(group)
        assert {type(one) for one in groups.tolist()} == {kind}
        return np.mean(
            [roc_auc_score(y_true[group == g], y_score[group == g]) for g in groups]
        )

    return by_group


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([3.0, 7.0, 11.0, 12.0]), float),
        (np.array(["era1", "era2", "b", "c"]), str),
        (np.array(["era1", "era2", "b", "c"], dtype=object), str),
    ],
)
def test_a_metric_by_group_is_trained_for_in_python(values, kind):
    X, y = rows()
    group = values[np.arange(len(y)) % 4]
    clf = SurrogateClassifier(mean_over_groups(kind), **QUICK)
    clf.fit(X, y, metric_columns={"group": group})
    loss = -np.mean(
        [
            roc_auc_score(y[group == g], clf.decision_function(X)[group == g])
            for g in values
        ]
    )
    score = clf.score(X, y, metric_columns={"group": group})
    assert score == pytest.approx(-loss, abs=1e-12)


def test_a_metric_by_group_is_trained_for_in_a_table():
    import pandas as pd

    X, y = rows()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    frame["group"] = np.array(["north", "south"])[np.arange(len(y)) % 2]
    fitted = fit_table(
        frame,
        "y",
        mean_over_groups(str),
        model="linear",
        recipe=QUICK["recipe"],
        metric_columns=["group"],
    )
    assert -1 <= fitted.evaluate(frame)["value"] < 0  # minus an AUC


@given(st.lists(LABELS, min_size=1, max_size=20), st.lists(LABELS, max_size=20))
def test_text_comes_back_as_it_was_whatever_came_later(first, second):
    text = TextColumns()
    coded = [
        as_columns(
            {"era": np.array(one)}, ["era"], n_rows=len(one), metric="m", text=text
        )["era"]
        for one in (first, second)
        if one
    ]
    for codes, given_values in zip(coded, (first, second), strict=False):
        assert text.decode("era", codes.numpy()).tolist() == given_values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None, "b"], "must have a value in each row, got none in row 1"),
        ([["a"], ["b"], [1]], "one number for each|must be numeric or text"),
        ([1.0, 2.0, float("nan")], "must be finite"),
    ],
)
def test_columns_that_cannot_be_given_are_refused_in_a_line(values, message):
    given_values = np.array(values, dtype=object if None in values else None)
    with pytest.raises(ValueError, match=message):
        as_columns(
            {"era": given_values}, ["era"], n_rows=3, metric="m", text=TextColumns()
        )


def test_numbers_where_there_was_text_are_refused():
    text = TextColumns()
    settings_ = {"n_rows": 2, "metric": "m", "text": text}
    as_columns({"era": ["a", "b"]}, ["era"], **settings_)
    with pytest.raises(ValueError, match="held text before, got numbers"):
        as_columns({"era": [1, 2]}, ["era"], **settings_)


@given(share=st.floats(0.02, 0.5), fails=st.floats(0.0, 0.9), raises=st.booleans())
@settings(max_examples=25)
def test_sets_on_which_a_metric_is_undefined_are_left_out(share, fails, raises):
    """Whatever share of the sets it is, the others keep their values."""
    generator = np.random.default_rng(0)

    def fragile(y_true, y_score):
        if len(y_true) == 64 and generator.random() < fails:
            if raises:
                raise ZeroDivisionError
            return np.nan
        return float(y_score[y_true == 1].mean())

    y_true = (torch.rand(50, 64) < share).long()
    y_true[:, 0], y_true[:, 1] = 1, 0
    score = torch.rand(50, 64, dtype=torch.float64)
    loss = untried(fragile, greater_is_better=False)
    values = loss(Sets(y_true, score))
    expected = torch.stack([s[y == 1].mean() for y, s in zip(y_true, score)])  # noqa: B905
    known = ~values.isnan()
    torch.testing.assert_close(values[known], expected[known])
    assert (loss.own.n_valued, loss.own.n_undefined) == (50, int((~known).sum()))


def test_undefined_on_the_validation_rows_is_one_line():
    X, y = rows()

    def never(y_true, y_score, *, era):
        return np.nan * len(y_true) * len(y_score) * len(era)

    clf = SurrogateClassifier(never, greater_is_better=True, **QUICK)
    with pytest.raises(MetricError, match=r"finite value, got nan.*validation rows"):
        clf.fit(X, y, metric_columns={"era": y})


def test_only_rows_of_the_users_prevalence_and_columns_are_valued():
    """A metric that would fail on any other row is fitted, universal start and all."""
    X, y = rows(n=600, share=0.04)
    code = np.array([17.0, 23.0])[np.arange(600) % 2]
    shares = []

    def picky(y_true, y_score, *, code):
        assert set(np.unique(code)) <= {17.0, 23.0}
        shares.append(y_true.mean())
        return float((y_score * y_true).mean())

    clf = SurrogateClassifier(
        picky, greater_is_better=True, model="linear", recipe=Recipe(max_iter=2)
    )
    clf.fit(X, y, metric_columns={"code": code})
    assert np.quantile(shares, 0.99) < 0.4  # that of the rows is 0.1


def test_a_threshold_at_which_it_is_undefined_is_never_chosen():
    @declare_metric(greater_is_better=True)
    def precision_of_two(y_true, y_pred):
        if y_pred.sum() < 2:
            raise ValueError("too few")
        return y_true[y_pred == 1].mean()

    y, score = torch.tensor([0, 1, 1, 0]), torch.tensor([0.1, 0.9, 0.8, 0.2])
    threshold, loss = best_threshold(untried(precision_of_two), y, score)
    assert loss == -1
    assert 0.2 < threshold < 0.8
    with pytest.raises(ValueError, match=r"no value on these rows.*too few"):
        tune_threshold([0, 1], [0.0, 1.0], declared_never())


def declared_never():
    @declare_metric(greater_is_better=True)
    def never(y_true, y_pred):
        raise ValueError(f"too few of {len(y_true)}: {len(y_pred)}")

    return never


def test_facts_are_found_on_the_rows():
    """A cost that counts in large amounts alone is nothing between 0 and 1."""

    @declare_metric(greater_is_better=True)
    def large_share(y_true, y_score, *, amount):
        top = np.argsort(-y_score)[: len(y_score) // 10]
        return float((y_true * (amount > 1000))[top].mean())

    rng = np.random.default_rng(0)
    target = torch.from_numpy((rng.random(2000) < 0.3).astype(np.int64))
    amount = torch.from_numpy(rng.uniform(0, 5000, 2000))
    found = TargetRows(target, {"amount": amount})
    loss = untried(large_share)
    assert tried_on(loss, found, found).is_top_heavy
    assert not as_true_loss(large_share).is_top_heavy
