"""What a table cannot be used for is said in a line, before anything is trained."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from table_cases import one_line

from losslearn import Recipe, SurrogateClassifier, fit_table, load_model
from losslearn.metrics import declare_metric
from losslearn.tables.metric_name import MetricName

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 4}
RECIPE = Recipe(mode="scratch", max_iter=4)


def frame(**columns) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = (x + rng.normal(size=60) > 0).astype(int)
    dose = np.arange(60) % 7
    return pd.DataFrame({"x": x, "dose": dose, "y": y}).assign(**columns)


def classifier() -> SurrogateClassifier:
    return SurrogateClassifier("f1", model="linear", recipe=RECIPE, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return fit_table(frame(), "y", "f1", **QUICK)


@pytest.fixture(scope="module")
def estimator():
    return classifier().fit(frame()[["x", "dose"]], frame().y)


TOO_LARGE = frame(dose=pd.Series([10**309, *range(59)], dtype=object))


def profit(y_true, y_pred, *, dose):
    return float((y_true * y_pred * dose).sum())


profit_of_dose = declare_metric(greater_is_better=True)(profit)
OF_DOSE = {"greater_is_better": True, "metric_columns": ["dose"], **QUICK}


@pytest.mark.parametrize(
    "use",
    [
        lambda _f, _e: fit_table(TOO_LARGE, "y", "f1", **QUICK),
        lambda _f, _e: fit_table(frame(), "y", "f1", valid=TOO_LARGE, **QUICK),
        lambda _f, _e: fit_table(TOO_LARGE, "y", "f1", time="dose", **QUICK),
        lambda _f, _e: fit_table(TOO_LARGE, "y", profit, **OF_DOSE),
        lambda fitted, _e: fitted.predict(TOO_LARGE),
        lambda fitted, _e: fitted.evaluate(TOO_LARGE),
        lambda _f, _e: classifier().fit(TOO_LARGE[["x", "dose"]], TOO_LARGE.y),
        lambda _f, estimator: estimator.predict(TOO_LARGE[["x", "dose"]]),
    ],
)
def test_an_integer_that_no_number_holds_is_told_with_its_column(
    fitted, estimator, use
):
    with pytest.raises(ValueError, match="'dose' holds an integer of too many") as said:
        use(fitted, estimator)
    assert one_line(said)


def plain(y_true, y_pred):
    return float((y_true == y_pred).mean())


def job(metric="f1", table=None, **settings):
    return fit_table(frame() if table is None else table, "y", metric, **settings)


SHARED = frame(who=np.arange(60) % 20)


class Module(torch.nn.Module):
    """No file can rebuild it."""


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda _: job(table=3), TypeError, "A table must be a path, or a table"),
        (lambda _: job(table="no.csv"), FileNotFoundError, "no file 'no.csv'"),
        (lambda _: job(table=frame().head(0)), ValueError, "no rows"),
        (lambda _: job(table=frame().drop(columns="y")), ValueError, "no column 'y'"),
        (lambda _: job(table=frame()[["y"]]), ValueError, "no column besides"),
        (lambda _: job(table=frame(y=np.inf)), ValueError, "'y' holds infinite"),
        (lambda _: job(table=frame(y=[[1]] * 60)), ValueError, "'y' holds \\[1\\]"),
        (lambda _: job(max_time=0), ValueError, "`max_time` must be"),
        (lambda _: job(max_iter=0), ValueError, "`max_iter` must be"),
        (lambda _: job("speed"), ValueError, "Unknown metric `speed`"),
        (lambda _: job("precision"), ValueError, "`precision` alone is no aim"),
        (lambda _: job(plain), ValueError, "Here: --greater-is-better or --lower"),
        (lambda _: job(groups="z"), ValueError, "no column 'z'"),
        (lambda _: job(groups="y"), ValueError, "'y' cannot divide the rows"),
        (lambda _: job(groups="x", time="x"), ValueError, "in two ways"),
        (lambda _: job(time="y"), ValueError, "'y' cannot divide the rows"),
        (
            lambda _: job(table=frame(day=[None, *range(59)]), time="day"),
            ValueError,
            "lacks a value in 1 rows",
        ),
        (
            lambda _: job(table=frame(day=["a", "b", "c"] * 20), time="day"),
            ValueError,
            "must hold dates, or numbers that grow with time",
        ),
        (
            lambda _: job(table=frame(day=0), time="day"),
            ValueError,
            "holds 0 rows of one kind",
        ),
        (
            lambda _: job(table=frame(who=[None, *range(59)]), groups="who"),
            ValueError,
            "lacks a value in 1 of 60 rows",
        ),
        (
            lambda _: job(table=frame(who=0), groups="who"),
            ValueError,
            "cannot be divided into 3 parts",
        ),
        (
            lambda _: job(table=SHARED, valid=SHARED, groups="who"),
            ValueError,
            "20 groups of the column 'who' are in DATA as well",
        ),
        (
            lambda _: job(encoder=StandardScaler(), ignores=["x"]),
            ValueError,
            "`encoder` decides on the columns itself",
        ),
        (
            lambda _: job(encoder=StandardScaler(), out="m"),
            ValueError,
            "encoder of your own cannot be written",
        ),
        (lambda f: f.predict(frame()[["x"]]), ValueError, "lacks columns.*'dose'"),
        (lambda f: f.scores(frame(dose="a")), ValueError, "'dose' held numbers"),
        (lambda f: f.evaluate(frame(), "z"), ValueError, "no column 'z'"),
        (lambda f: f.evaluate(frame(), "y", "speed"), ValueError, "Unknown metric"),
        (lambda f: f.evaluate(frame(y=3)), ValueError, "the labels 3; expected only"),
        (
            lambda f: f.evaluate(frame().drop(columns="dose"), "y", profit_of_dose),
            ValueError,
            "lacks columns that the metric `profit` needs: 'dose'",
        ),
        (
            lambda f: f.evaluate(frame(dose=np.inf), "y", profit_of_dose),
            ValueError,
            "'dose' holds infinite",
        ),
        (
            lambda _: MetricName(given="mine", name="mine", source="user").true_loss(),
            ValueError,
            "metric of your own, `mine`, which is not stored",
        ),
        (
            lambda _: MetricName(
                given="speed", name="speed", source="built-in"
            ).true_loss(),
            ValueError,
            "Unknown metric `speed`",
        ),
        (lambda _: load_model("none"), FileNotFoundError, "no model directory 'none'"),
        (lambda _: load_model("."), ValueError, "no losslearn model"),
        (lambda f: replace(f, module=Module()).save("m"), ValueError, "of your own"),
        (lambda f: f.save("."), ValueError, "is there already and is no losslearn"),
        (
            lambda f: replace(f, module=spoilt(f)).save("m"),
            ValueError,
            "not all finite",
        ),
        (lambda f: f.save("note.txt/m"), OSError, "cannot be written"),
    ],
)
def test_each_refusal_says_why(fitted, tmp_path, monkeypatch, use, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("no model")
    with pytest.raises(error, match=message) as said:
        use(fitted)
    assert one_line(said)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def spoilt(fitted) -> torch.nn.Module:
    """Return a copy of the model with a weight that is none."""
    module = copy.deepcopy(fitted.module)
    torch.nn.init.constant_(next(module.parameters()), float("nan"))
    return module
