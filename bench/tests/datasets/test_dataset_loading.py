"""What a data set is made of."""

import numpy as np
import pandas as pd
import pytest
from dataset_cases import ROWS, TARGET, TINY, X, write
from scipy import sparse

from losslearn_bench.datasets import (
    load_dataset,
)


def test_a_file_gives_float32_features_and_int64_targets(tmp_path):
    path = tmp_path / "own.parquet"
    pd.DataFrame(
        {
            "small": pd.Series([1, 2, 3], dtype="int8"),
            "target": pd.Series([1, 0, 1], dtype="int8"),
            "flag": [True, False, True],
            "text": pd.Categorical(["1.5", "-2", "0"]),
        }
    ).to_parquet(path)
    dataset = load_dataset(path)
    assert (dataset.name, dataset.source, dataset.info) == ("own", "file", None)
    assert (dataset.x.dtype, dataset.y.dtype) == (np.float32, np.int64)
    assert dataset.x.tolist() == [[1, 1, 1.5], [2, 0, -2], [3, 1, 0]]
    assert dataset.y.tolist() == [1, 0, 1]
    assert (dataset.n_rows, dataset.n_features) == (3, 3)
    assert dataset.pos_rate == pytest.approx(2 / 3)
    assert dataset.is_complete


def test_a_file_of_the_folder_needs_no_entry_in_the_catalogue(folder):
    write(folder / "other.parquet")
    for name in ("other", "other.parquet"):
        dataset = load_dataset(name, data_dir=folder)
        assert (dataset.name, dataset.source) == ("other", "folder")


def test_a_partial_set_is_loaded_and_says_so(know, folder):
    know(TINY)
    part = {name: values[:4] for name, values in ROWS.items()}
    write(folder / "tiny.parquet", features=part, target=TARGET[:4])
    assert not load_dataset("tiny", data_dir=folder).is_complete


def x_and_y():
    return X, TARGET


def x_and_y_sparse():
    x, y = x_and_y()
    return sparse.csr_matrix(x), np.array(y, dtype=bool)


def frame_with_target():
    return pd.DataFrame({"a": ROWS["a"], "target": TARGET, "b": ROWS["b"]})


@pytest.mark.parametrize("function", [x_and_y, x_and_y_sparse, frame_with_target])
def test_a_function_gives_a_data_set(function):
    dataset = load_dataset(function)
    assert (dataset.name, dataset.source) == (function.__name__, "callable")
    assert dataset.x.tolist() == X
    assert dataset.y.tolist() == TARGET


def test_a_function_can_be_named_in_its_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def rows():\n    return [[0], [1], [2]], [0, 1, 1]\n")
    dataset = load_dataset(f"{path}:rows")
    assert (dataset.name, dataset.source) == ("rows", "callable")
    assert dataset.x.tolist() == [[0], [1], [2]]
    with pytest.raises(ValueError, match=r"no function `row`\. It has `rows`"):
        load_dataset(f"{path}:row")


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        ({"a": [1.0, None, 2.0]}, [0, 1, 0], "1 missing or infinite .* column `a`"),
        ({"a": [1.0, 1e300, 2.0]}, [0, 1, 0], "1 missing or infinite .* column `a`"),
        ({"a": ["x", "y", "z"]}, [0, 1, 0], "Column `a` of `own` must hold numbers"),
        ({"a": pd.to_datetime(["2020-01-01"] * 3)}, [0, 1, 0], "must hold numbers"),
        ({"a": [1.0, 2.0, 3.0]}, [-1, 1, 1], r"must be 0 or 1 .* values \[-1\]"),
        ({"a": [1.0, 2.0, 3.0]}, [0, 1, None], r"must be 0 or 1 .* values \[nan\]"),
        ({"a": [1.0, 2.0, 3.0]}, ["no", "yes", "no"], "must be 0 or 1"),
        ({"a": [1.0, 2.0, 3.0]}, [1, 1, 1], "both classes, got 3 rows of one class"),
        ({}, [0, 1, 1], "has no features"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path, features, target, message):
    path = write(tmp_path / "own.parquet", features=features, target=target)
    with pytest.raises(ValueError, match=message):
        load_dataset(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (([1.0, 2.0], [0, 1]), r"shape \[rows, features\], got \[2\]"),
        (([[1.0], [2.0]], [[0], [1]]), r"shape \[rows\], got \[2, 1\]"),
        (([[1.0], [2.0]], [0, 1, 1]), "got 2 rows and 3 targets"),
        ([[1.0], [2.0]], "must return a tuple `.X, y.` or a table .* got list"),
    ],
    ids=["features", "targets", "lengths", "list"],
)
def test_what_a_function_must_return_is_said(data, message):
    with pytest.raises(ValueError, match=message):
        load_dataset(lambda: data)


def test_a_file_without_targets_or_of_another_kind_is_refused(tmp_path):
    no_target = tmp_path / "no_target.parquet"
    pd.DataFrame(ROWS).to_parquet(no_target)
    with pytest.raises(ValueError, match="must have one column `target`"):
        load_dataset(no_target)
    text = tmp_path / "text.parquet"
    text.write_text("a,target\n1,0\n")
    with pytest.raises(ValueError, match="cannot be read as a Parquet file"):
        load_dataset(text)


def test_a_function_that_raises_is_told_with_its_error(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def load():\n    return {}['rows']\n")
    with pytest.raises(ValueError, match=r"`load` must .* raised KeyError: 'rows'"):
        load_dataset(f"{file}:load")


def test_an_unknown_name_gets_a_near_one(tmp_path):
    with pytest.raises(ValueError, match=r"no data set `covtyp`.* mean `covtype`"):
        load_dataset("covtyp")
    with pytest.raises(ValueError, match=r"Known are a9a, cc_fraud"):
        load_dataset(str(tmp_path / "xyz.parquet"))
