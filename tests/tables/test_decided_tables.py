"""Tables decided by a rule that looks at columns known when deciding."""

import numpy as np
import pandas as pd
import pytest

from losslearn import Recipe, fit_table, load_model, tune_decision

QUICK = {"model": "linear", "recipe": Recipe(mode="scratch", max_iter=40, rounds=2)}


def earned(y_true, y_pred, *, amount, branch):
    """A call costs 10, in the north 20; each hit brings the amount."""
    cost = np.where(branch == "north", 20, 10)
    return (y_pred * (y_true * amount - cost)).sum()


earned.greater_is_better = True


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    n = 1_200
    x = draw.normal(size=n)
    return pd.DataFrame(
        {
            "x": x.round(3),
            "branch": draw.choice(["north", "south"], n),
            "amount": draw.exponential(30, n).round(2),
            "buys": draw.random(n) < 1 / (1 + np.exp(1 - 2 * x)),
        }
    )


@pytest.fixture(scope="module")
def fitted(frame, tmp_path_factory):
    out = tmp_path_factory.mktemp("decided") / "m"
    known = ["amount", "branch"]
    return fit_table(frame, "buys", earned, decision_columns=known, out=out, **QUICK)


def test_the_rule_is_that_of_the_probabilities(frame, fitted):
    assert fitted.rule.to_dict()["kind"] == "flip"
    found = fitted.predict(frame)
    decided = found["label"].astype(str) == "True"
    cost = np.where(frame["branch"] == "north", 20, 10)
    formula = found["probability"] * frame["amount"] > cost
    assert (decided == formula).mean() > 0.95
    assert fitted.report["results"][0]["rule"]["columns"] == ["amount", "branch"]
    assert fitted.report["decision"].startswith("Decided by flip")
    assert [one["rule"] for one in fitted.report["rules_tried"]][:3] == [
        "nobody",
        "everybody",
        "threshold",
    ]


def test_it_is_worth_more_than_a_threshold(fitted):
    tried = {one["rule"]: one["loss"] for one in fitted.report["rules_tried"]}
    assert tried["flip"] < tried["threshold"]


def test_known_columns_are_features_too_unless_ignored(frame, fitted):
    kinds = fitted.encoder.kinds
    assert (kinds["amount"], kinds["branch"]) == ("number", "category")
    other = fit_table(
        frame,
        "buys",
        earned,
        metric_columns=["branch"],
        decision_columns=["amount"],
        ignores=["amount"],
        **QUICK,
    )
    assert other.encoder.kinds["amount"] == "ignored"
    assert "branch" not in other.encoder.kinds
    assert other.rule.columns == ("amount",)
    without = frame.drop(columns=["branch", "buys"])
    assert len(other.predict(without)) == len(frame)


def test_a_loaded_model_decides_the_same_in_any_file(frame, fitted, tmp_path):
    loaded = load_model(fitted.report["model"])
    some = frame.drop(columns="buys").iloc[[5, 3]]
    some.to_csv(tmp_path / "some.csv", index=False)
    some.to_parquet(tmp_path / "some.parquet")
    expected = fitted.predict(frame).loc[[5, 3], "label"].tolist()
    for table in (some, tmp_path / "some.csv", tmp_path / "some.parquet"):
        assert loaded.predict(table)["label"].tolist() == expected
    value = loaded.evaluate(frame, "buys", earned)["value"]
    decided = fitted.predict(frame)["label"].astype(str) == "True"
    columns = {name: frame[name].to_numpy() for name in ("amount", "branch")}
    assert value == pytest.approx(-earned(frame["buys"], decided, **columns))


def test_a_column_that_lacks_is_told(frame, fitted):
    with pytest.raises(ValueError, match="'amount'"):
        fitted.predict(frame.drop(columns="amount"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"decision_columns": ["amount"]}, "--decision-column"),
        ({"decision_columns": ["amount", "branch", "buys"]}, "nobody knows"),
        ({"decision_columns": ["amount", "branch", "day"]}, "dates"),
        ({"decision_columns": ["amount", "branch", "size"]}, "'size'"),
    ],
)
def test_what_cannot_be_decided_by_is_refused(frame, given, said):
    days = pd.date_range("2024-01-01", periods=len(frame))
    with pytest.raises(ValueError, match=said):
        fit_table(frame.assign(day=days), "buys", earned, **given, **QUICK)


def test_the_same_scores_get_the_same_rule_by_themselves(fitted):
    """A fit's choice is `tune_decision` on the validation rows."""
    rows = fitted.validation
    p = 1 / (1 + np.exp(-rows.score.double().numpy()))
    text = fitted.true_loss.text
    columns = {
        "amount": rows.columns["amount"].numpy(),
        "branch": text.decode("branch", rows.columns["branch"].numpy()),
    }
    alone = tune_decision(rows.target.numpy(), p, earned, columns=columns)
    assert alone.rule == "flip"
