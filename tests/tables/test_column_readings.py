"""A metric's columns are the same in any rows and any file, as the fit read them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn import fit_table, load_model
from losslearn.metrics.columns import TextColumns
from losslearn.tables.metric_columns import (
    ColumnReading,
    column_readings,
    table_columns,
)
from losslearn.tables.reading import as_frame

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 2}
N_ROWS = 80


def held() -> pd.DataFrame:
    """Columns whose few values may look like another kind's."""
    draw = np.random.default_rng(0)

    def some(*values):
        return draw.choice(np.array(values, dtype=object), N_ROWS)

    moments = pd.Timestamp("2021-03-04") + pd.to_timedelta(range(N_ROWS), "D")
    return pd.DataFrame(
        {
            "code": some("01", "02", "7A", "1.0"),
            "marked": some("1", "2.50", "?"),
            "truth": some("true", "false"),
            "flag": draw.random(N_ROWS) < 0.5,
            "money": [f"${value:,.2f}" for value in draw.lognormal(8, 1, N_ROWS)],
            "euros": some("1.234,50", "1.234", "7", "7,5"),
            "clock": some("03:30", "14:05"),
            "whole": draw.integers(0, 9, N_ROWS),
            "real": draw.normal(size=N_ROWS),
            "size": pd.Categorical(some("S", "M", "10")),
            "moment": moments,
            "hour": moments + pd.to_timedelta(draw.integers(0, 24, N_ROWS), "h"),
            "day": moments.strftime("%d.%m.%Y"),
        }
    )


def written(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return as_frame(path)


@settings(max_examples=30)
@given(
    places=st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=6),
    learned=st.sampled_from([".csv", ".parquet"]),
    suffix=st.sampled_from([".csv", ".parquet"]),
)
def test_any_rows_in_any_file_give_the_same_columns(
    tmp_path_factory, places, learned, suffix
):
    folder, frame = tmp_path_factory.mktemp("held"), held()
    whole = written(frame, folder / f"t{learned}")
    names = list(frame)
    readings, text = column_readings(whole, names), TextColumns()
    readings = {  # as a model's file holds them
        name: ColumnReading.from_dict({"kind": one.kind, "form": vars(one.form)})
        for name, one in readings.items()
    }
    given_ = {"needed_by": "m", "text": text, "readings": readings}
    expected = table_columns(whole, names, **given_)
    some = written(frame.iloc[places], folder / f"some{suffix}")
    found = table_columns(some, names, **given_)
    for name in names:
        values, wanted = (
            text.decode(name, columns[name].numpy()) for columns in (found, expected)
        )
        assert values.tolist() == wanted[places].tolist(), name


def test_what_columns_are_read_as():
    readings = column_readings(held(), [*held(), "none"])
    kinds = {name: one.kind for name, one in readings.items()}
    texts = {name for name, kind in kinds.items() if kind == "text"}
    assert texts == {"code", "marked", "size", "day"}
    assert {name for name, kind in kinds.items() if kind == "date"} == {
        "moment",
        "hour",
    }
    assert readings["euros"].read(pd.Series(["1.234"])).tolist() == [1234.0]
    with pytest.raises(ValueError, match="held numbers or truth values in the"):
        readings["euros"].read(pd.Series(["much"]))


def fair(y_true, y_pred, *, group, pay):
    """Return how much more is found in one group, and nothing that a number gives."""
    assert set(group) <= {"01", "02", "7A"}
    assert pay.max() < 10_000
    is_first = group == "01"
    return (y_true * y_pred * np.where(is_first, 1, 2)).mean() + pay.mean() * 0


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_model_reads_a_small_file_as_it_read_the_large_one(tmp_path, suffix):
    draw, n = np.random.default_rng(0), 200
    frame = pd.DataFrame(
        {
            "x": draw.normal(size=n),
            "group": draw.choice(["01", "02", "7A"], n),
            "pay": draw.choice(["1.234", "7,5", "12,5"], n),
            "y": draw.random(n) < 0.4,
        }
    )
    plain = frame["group"] != "7A"
    few = frame[plain & (frame["pay"] == "1.234")]
    whole, valid = (
        written(one, tmp_path / f"{name}{suffix}")
        for name, one in (("whole", frame), ("valid", few))
    )
    options = {"metric_columns": ["group", "pay"], "greater_is_better": True, **QUICK}
    fitted = fit_table(whole, "y", fair, valid=valid, out=tmp_path / "m", **options)
    loaded = load_model(tmp_path / "m")
    assert loaded.metric == fitted.metric
    again = loaded.evaluate(valid, metric=fair, greater_is_better=True)
    assert again["value"] == fitted.evaluate(valid)["value"]
    found = fitted.predict(few)["label"].astype(str) == "True"
    expected = (few["y"] * found * np.where(few["group"] == "01", 1, 2)).mean()
    assert again["value"] == pytest.approx(-expected)
    afresh = replace(loaded, metric=replace(loaded.metric, readings={}))
    with pytest.raises(ValueError, match="AssertionError"):
        afresh.evaluate(valid, metric=fair, greater_is_better=True)
