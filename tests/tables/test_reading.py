"""Tables from files, and of any make."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from table_cases import one_line

from losslearn.tables.reading import as_frame, read_table


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".CSV"])
def test_text_files_read_alike(tmp_path, suffix):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x, y", np.nan], "c": [True, False]})
    separator = "\t" if "tsv" in suffix else ","
    content = frame.to_csv(index=False, sep=separator).encode()
    path = tmp_path / f"table{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    texts = {"a": ["1", "2"], "b": ["x, y", np.nan], "c": ["True", "False"]}
    pd.testing.assert_frame_equal(read_table(path), pd.DataFrame(texts, dtype="str"))


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
    with pytest.raises(ValueError, match=r"is a folder and must hold \.parquet files"):
        read_table(tmp_path / "folder.csv")


def test_empty_parquet_tables(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": []}).to_parquet(path)
    with pytest.raises(ValueError, match="no rows"):
        read_table(path)
    pd.DataFrame(index=range(3)).to_parquet(path)
    with pytest.raises(ValueError, match="no columns"):
        read_table(path)


@pytest.mark.parametrize("make", ["pandas", "polars", "arrow", "path", "text"])
def test_a_table_of_any_make_is_the_same_frame(tmp_path, make):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    table = {
        "pandas": lambda: frame,
        "polars": lambda: polars.from_pandas(frame),
        "arrow": lambda: arrow.Table.from_pandas(frame),
        "path": lambda: tmp_path / "t.parquet",
        "text": lambda: str(tmp_path / "t.parquet"),
    }[make]()
    found = as_frame(table)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="pandas, polars or Arrow, got list"):
        as_frame([[1, 2]])
    with pytest.raises(ValueError, match=r"The table .*no rows"):
        as_frame(pd.DataFrame({"a": []}))
    with pytest.raises(ValueError, match=r"The table .*no columns"):
        as_frame(pd.DataFrame(index=range(3)))
