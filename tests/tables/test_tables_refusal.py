"""What a table cannot be used for is said in a line, before anything is trained."""

import numpy as np
import pandas as pd
import pytest
from table_cases import one_line

from losslearn import Recipe, SurrogateClassifier, fit_table

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
