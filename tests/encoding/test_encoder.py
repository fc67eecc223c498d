"""Columns of any kind as numbers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from table_cases import WORDS, one_line

from losslearn.encoding import TableEncoder
from losslearn.encoding.scaling import Scale
from losslearn.tables.reading import read_table


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


def test_features_of_every_kind(table, encoder):
    assert encoder.feature_names_in_.tolist() == list(table.columns)
    assert encoder.kinds == {
        **dict.fromkeys(["age", "visits", "income", "active", "member"], "number"),
        **dict.fromkeys(["city", "grade"], "category"),
        "note": "text",
        "dose": "number",
        "joined": "date",
        "left": "date",
        "code": "constant",
    }
    names = encoder.get_feature_names_out().tolist()
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
    spreads = pd.Series(encoder.spreads, names)
    np.testing.assert_allclose(
        found[is_scaled].std(ddof=0), spreads[is_scaled], atol=1e-4
    )
    is_text = spreads.index.str.startswith("note:text")
    assert (spreads[~is_text] == 1).all()
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
    assert encoder.get_feature_names_out().tolist() == [f"at:{part}" for part in parts]
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
            "seat": ["12A", "13B"],
            "code": ["01", "7A"],
            "phone": ["06 12 34 56 78", "06 11 22 33 44"],
            "weight": ["5 kg", "7 g"],
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
    assert (
        encoder.get_feature_names_out().tolist()
        == expected.get_feature_names_out().tolist()
    )


def test_a_row_is_encoded_alone_as_among_others(table, encoder):
    shuffled = table.sample(frac=1, random_state=0)[table.columns[::-1]]
    matrix = encoder.transform(table)
    np.testing.assert_array_equal(encoder.transform(shuffled), matrix[shuffled.index])
    np.testing.assert_array_equal(encoder.transform(table.iloc[7:8]), matrix[7:8])
    assert encoder.transform(table.iloc[:0]).shape == (0, matrix.shape[1])


def test_what_was_never_seen_is_handled(table, encoder):
    names = encoder.get_feature_names_out().tolist()
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


@pytest.mark.parametrize("n_words", [3, len(WORDS)])
def test_a_text_spreads_as_its_directions_explain(n_words):
    """As scikit-learn works the share of the variance out."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[:n_words], 4)) for _ in range(300)]
    encoder = TableEncoder({"x": "text"}).fit(pd.DataFrame({"x": texts}))
    names, spreads = encoder.get_feature_names_out(), encoder.spreads
    spreads = spreads[["x:text" in name for name in names]]
    distinct, rows_of = np.unique(texts, return_counts=True)
    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=4_096, norm=None
    )
    weighted = TfidfTransformer().fit_transform(vectorizer.transform(distinct))
    directions = TruncatedSVD(30, random_state=0).fit(weighted).components_
    rows = np.repeat(weighted.toarray(), rows_of, axis=0)
    explained = (rows @ directions.T).var(axis=0) / rows.var(axis=0).sum()
    np.testing.assert_allclose(spreads, np.sqrt(explained)[: len(spreads)], atol=2e-3)
    assert np.square(spreads).sum() <= 1 + 1e-5


def test_frequent_values_of_a_free_text_get_a_feature():
    texts = ["often"] * 60 + [f"once {i}" for i in range(60)]
    names = (
        TableEncoder().fit(pd.DataFrame({"x": texts})).get_feature_names_out().tolist()
    )
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
        ([np.nan] * 4, r"No column varies .*'x \(empty\)'"),
        ([None, " ", "", "NA"], r"No column varies .*'x \(empty\)'"),
        ([0.0, np.inf, -np.inf, 1.0], "'x' holds infinite values, in 2 of 4 rows"),
        ([[1], [2], [3], [4]], "'x' holds lists"),
        ([1j, 2j, 3j, 4j], "'x' holds complex"),
        ([3, 3, 3, 3], r"No column varies .*'x \(constant\)'"),
        (["a", "a", "a", "a"], r"No column varies .*'x \(constant\)'"),
        ([f"C{i}" for i in range(30)], r"No column varies .*'x \(id\)'"),
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
