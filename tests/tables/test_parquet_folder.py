"""A folder of Parquet files as one table."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from table_cases import one_line

from losslearn import fit_table, load_model
from losslearn.tables.reading import as_frame, read_table

FRAME = pd.DataFrame(
    {
        "a": [1.5, 2.5, 3.5, 4.5],
        "b": pd.Categorical(["x", "y", "z", "x"]),
        "c": ["u", None, "v", "w"],
    }
)


def write(folder, **parts):
    folder.mkdir()
    for name, part in parts.items():
        path = folder / f"{name}.parquet"
        part.to_parquet(path) if isinstance(part, pd.DataFrame) else pq.write_table(
            pa.table(part), path
        )
    return folder


def test_the_files_are_one_table_in_the_order_of_their_names(tmp_path):
    whole = pd.concat([FRAME] * 100, ignore_index=True)
    halves = {"part_1": whole[:200].reset_index(drop=True), "part_0": whole[200:]}
    folder = write(tmp_path / "data", **halves)
    for made in ("_SUCCESS", "_metadata", ".part_0.parquet.crc"):
        (folder / made).write_text("no table")
    expected = pd.concat([whole[200:], whole[:200]], ignore_index=True)
    for path in (folder, f"{folder}/"):
        pd.testing.assert_frame_equal(as_frame(path), expected)


def test_columns_go_by_name_and_gaps_with_any_kind(tmp_path):
    many = pd.DataFrame({"b": [f"{i}" for i in range(300)], "a": 1.0, "c": "u"})
    parts = {
        "first": FRAME.assign(c=None).set_axis([7, 8, 9, 3]),  # an index that is stored
        "none": FRAME[:0],
        "second": FRAME,
        "wide": many.astype({"b": "category"}),  # codes of two bytes
    }
    found = read_table(write(tmp_path / "data", **parts))
    assert list(found) == ["a", "b", "c"]
    assert found["b"].dtype == "category"
    assert found["b"].tolist() == [*FRAME["b"], *FRAME["b"], *many["b"]]
    assert found["c"].isna().tolist() == [
        *[True] * 4,
        *FRAME["c"].isna(),
        *[False] * 300,
    ]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            {"a": pa.array([1], pa.int32()), "b": ["x"]},
            r"Column 'a' of '.*b\.parquet' must be int64, as in 'a.parquet', got int32",
        ),
        ({"a": [1.5], "b": ["x"]}, "must be int64.* got double"),
        (
            {"a": [1]},
            r"b\.parquet' must have the columns of 'a\.parquet', but lacks 'b'",
        ),
        ({"a": [1], "b": ["x"], "d": [2]}, r"b\.parquet' .* but has 'd' too"),
    ],
)
def test_files_that_do_not_agree_are_refused(tmp_path, second, words):
    folder = write(tmp_path / "data", a={"a": [1], "b": ["x"]}, b=second)
    with pytest.raises(ValueError, match=words) as error:
        read_table(folder)
    assert one_line(error)


def test_the_kind_is_that_of_the_first_file_with_a_value(tmp_path):
    nothing = {"a": pa.nulls(1)}
    folder = write(
        tmp_path / "data", a=nothing, b={"a": [1]}, c=nothing, d={"a": ["x"]}
    )
    with pytest.raises(ValueError, match=r"must be int64, as in 'b\.parquet', got str"):
        read_table(folder)


@pytest.mark.parametrize(
    ("parts", "others", "words"),
    [
        ({}, [], "must hold .parquet files, got nothing"),
        ({}, [".hidden", "_SUCCESS"], "got nothing"),
        ({}, ["a.csv", "b.csv"], "must hold .parquet files, got only 'a.csv', 'b.csv'"),
        ({"a": {"a": [1]}}, ["a.csv"], ".parquet files alone, got 'a.csv' beside them"),
        ({"a": {"a": [1]}}, ["sub.parquet/"], "got 'sub.parquet' beside them"),
        ({"a": FRAME[:0], "b": FRAME[:0]}, [], "data' has column names but no rows"),
        ({"a": FRAME}, ["b.parquet"], r"b\.parquet' is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, parts, others, words):
    folder = write(tmp_path / "data", **parts)
    for name in others:
        path = folder / name
        path.mkdir() if name.endswith("/") else path.touch()
    with pytest.raises(ValueError, match=words) as error:
        read_table(folder)
    assert "data" in one_line(error)


def test_a_damaged_file_is_named(tmp_path):
    folder = write(tmp_path / "data", a=FRAME)
    (folder / "b.parquet").write_bytes(b"PAR1 and more")
    with pytest.raises(ValueError, match=r"data/b\.parquet' cannot be read") as error:
        read_table(folder)
    assert one_line(error)
    double = pa.table([[1], [2]], names=["a", "a"])
    pq.write_table(double, folder / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet' has more than one column .*'a'"):
        read_table(folder)


def test_a_model_of_a_folder_is_that_of_its_table(tmp_path):
    frame = pd.DataFrame({"x": [i % 7 for i in range(80)]})
    frame["y"] = frame["x"] > 4
    folder = write(tmp_path / "data", a=frame[:50], b=frame[50:])
    settings = {"model": "linear", "mode": "scratch", "max_iter": 4, "seed": 1}
    fitted = fit_table(folder, "y", "f1", out=tmp_path / "m", **settings)
    expected = fit_table(frame, "y", "f1", **settings)
    pd.testing.assert_frame_equal(
        load_model(tmp_path / "m").predict(folder), expected.predict(frame)
    )
    other = fit_table(frame, "y", "f1", test=folder, **settings)
    assert other.report["rows"]["test"] == len(frame)
    assert fitted.evaluate(folder, "y") == expected.evaluate(frame, "y")
