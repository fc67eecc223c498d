"""A row's features do not depend on the file, the type or the rows it comes with."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn.encoding import TableEncoder
from losslearn.tables.reading import read_table

N_ROWS = 120


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Columns whose few values may look like another kind's."""
    draw = np.random.default_rng(0)

    def some(*values):
        return draw.choice(np.array(values, dtype=object), N_ROWS)

    moments = pd.Timestamp("2021-03-04") + pd.to_timedelta(range(N_ROWS), "h")
    return pd.DataFrame(
        {
            "truth": some("true", "false", "unknown"),
            "flag": draw.random(N_ROWS) < 0.5,
            "code": some("01", "02", "7A", "1.0", "1e3", "+5"),
            "digits": some("001", "1", "x", "NA", "12"),
            "money": [f"${value:,.2f}" for value in draw.lognormal(8, 1, N_ROWS)],
            "share": [f"{value:.1f}%" for value in draw.uniform(0, 100, N_ROWS)],
            "marked": some("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "?"),
            "clock": [f"{hour:02d}:30" for hour in draw.integers(0, 24, N_ROWS)],
            "span": pd.to_timedelta(draw.integers(-(10**6), 10**6, N_ROWS), "s"),
            "moment": moments,
            "day": moments.strftime("%d.%m.%Y"),
            "mixed_day": [
                f"2021-05-{i % 28 + 1:02d}" if i % 2 else f"{i % 28 + 1}/07/2021"
                for i in range(N_ROWS)
            ],
            "whole": draw.integers(0, 9, N_ROWS),
            "gappy": np.where(
                draw.random(N_ROWS) < 0.2, np.nan, draw.normal(size=N_ROWS)
            ),
            "note": [f"the {i % 77} of {i % 5}" for i in range(N_ROWS)],
            "size": pd.Categorical(draw.choice(["S", "M", "L"], N_ROWS)),
            "user": [f"u{i}" for i in range(N_ROWS)],
            "nothing": [None] * N_ROWS,
        }
    )


def written(frame: pd.DataFrame, folder, suffix: str) -> pd.DataFrame:
    path = folder / f"t{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in suffix else ",")
    return read_table(path)


@pytest.fixture(scope="module", params=["frame", ".csv", ".tsv.gz", ".parquet"])
def learned(request, rows, tmp_path_factory):
    """Return an encoder and the whole table's features, learned from one format."""
    frame = rows
    if request.param != "frame":
        frame = written(rows, tmp_path_factory.mktemp("whole"), request.param)
    encoder = TableEncoder().fit(frame)
    return encoder, encoder.transform(frame)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", "frame"])
def test_each_row_alone_in_any_format(learned, rows, suffix, tmp_path):
    encoder, whole = learned
    for place in range(0, N_ROWS, 3):
        alone = rows.iloc[[place]].reset_index(drop=True)
        if suffix != "frame":
            alone = written(alone, tmp_path, suffix)
        np.testing.assert_allclose(
            encoder.transform(alone)[0], whole[place], atol=1e-6, err_msg=str(place)
        )


@settings(max_examples=25)
@given(data=st.data())
def test_any_rows_in_any_order(learned, rows, data):
    encoder, whole = learned
    places = data.draw(st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=9))
    columns = data.draw(st.permutations(list(rows.columns)))
    text = rows.iloc[places][columns].to_csv(index=False)
    frame = pd.read_csv(io.StringIO(text), dtype=str)
    np.testing.assert_allclose(encoder.transform(frame), whole[places], atol=1e-6)


def test_what_columns_are_is_the_same_from_every_format(learned):
    encoder, _ = learned
    assert encoder.kinds == {
        **dict.fromkeys(("truth", "code", "digits", "size"), "category"),
        **dict.fromkeys(("flag", "money", "share", "marked", "clock"), "number"),
        **dict.fromkeys(("span", "whole", "gappy"), "number"),
        **dict.fromkeys(("moment", "day", "mixed_day"), "date"),
        "note": "text",
        "user": "id",
        "nothing": "empty",
    }


@pytest.mark.parametrize(
    ("read_as", "kind", "n_features"),
    [
        ({"user": "text"}, "text", None),
        ({"user": "category"}, "category", 40),
        ({"code": "ignore"}, "ignored", 0),
        ({"whole": "category"}, "category", 9),
        ({"marked": "category"}, "category", 11),
    ],
)
def test_what_a_column_is_can_be_overruled(rows, tmp_path, read_as, kind, n_features):
    encoder = TableEncoder(read_as=read_as).fit(rows)
    (name,) = read_as
    assert encoder.kinds[name] == kind
    named = [one for one in encoder.get_feature_names_out() if one.startswith(name)]
    assert n_features in (None, len(named))
    encoder.dump(tmp_path / "encoder")
    again = TableEncoder.load(tmp_path / "encoder")
    assert np.array_equal(again.transform(rows), encoder.transform(rows))
    assert again.readings() == encoder.readings()


@pytest.mark.parametrize(
    ("read_as", "words"),
    [
        ({"none": "text"}, "got 'text' for 'none'"),
        ({"code": "vegetable"}, "got 'vegetable' for 'code'"),
        ({"note": "number"}, "'note' cannot be read as number"),
        ({"size": "date"}, "'size' cannot be read as date"),
    ],
)
def test_what_a_column_cannot_be_is_said(rows, read_as, words):
    with pytest.raises(ValueError, match=words):
        TableEncoder(read_as=read_as).fit(rows)


@pytest.mark.parametrize(
    ("name", "values", "is_id"),
    [
        ("customer_id", range(1_000, 1_200), True),
        ("userId", range(7, 1_400_007, 7_000), True),
        ("paid", range(200), False),
        ("amount", range(200), False),
        ("id", [1, 2] * 100, False),
        ("key", [f"{i:08x}" for i in range(200)], True),
        ("name", [f"Ann {i}" for i in range(200)], False),
    ],
)
def test_ids_are_left_out(name, values, is_id):
    frame = pd.DataFrame({name: values, "x": np.arange(200) % 3})
    assert (TableEncoder().fit(frame).kinds[name] == "id") == is_id
