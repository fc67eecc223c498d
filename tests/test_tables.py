import base64
import gzip
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from losslearn.tables import TableEncoder, read_table, split_rows, split_target
from losslearn.tables.scaling import Scale

BINARY_SETS = (
    *("a9a", "cc_fraud", "cc_fraud_int", "cod_rna", "covtype", "higgs_sample"),
    *("ijcnn1", "keel_abalone19", "keel_kddcup_buffer_overflow", "keel_page_blocks0"),
    *("keel_yeast4", "porto_seguro", "porto_seguro_balanced", "skin", "susy"),
)
CITIES = ["Lyon", "Oslo", "Rome"]
WORDS = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "yew"]


def mixed_table(n_rows=400, seed=0):
    """Return a table with a column of every kind, values missing in most of them."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40.0, 12.0, n_rows)
    age[rng.random(n_rows) < 0.1] = np.nan
    city = rng.choice(CITIES, n_rows).astype(object)
    city[rng.random(n_rows) < 0.1] = None
    member = rng.choice([True, False], n_rows).astype(object)
    member[rng.random(n_rows) < 0.1] = None
    note = [
        f"{a} and {b} {i % 90}"
        for i, (a, b) in enumerate(rng.choice(WORDS, (n_rows, 2)))
    ]
    dose = rng.integers(0, 900, n_rows).astype(str).astype(object)
    dose[rng.random(n_rows) < 0.05] = "?"
    joined = pd.Timestamp("2019-03-01") + pd.to_timedelta(
        rng.integers(0, 900, n_rows), "D"
    )
    frame = pd.DataFrame(
        {
            "age": age,
            "visits": rng.poisson(3.0, n_rows),
            "income": rng.lognormal(10.0, 2.5, n_rows),
            "active": rng.random(n_rows) < 0.3,
            "member": member,
            "city": city,
            "grade": pd.Categorical(rng.choice(["a", "b", "c"], n_rows)),
            "note": note,
            "dose": dose,
            "joined": joined,
            "left": joined.strftime("%d/%m/%Y"),
            "code": [7] * n_rows,
            "label": np.where(rng.random(n_rows) < 0.3, "yes", "no"),
        }
    )
    frame.loc[3, "joined"] = pd.NaT
    return frame


@pytest.fixture(scope="module")
def table():
    return mixed_table().drop(columns="label")


@pytest.fixture(scope="module")
def encoder(table):
    return TableEncoder().fit(table)


def one_line(error):
    return "\n" not in str(error.value) and str(error.value)


# read_table


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".CSV"])
def test_text_files_read_alike(tmp_path, suffix):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x, y", np.nan], "c": [True, False]})
    separator = "\t" if "tsv" in suffix else ","
    content = frame.to_csv(index=False, sep=separator).encode()
    path = tmp_path / f"table{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    pd.testing.assert_frame_equal(read_table(path), frame)


def test_parquet_reads_whatever_index_was_stored(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None], "b": pd.Categorical(["x", "y"])})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.set_index("b").to_parquet(tmp_path / "b.parquet")
    frame.set_axis([4, 9]).to_parquet(tmp_path / "c.parquet")
    for name in "abc":
        found = read_table(tmp_path / f"{name}.parquet")[["a", "b"]]
        pd.testing.assert_frame_equal(found, frame)
        assert read_table(tmp_path / f"{name}.parquet").shape == (2, 2)


def test_byte_order_mark_row_numbers_and_trailing_commas_are_no_columns(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('\ufeff,a,"b",\n0,1,2,\n1,3,4,\n', encoding="utf-8")
    assert list(read_table(path).columns) == ["a", "b"]
    path.write_text('\ufeffa, "b"\n1, x\n', encoding="utf-8")
    assert list(read_table(path).columns) == ["a", "b"]


def parquet_bytes():
    buffer = io.BytesIO()
    pd.DataFrame({"a": np.arange(100.0)}).to_parquet(buffer)
    return buffer.getvalue()


def double_parquet_bytes():
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.xlsx", b"x", "unknown format.*.csv, .csv.gz, .tsv, .tsv.gz, .parquet"),
        ("t.gz", b"x", "unknown format"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "cannot be read: No columns"),
        ("t.csv", b"a,b\n", "no rows"),
        ("t.csv", b"a,b,a\n1,2,3\n", "more than one column of the same name: 'a'"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read: .*line 3"),
        ("t.csv", b"a,b\n1,2,3\n4,5,6\n", "more fields than the header"),
        ("t.csv", b'a,b\n"1,2\n', "cannot be read: .*EOF inside string"),
        ("t.csv", b"a,,b\n1,2,3\n", "Column 2 of .* has no name"),
        ("t.csv", b"a;b\n1;2\n", "separated by semicolons"),
        ("t.csv", b"a\tb\n1\t2\n", "separated by tabs"),
        ("t.csv", "a\nKöln\n".encode("latin-1"), "not UTF-8"),
        ("t.csv", "a\nKöln\n".encode("utf-16"), "not UTF-8"),
        ("t.csv.gz", b"a,b\n1,2\n", "cannot be read: Not a gzipped file"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "cannot be read"),
        ("t.parquet", b"", "is empty"),
        ("t.parquet", b"PAR1 and more", "cannot be read"),
        ("t.parquet", parquet_bytes()[:-20], "cannot be read"),
        ("t.parquet", parquet_bytes()[:4] + bytes(900) + parquet_bytes()[-900:], "t"),
        ("t.parquet", double_parquet_bytes(), "more than one column .*: 'a'"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_bad_files_give_one_line(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_table(path)
    assert name in one_line(error)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*none\.csv"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        read_table(tmp_path / "folder.csv")


def test_empty_parquet_tables(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": []}).to_parquet(path)
    with pytest.raises(ValueError, match="no rows"):
        read_table(path)
    pd.DataFrame(index=range(3)).to_parquet(path)
    with pytest.raises(ValueError, match="no columns"):
        read_table(path)


# split_target


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1, 1], [0, 1]),
        ([1.0, 0.0, 1.0], [0, 1]),
        ([2, 1, 2], [1, 2]),
        ([0.5, -1.5, 0.5], [-1.5, 0.5]),
        ([True, False, True], [False, True]),
        (["yes", "no", "yes"], ["no", "yes"]),
        (pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"]), ["a", "b"]),
        (pd.Categorical(["a", "b"], categories=["b", "a"], ordered=True), ["b", "a"]),
        (pd.array([1, 0, 1], dtype="Int8"), [0, 1]),
        (np.array([9, "a"], dtype=object), [9, "a"]),
        (
            pd.to_datetime(["2020-01-01", "2019-01-01"]),
            ["2019-01-01 00:00:00", "2020-01-01 00:00:00"],
        ),
    ],
)
def test_labels_of_any_type(values, classes):
    frame = pd.DataFrame({"x": range(len(values)), "label": values})
    features, y, found = split_target(frame, "label")
    assert found == classes
    assert [type(label) for label in found] == [type(label) for label in classes]
    assert json.loads(json.dumps(found)) == classes
    assert y.dtype == np.int64
    assert list(features.columns) == ["x"]
    for value, code in zip(values, y, strict=True):
        assert str(classes[code]) in (str(value), str(value).removesuffix(".0"))


@pytest.mark.parametrize("positive", [1, "1", 1.0, True])
def test_the_positive_label_can_be_named(positive):
    frame = pd.DataFrame({"x": range(4), "y": [1, 2, 2, 1]})
    _, y, classes = split_target(frame, "y", positive=positive)
    assert classes == [2, 1]
    assert y.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("values", [[2, 1, 2], ["2", "1", "2"], [2.0, 1.0, 2.0]])
def test_a_second_table_is_encoded_like_the_first(values):
    frame = pd.DataFrame({"x": range(3), "y": values})
    _, y, classes = split_target(frame, "y", classes=[2, 1])
    assert y.tolist() == [0, 1, 0]
    assert classes == [2, 1]


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (["a", None, "b", None], {}, "lacks a value in 2 of 4 rows. Remove"),
        ([1, 1, 1, 1], {}, "one class only: 1 in all 4 rows"),
        (["a", "b", "c", "c"], {}, "3 classes .*'a', 'b', 'c'.*Only two are handled"),
        ([0.0, np.inf, 0.0, np.inf], {}, "infinite"),
        ([0, 1, 0, 1], {"positive": "yes"}, r"`positive` .* 0, 1; got 'yes'"),
        ([0, 2, 0, 2], {"classes": [0, 1]}, "holds 2; expected only 0, 1"),
        ([1, 1, 1, 1], {"classes": [0, 1]}, "one class only"),
    ],
)
def test_bad_targets_give_one_line(values, options, words):
    frame = pd.DataFrame({"x": range(4), "label": values})
    with pytest.raises(ValueError, match=words) as error:
        split_target(frame, "label", **options)
    assert "label" in one_line(error)


def test_a_quantity_is_no_target():
    frame = pd.DataFrame({"x": range(99), "price": np.linspace(0, 1, 99)})
    with pytest.raises(ValueError, match=r"99 classes \(.* 94 more\).*a quantity"):
        split_target(frame, "price")


def test_an_absent_target_names_the_nearest_columns():
    frame = pd.DataFrame({"x": [1, 2], "Label": [0, 1]})
    with pytest.raises(ValueError, match="no column 'lable'; the nearest are 'Label'"):
        split_target(frame, "lable")
    with pytest.raises(ValueError, match="no column 'zzz'; it has 'x', 'Label'"):
        split_target(frame, "zzz")
    with pytest.raises(ValueError, match="no column besides the target 'x'"):
        split_target(frame[["x"]], "x")


# split_rows


@given(
    counts=st.tuples(st.integers(6, 80), st.integers(6, 80)),
    sizes=st.tuples(st.floats(0.01, 0.45), st.floats(0.01, 0.45)),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_are_stratified_and_share_no_row(counts, sizes, seed):
    y = np.random.default_rng(seed).permutation(np.repeat([0, 1], counts))
    test_size, validation_size = sizes
    parts = split_rows(
        y, test_size=test_size, validation_size=validation_size, seed=seed
    )
    assert sorted(np.concatenate(parts)) == list(range(len(y)))
    for code, count in enumerate(counts):
        train, validation, test = (int((y[part] == code).sum()) for part in parts)
        assert min(train, validation, test) >= 2
        if min(size * count for size in sizes) >= 2 and train > 2:
            assert abs(test - test_size * count) <= 0.5
            assert abs(validation - validation_size * count) <= 0.5


def test_the_split_depends_on_target_and_seed_only():
    y = np.arange(200) % 3 == 0
    first = split_rows(y, seed=1)
    np.random.seed(5)  # noqa: NPY002 - the global state must not matter
    for again in (split_rows(y.tolist(), seed=1), split_rows(y.astype(int), seed=1)):
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
    assert first.test.tolist() != split_rows(y, seed=2).test.tolist()


def test_a_part_can_be_left_out():
    parts = split_rows([0, 0, 0, 0, 1, 1, 1, 1], validation_size=0, seed=0)
    assert [len(part) for part in parts] == [4, 0, 4]
    assert all(np.issubdtype(part.dtype, np.integer) for part in parts)


def test_too_few_rows_and_senseless_shares():
    with pytest.raises(ValueError, match="Class 'yes' has too few rows: 5; at least 6"):
        split_rows([0] * 50 + [1] * 5, seed=0, classes=["no", "yes"])
    for sizes in ((0.5, 0.5), (-0.1, 0.2), (1.0, 0.0)):
        with pytest.raises(ValueError, match="leave rows to train on"):
            split_rows([0, 1] * 9, seed=0, test_size=sizes[0], validation_size=sizes[1])
    with pytest.raises(ValueError, match="only 0 and 1"):
        split_rows([0, 1, 2] * 9, seed=0)


# Scale


@given(arrays(np.float64, st.integers(2, 30), elements=st.floats(allow_infinity=False)))
@example(np.array([0.0, 5e-324]))
@example(np.array([0.0, 1e-99, -1e308]))
def test_scaling_is_finite_and_standard_whatever_the_numbers(values):
    values[0] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scale = Scale.fit(values)
        if scale is None:
            known = values[~np.isnan(values)]
            assert np.ptp(known) <= max(1e-14 * np.abs(known).max(), 1e-100)
            return
        scaled = scale.apply(values)
        extremes = scale.apply(np.array([-np.inf, -1e308, 1e308, np.inf, np.nan]))
    assert np.isfinite(scaled).all()
    assert np.isfinite(extremes).all()
    assert scaled.mean() == pytest.approx(0.0, abs=1e-9)
    assert scaled.std() == pytest.approx(1.0)
    order = np.argsort(values)
    assert (np.diff(scaled[order][: np.isfinite(values).sum()]) >= 0).all()


def test_scaling_of_plain_numbers_is_the_textbook_formula():
    values = np.random.default_rng(0).normal(5.0, 3.0, 1_000)
    scaled = Scale.fit(values).apply(values)
    np.testing.assert_allclose(scaled, (values - values.mean()) / values.std())


def test_far_values_are_kept_near_the_training_range():
    scale = Scale.fit(np.arange(101.0))
    low, high, far = scale.apply(np.array([0.0, 100.0, 1e9]))
    assert far == pytest.approx(high + (high - low))


def test_heavy_tails_are_pulled_in_and_light_ones_are_not():
    rng = np.random.default_rng(0)
    amounts = np.append(rng.lognormal(3.0, 1.0, 999), 1e12)
    scaled = Scale.fit(amounts).apply(amounts)
    assert scaled[:-1].std() > 0.3  # plain standardising leaves 1e-8
    for light in (rng.normal(size=100_000), rng.exponential(size=100_000)):
        assert Scale.fit(light).tail == 0
    assert Scale.fit((np.arange(10_000) == 7).astype(float)).tail == 0  # a rare flag


# TableEncoder


def test_features_of_every_kind(table, encoder):
    assert encoder.columns == list(table.columns)
    assert encoder.kinds == {
        **dict.fromkeys(["age", "visits", "income", "active", "member"], "number"),
        **dict.fromkeys(["city", "grade"], "category"),
        "note": "text",
        "dose": "number",
        "joined": "date",
        "left": "date",
        "code": "constant",
    }
    names = encoder.feature_names_out
    assert len(set(names)) == len(names)
    assert {"age", "age is missing", "city=Oslo", "city is missing"} <= set(names)
    assert {"dose is missing", "note:text29", "joined:month", "left:year"} <= set(names)
    assert not {"visits is missing", "left is missing", "code", "joined:time"} & set(
        names
    )
    matrix = encoder.transform(table)
    assert matrix.dtype == np.float32
    assert matrix.shape == (len(table), len(names))
    assert matrix.flags.c_contiguous
    assert np.isfinite(matrix).all()
    found = pd.DataFrame(matrix, columns=names)
    is_scaled = [name for name in names if "=" not in name and "missing" not in name]
    np.testing.assert_allclose(found[is_scaled].mean(), 0.0, atol=1e-5)
    np.testing.assert_allclose(found[is_scaled].std(ddof=0), 1.0, atol=1e-4)
    for name, missing in {"age": "age", "city": "city", "member": "member"}.items():
        assert found[f"{name} is missing"].tolist() == table[missing].isna().tolist()
    assert (found["city=Oslo"] == (table["city"] == "Oslo")).all()
    assert (found["dose is missing"] == (table["dose"] == "?")).all()
    active = found["active"] > 0
    assert (active == table["active"]).all()


def test_a_missing_number_is_the_median():
    frame = pd.DataFrame({"x": [1.0, 2.0, 30.0, None]})
    matrix = TableEncoder().fit_transform(frame)
    filled = pd.DataFrame({"x": [1.0, 2.0, 30.0, 2.0]})
    np.testing.assert_allclose(matrix[:, 0], TableEncoder().fit_transform(filled)[:, 0])
    assert matrix[:, 1].tolist() == [0, 0, 0, 1]


def test_date_features():
    days = pd.to_datetime(["2020-01-06 06:00", "2021-02-07 18:30", "2021-02-09 00:00"])
    encoder = TableEncoder().fit(pd.DataFrame({"at": days}))
    parts = ["year", "month", "day", "weekday", "time", "seconds"]
    assert encoder.feature_names_out == [f"at:{part}" for part in parts]
    expected = [[2020, 1, 6, 0, 21_600], [2021, 2, 7, 6, 66_600], [2021, 2, 9, 1, 0]]
    expected = np.column_stack(
        [expected, days.to_numpy().astype("datetime64[s]").astype(int)]
    )
    expected = (expected - expected.mean(0)) / expected.std(0)
    np.testing.assert_allclose(
        encoder.transform(pd.DataFrame({"at": days})), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%Y-%m-%dT%H:%M:%SZ",
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%d %b %Y",
        "%Y/%m/%d %H:%M",
    ],
)
def test_dates_are_the_same_as_text(form):
    days = pd.date_range("2020-01-01", periods=60, freq="9D")
    as_date = pd.DataFrame({"at": days})
    as_text = pd.DataFrame({"at": days.strftime(form)})
    as_object = pd.DataFrame({"at": pd.Series(days.date, dtype=object)})
    expected = TableEncoder().fit_transform(as_date)
    encoder = TableEncoder().fit(as_text)
    for other in (as_text, as_date, as_object):
        np.testing.assert_array_equal(encoder.transform(other), expected)


def test_what_only_resembles_dates_or_numbers_is_a_category():
    frame = pd.DataFrame(
        {
            "when": ["May", "June"],
            "due": ["now", "today"],
            "at": ["12:30", "09:15"],
            "size": ["1,5", "2,5"],
            "level": pd.Categorical([1, 2]),
        }
    )
    assert set(TableEncoder().fit(frame).kinds.values()) == {"category"}


def test_codes_are_found_again_when_a_table_has_numbers_only():
    encoder = TableEncoder().fit(pd.DataFrame({"code": ["1", "2", "B"]}))
    for column in ([2, 1], [2.0, 1.0], ["2", "1"]):
        matrix = encoder.transform(pd.DataFrame({"code": column}))
        assert matrix.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_csv_and_parquet_of_one_table_are_encoded_alike(tmp_path, table, encoder):
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    expected = encoder.transform(table)
    for name in ("t.csv", "t.parquet"):
        frame = read_table(tmp_path / name)
        np.testing.assert_allclose(encoder.transform(frame), expected, atol=1e-5)
        assert TableEncoder().fit(frame).kinds == encoder.kinds


@pytest.mark.parametrize(
    "dtype", ["Int64", "Float64", "float32", "object", "category", "str"]
)
def test_numbers_are_numbers_in_any_dtype(dtype):
    encoder = TableEncoder().fit(pd.DataFrame({"x": [1, 2, 4]}))
    column = pd.Series([1, 2, 4]).astype(dtype)
    expected = encoder.transform(pd.DataFrame({"x": [1, 2, 4]}))
    np.testing.assert_array_equal(
        encoder.transform(pd.DataFrame({"x": column})), expected
    )


def test_only_the_training_rows_count(table):
    train, test = table.iloc[:300], table.iloc[300:]
    expected = TableEncoder().fit(train)
    matrix = expected.transform(test)
    changed = test.assign(age=-5.0, city="Paris", note="new", income=1e300)
    both = pd.concat([train, changed])
    encoder = TableEncoder().fit(both.iloc[:300])
    np.testing.assert_array_equal(encoder.transform(test), matrix)
    assert encoder.feature_names_out == expected.feature_names_out


def test_a_row_is_encoded_alone_as_among_others(table, encoder):
    shuffled = table.sample(frac=1, random_state=0)[table.columns[::-1]]
    matrix = encoder.transform(table)
    np.testing.assert_array_equal(encoder.transform(shuffled), matrix[shuffled.index])
    np.testing.assert_array_equal(encoder.transform(table.iloc[7:8]), matrix[7:8])
    assert encoder.transform(table.iloc[:0]).shape == (0, matrix.shape[1])


def test_what_was_never_seen_is_handled(table, encoder):
    names = encoder.feature_names_out
    new = table.iloc[:2].assign(city="Paris", note=None, visits=[np.nan, 1e200])
    matrix = pd.DataFrame(encoder.transform(new), columns=names)
    assert np.isfinite(matrix).all(axis=None)
    assert not matrix.filter(like="city").to_numpy().any()
    nothing = pd.DataFrame(None, index=range(2), columns=table.columns, dtype=object)
    assert np.isfinite(encoder.transform(nothing)).all()


def test_similar_texts_lie_close_together():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(300)]
    encoder = TableEncoder().fit(pd.DataFrame({"x": texts}))
    one, typo, other = encoder.transform(
        pd.DataFrame({"x": ["ash elm yew", "ash elms yew", "maple oak larch"]})
    )
    assert np.linalg.norm(one - typo) < 0.5 * np.linalg.norm(one - other)


def test_frequent_values_of_a_free_text_get_a_feature():
    texts = ["often"] * 60 + [f"once {i}" for i in range(60)]
    names = TableEncoder().fit(pd.DataFrame({"x": texts})).feature_names_out
    assert "x=often" in names
    assert names[-1].startswith("x:text")


@pytest.mark.parametrize("sign", ["é", "a ", "-"])
def test_texts_of_one_sign_still_fit(tmp_path, sign):
    frame = pd.DataFrame({"x": [sign * (i + 1) for i in range(50)], "y": range(50)})
    encoder = TableEncoder().fit(frame)
    assert np.isfinite(encoder.transform(frame)).all()
    encoder.dump(tmp_path / "encoder")
    loaded = TableEncoder.load(tmp_path / "encoder")
    np.testing.assert_array_equal(loaded.transform(frame), encoder.transform(frame))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([np.nan] * 4, "'x' has no value"),
        ([None, " ", "", None], "'x' has no value"),
        ([0.0, np.inf, -np.inf, 1.0], "'x' holds infinite values, in 2 of 4 rows"),
        ([[1], [2], [3], [4]], "'x' holds lists"),
        ([1j, 2j, 3j, 4j], "'x' holds complex"),
        ([3, 3, 3, 3], "All columns are constant.*'x'"),
        (["a", "a", "a", "a"], "All columns are constant.*'x'"),
    ],
)
def test_columns_that_cannot_be_encoded(column, words):
    with pytest.raises(ValueError, match=words) as error:
        TableEncoder().fit(pd.DataFrame({"x": column}))
    assert one_line(error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns=["age", "city"]), "lacks columns .*: 'age', 'city'"),
        (lambda t: t.assign(label=1), "has columns that .*: 'label'"),
        (lambda t: t.rename(columns={"age": "Age"}), "lacks .*'age'; and it .*'Age'"),
        (
            lambda t: t.assign(visits=["1", "many"] * 200),
            "'visits' held numbers .*'many'",
        ),
        (lambda t: t.assign(dose="!"), "'dose' held numbers .*'!'"),
        (lambda t: t.assign(age=pd.Timestamp("2020")), "'age' held numbers .*2020"),
        (lambda t: t.assign(joined="soon"), "'joined' held dates in .*'soon'"),
        (lambda t: t.assign(joined="now"), "'joined' held dates in .*'now'"),
        (lambda t: t.assign(left="today"), "'left' held dates written .*'today'"),
        (lambda t: t.assign(joined=5), "'joined' held dates in .*; got 5"),
        (lambda t: t.assign(left="12/31/2020"), "written as %d/%m/%Y .*'12/31/2020'"),
        (lambda t: t.assign(age=np.inf), "'age' holds infinite values, in 400 of 400"),
        (lambda t: t.set_axis(range(12), axis=1), "must be text"),
        (lambda t: t[["age", *t.columns]], "More than one column has the name 'age'"),
    ],
)
def test_tables_that_do_not_match_the_training_rows(table, encoder, change, words):
    with pytest.raises(ValueError, match=words) as error:
        encoder.transform(change(table))
    assert one_line(error)


def test_misuse(tmp_path, encoder):
    with pytest.raises(ValueError, match="not fitted"):
        TableEncoder().transform(pd.DataFrame({"x": [1]}))
    with pytest.raises(ValueError, match="not fitted"):
        TableEncoder().dump(tmp_path / "encoder")
    with pytest.raises(ValueError, match="no rows"):
        TableEncoder().fit(pd.DataFrame({"x": []}))
    with pytest.raises(TypeError, match="pandas DataFrame"):
        encoder.transform(np.zeros((2, 2)))


# dump and load


@pytest.fixture
def dumped(tmp_path, encoder):
    path = tmp_path / "columns.encoder"
    encoder.dump(path)
    return path


def test_a_loaded_encoder_is_the_same_bit_for_bit(tmp_path, table, encoder, dumped):
    loaded = TableEncoder.load(dumped)
    assert loaded.columns == encoder.columns
    assert loaded.kinds == encoder.kinds
    assert loaded.feature_names_out == encoder.feature_names_out
    assert loaded.transform(table).tobytes() == encoder.transform(table).tobytes()
    loaded.dump(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == dumped.read_bytes()


def test_a_truncated_file_is_refused(dumped):
    content = dumped.read_bytes()
    for n in [*range(0, 200, 10), *range(200, len(content), 40_009), len(content) - 1]:
        dumped.write_bytes(content[:n])
        with pytest.raises(ValueError, match="is damaged or is not") as error:
            TableEncoder.load(dumped)
        assert dumped.name in one_line(error)
    dumped.unlink()
    with pytest.raises(FileNotFoundError, match="There is no file"):
        TableEncoder.load(dumped)


def test_a_changed_byte_is_refused_or_does_not_matter(table, encoder, dumped):
    expected = encoder.transform(table.iloc[:3])
    content = dumped.read_bytes()
    rng = np.random.default_rng(0)
    ends = [*range(150), *range(len(content) - 300, len(content))]
    n_refused = 0
    for place in [*ends, *rng.integers(150, len(content) - 300, 50)]:
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        dumped.write_bytes(broken)
        try:
            loaded = TableEncoder.load(dumped)
        except ValueError:
            n_refused += 1
        else:
            np.testing.assert_array_equal(loaded.transform(table.iloc[:3]), expected)
    assert n_refused > 200


def rewritten(path, change):
    """Change the file and make its digest right again."""
    settings = json.loads(path.read_text())
    change(settings)
    text = json.dumps(settings.get("columns")).encode()
    settings["digest"] = hashlib.sha256(text).hexdigest()
    path.write_text(json.dumps(settings))


def in_column(**changes):
    return lambda settings: settings["columns"][0].update(changes)


def in_scale(**changes):
    return lambda settings: settings["columns"][0]["scale"].update(changes)


def in_spelling(**changes):
    return lambda settings: settings["columns"][7]["spelling"].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.pop("columns"),
        lambda settings: settings.update(columns=[]),
        lambda settings: settings.update(columns=[5]),
        lambda settings: settings.update(columns=None),
        in_column(kind="os.system"),
        in_column(kind=["number"]),
        in_column(name=5),
        in_column(scale={}),
        in_column(scale=[1.0]),
        in_column(marks=5),
        in_column(kind="date"),
        in_scale(deviation=0.0),
        in_scale(deviation=float("nan")),
        in_scale(mean="0"),
        in_scale(more=1.0),
        in_scale(low=1e9),
        in_spelling(weights=5),
        in_spelling(weights="?"),
        in_spelling(weights="AAAAAAAA"),
        in_spelling(directions="AADAfw=="),
        in_spelling(directions=base64.b64encode(b"\xff" * 4 * 4096 * 30).decode()),
        in_spelling(scales=[]),
    ],
)
def test_a_tampered_file_is_refused(dumped, change):
    rewritten(dumped, change)
    with pytest.raises(ValueError, match="is damaged or is not") as error:
        TableEncoder.load(dumped)
    assert one_line(error)


def test_another_version_is_refused(dumped):
    rewritten(dumped, lambda settings: settings.update(version=99))
    with pytest.raises(ValueError, match=r"version 99; expected .*version 1"):
        TableEncoder.load(dumped)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch, dumped):
    monkeypatch.chdir(tmp_path)
    array, skops_like = io.BytesIO(), io.BytesIO()
    np.savez(array, settings=np.array([Evil()], dtype=object))
    with zipfile.ZipFile(skops_like, "w") as file:
        node = {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
        file.writestr("schema.json", json.dumps(node))
    reference = {"__reduce__": ["os.mkdir", "executed"], "columns": [{"kind": "os"}]}
    for content in (
        *(pickle.dumps(Evil()), array.getvalue(), skops_like.getvalue()),
        *(json.dumps(reference).encode(), b"[" * 100_000, b"null", b"\xff"),
    ):
        dumped.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged or is not"):
            TableEncoder.load(dumped)
    assert not Path("executed").exists()
    with pytest.raises(FileExistsError):  # the attack works where it is let in
        [pickle.loads(pickle.dumps(Evil())) for _ in range(2)]


# real data


@pytest.mark.parametrize("name", BINARY_SETS)
def test_real_tables(data_dir, tmp_path, name):
    path = data_dir / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    frame, y, classes = split_target(read_table(path), "target")
    assert classes == [0, 1]
    parts = split_rows(y, seed=0)
    train = frame.iloc[parts.train]
    start = time.perf_counter()
    encoder = TableEncoder().fit(train)
    matrix = encoder.transform(frame)
    assert time.perf_counter() - start < 10  # several times what it takes
    assert np.isfinite(matrix).all()
    shares = [y[part].mean() for part in parts]
    np.testing.assert_allclose(shares, y.mean(), atol=0.5 / len(parts.test) * 3)
    encoded = matrix[parts.train].astype(np.float64)
    np.testing.assert_allclose(encoded.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(encoded.std(0), 1.0, atol=1e-5)
    encoder.dump(tmp_path / "encoder")
    again = TableEncoder.load(tmp_path / "encoder").transform(frame.iloc[:1_000])
    assert again.tobytes() == matrix[:1_000].tobytes()


def test_import_is_light():
    code = (
        "import sys, losslearn.tables; "
        "print({'pandas', 'sklearn', 'scipy', 'pyarrow', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"
