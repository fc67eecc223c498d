"""Where a data set is looked for."""

import pytest
from dataset_cases import BESIDE, ROWS, TARGET, TINY, X, write

from losslearn_bench.datasets import (
    find_dataset,
    load_dataset,
    loading,
)


def test_a_named_set_comes_from_the_folder_before_the_cache(know, folder, tmp_path):
    know(TINY)
    cache = tmp_path / "cache"
    (cache / "datasets").mkdir(parents=True)
    write(cache / "datasets" / "tiny.parquet", target=[1, 1, 0, 0, 0, 0])
    from_cache = load_dataset("tiny", cache_dir=cache)
    write(folder / "tiny.parquet")
    from_folder = load_dataset("tiny", data_dir=folder, cache_dir=cache)
    assert (from_cache.source, from_folder.source) == ("cache", "folder")
    assert from_cache.y.tolist() == [1, 1, 0, 0, 0, 0]
    assert from_folder.y.tolist() == TARGET


def test_the_folder_is_named_by_the_environment_or_lies_beside(
    know, folder, tmp_path, monkeypatch
):
    know(TINY)
    write(folder / "tiny.parquet")
    monkeypatch.setenv("LOSSLEARN_DATA", str(folder))
    assert load_dataset("tiny").source == "folder"
    monkeypatch.delenv("LOSSLEARN_DATA")
    beside = tmp_path / "shared" / "datasets"
    beside.mkdir(parents=True)
    write(beside / "tiny.parquet", target=[1, 0, 0, 0, 0, 0])
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(loading, "_BESIDE", BESIDE)
    assert load_dataset("tiny").y.tolist() == [1, 0, 0, 0, 0, 0]


def test_the_cache_is_named_by_the_environment(know, losslearn_cache):
    know(TINY)
    path = losslearn_cache / "datasets" / "tiny.parquet"
    path.parent.mkdir(parents=True)
    write(path)
    assert load_dataset("tiny").source == "cache"


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_folder_that_does_not_exist_is_said(tmp_path, monkeypatch, by):
    none = tmp_path / "none"
    if by == "environment":
        monkeypatch.setenv("LOSSLEARN_DATA", str(none))
    said = {"argument": "`data_dir`", "environment": "LOSSLEARN_DATA"}[by]
    with pytest.raises(FileNotFoundError, match=f"{said} must name a folder"):
        load_dataset("a9a", data_dir=none if by == "argument" else None)


def test_columns_that_are_no_features_are_left_out(know, folder):
    know(TINY)
    names = ["r1", "r2", "r3", "r4", "r5", "r6"]
    write(folder / "tiny.parquet", features={"id": names, **ROWS})
    dataset = load_dataset("tiny", data_dir=folder)
    assert dataset.x.tolist() == X
    assert dataset.is_complete
    assert find_dataset("tiny", data_dir=folder).state == "complete"
