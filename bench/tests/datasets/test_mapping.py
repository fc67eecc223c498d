import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losslearn import Recipe, SurrogateClassifier
from losslearn_bench.datasets import map_parquet, mapping


@pytest.fixture
def frame():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 3))
    return pd.DataFrame(
        {
            "a": x[:, 0],
            "target": np.where(x[:, 0] + generator.normal(size=400) > 1, "yes", "no"),
            "b": x[:, 1].astype(np.float32),
            "c": (10 * x[:, 2]).astype(np.int16),
            "d": x[:, 0] > x[:, 1],
        }
    )


@pytest.fixture
def path(frame, tmp_path):
    path = tmp_path / "people.parquet"
    frame.to_parquet(path, row_group_size=150, index=False)
    return path


@pytest.mark.parametrize("n_values", [3, 64, 2**20])  # batches of 1, 16 and all rows
def test_map_holds_the_numbers_of_the_file(frame, path, n_values, monkeypatch):
    monkeypatch.setattr(mapping, "_BATCH", n_values)
    table = map_parquet(path)
    assert isinstance(table.x, np.memmap)
    assert table.x.dtype == np.float32
    expected = frame.drop(columns="target").astype(np.float32)
    assert np.array_equal(table.x, expected)
    assert table.y.tolist() == frame["target"].tolist()
    assert table.columns == ("a", "b", "c", "d")


def test_map_is_a_table_to_fit(frame, path):
    table = map_parquet(path)
    recipe = Recipe(max_iter=20, batch_size=50)
    settings = {"model": "linear", "recipe": recipe, "random_state": 0}
    clf = SurrogateClassifier(**settings).fit(table.x, table.y)
    in_memory = SurrogateClassifier(**settings).fit(
        frame.drop(columns="target").to_numpy(np.float32), frame["target"]
    )
    # validation rows are scored in another order, which rounds otherwise
    assert np.allclose(
        clf.decision_function(table.x), in_memory.decision_function(table.x), atol=1e-4
    )
    assert clf.classes_.tolist() == ["no", "yes"]


def test_map_is_made_once_and_again_when_the_file_changed(frame, path):
    first = map_parquet(path)
    made = (path.parent / "people.map" / "x.npy").stat()
    map_parquet(path)
    assert (path.parent / "people.map" / "x.npy").stat() == made
    frame.assign(a=0.0).to_parquet(path, index=False)
    os.utime(path, ns=(1, 1))
    assert (map_parquet(path).x[:, 0] == 0).all()
    # who has the old map open keeps it
    assert np.array_equal(first.x[:, 0], frame["a"].to_numpy(np.float32))


def test_another_target_is_another_map(path):
    path_d = path.with_name("numbers.parquet")
    pd.DataFrame({"a": [0.0, 1.0], "d": [True, False]}).to_parquet(path_d)
    assert map_parquet(path_d, target="d").y.tolist() == [True, False]
    assert map_parquet(path_d, target="a").y.tolist() == [0.0, 1.0]


def test_map_goes_into_a_named_folder(path, tmp_path):
    map_parquet(path, folder=tmp_path / "new" / "place")
    names = {child.name for child in (tmp_path / "new" / "place").iterdir()}
    assert names == {"people.map"}
    assert not (tmp_path / "people.map").exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1.0, 2.0]}, r"one column 'target' of labels, got 0 .*\(a\)"),
        ({"target": [0, 1]}, "features beside 'target'.* got none"),
        (
            {"a": ["x", "y"], "target": [0, 1]},
            r"numbers or truth values, got 'a' \(str",
        ),
        ({"a": [1.0, None], "target": [0, 1]}, "feature 'a'.*some are missing"),
        ({"a": [1.0, np.nan], "target": [0, 1]}, "finite numbers.* got nan"),
        ({"a": [1.0, 1e39], "target": [0, 1]}, "finite numbers.* got inf"),
        ({"a": [1.0, 2.0], "target": [0, None]}, "target 'target'.*some are missing"),
        ({"a": [1.0, 2.0], "target": [[0], [1]]}, "truth values or text, got list"),
        ({"a": pa.array([], pa.float32()), "target": []}, "must hold rows, got none"),
    ],
)
def test_what_cannot_be_mapped_is_refused(columns, message, tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(ValueError, match=message):
        map_parquet(path)
    assert [child.name for child in tmp_path.iterdir() if child != path] in (
        [],
        ["losslearn-cache"],
    )


def test_many_strange_columns_are_counted(tmp_path):
    path = tmp_path / "table.parquet"
    texts = {f"t{i}": ["x"] for i in range(8)}
    pq.write_table(pa.table({**texts, "target": [0]}), path)
    with pytest.raises(ValueError, match=r"'t4' \(string\) and 3 more"):
        map_parquet(path)


def test_categories_as_target_become_text(tmp_path):
    path = tmp_path / "table.parquet"
    target = pa.array(["u", "v", "u"]).dictionary_encode()
    pq.write_table(pa.table({"a": [1, 2, 3], "target": target}), path)
    assert map_parquet(path).y.tolist() == ["u", "v", "u"]


def test_file_that_is_absent_or_no_parquet_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no Parquet file"):
        map_parquet(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(ValueError, match="cannot be read as a Parquet file"):
        map_parquet(tmp_path / "text.parquet")


def test_folder_with_other_files_is_left_alone(path):
    folder = path.parent / "people.map"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        map_parquet(path)
    assert (folder / "mine.txt").read_text() == "mine"


def test_half_a_map_is_made_again(path):
    map_parquet(path)
    (path.parent / "people.map" / "source.json").write_text("{")
    expected = map_parquet(path)
    (path.parent / "people.map" / "y.npy").unlink()
    assert np.array_equal(map_parquet(path).x, expected.x)
