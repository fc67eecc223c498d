"""Data sets from OpenML."""

import io
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
import pandas as pd
import pytest
from dataset_cases import (
    DESCRIPTION,
    DOWNLOAD,
    ROWS,
    TARGET,
    TINY,
    X,
    answer,
    files_in,
    sent,
)
from scipy import sparse

from losslearn_bench.datasets import (
    DatasetInfo,
    load_dataset,
)


def test_a_download_is_checked_and_kept(know, monkeypatch, tmp_path):
    know(TINY)
    asked = answer(monkeypatch, sent(features={"id": list("pqrstu"), **ROWS}))
    first = load_dataset("tiny", cache_dir=tmp_path / "cache")
    second = load_dataset("tiny", cache_dir=tmp_path / "cache")
    assert [call["data_id"] for call in asked] == [7]
    assert (first.source, second.source) == ("openml", "cache")
    assert first.x.tolist() == second.x.tolist() == X
    assert first.y.tolist() == second.y.tolist() == TARGET
    assert files_in(tmp_path / "cache") == ["tiny.parquet"]
    kept = pd.read_parquet(tmp_path / "cache" / "datasets" / "tiny.parquet")
    assert kept.columns.tolist() == ["a", "b", "target"]


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["1", "2", "1", "1", "2", "1"], "2"),
        ([1, 2, 1, 1, 2, 1], "2"),
        ([-1.0, 1.0, -1.0, -1.0, 1.0, -1.0], "1"),
        (["'0'", "'1'", "'0'", "'0'", "'1'", "'0'"], "1"),
    ],
    ids=["text", "integer", "float", "quoted"],
)
def test_labels_become_targets_however_they_are_written(
    know, monkeypatch, tmp_path, labels, positive
):
    info = DatasetInfo(**{**vars(TINY), "positive_label": positive})
    know(info)
    answer(monkeypatch, sent(labels=labels))
    assert load_dataset("tiny", cache_dir=tmp_path).y.tolist() == TARGET


def test_sparse_features_are_filled_in(know, monkeypatch, tmp_path):
    know(TINY)
    reply = sent(features={"a": ROWS["a"], "id": [1.0] * 6, "b": ROWS["b"]})
    reply.data = sparse.csr_matrix(reply.data.to_numpy())
    reply.target = np.array(["1", "2", "1", "1", "2", "1"], dtype=object)
    answer(monkeypatch, reply)
    dataset = load_dataset("tiny", cache_dir=tmp_path)
    assert dataset.x.tolist() == X


def test_rows_that_openml_repeats_are_taken_once(know, monkeypatch, tmp_path):
    know(DatasetInfo(**{**vars(TINY), "repeats_rows": True}))
    twice = {name: values + values[1:4] for name, values in ROWS.items()}
    labels = ["1", "2", "1", "1", "2", "1", "2", "1", "1"]
    answer(monkeypatch, sent(features=twice, labels=labels))
    dataset = load_dataset("tiny", cache_dir=tmp_path)
    assert dataset.x[:, 0].tolist() == ROWS["a"]
    assert dataset.y.tolist() == TARGET


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (sent(features={**ROWS, "c": ROWS["a"]}), "has 6, 3 and 2"),
        (sent(labels=["1", "2", "1", "1", "1", "1"]), "has 6, 2 and 1"),
        (
            sent(
                features={name: values[:5] for name, values in ROWS.items()},
                labels=["1", "2", "1", "1", "2"],
            ),
            "has 5, 2 and 2",
        ),
    ],
    ids=["features", "positives", "rows"],
)
def test_other_data_than_expected_is_not_kept(
    know, monkeypatch, tmp_path, reply, found
):
    know(TINY)
    answer(monkeypatch, reply)
    with pytest.raises(
        ValueError, match=f"6 rows, 2 features and 2 positives.*{found}"
    ):
        load_dataset("tiny", cache_dir=tmp_path / "cache")
    assert files_in(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("row", "form"),
    [
        ("{},{},{}", "ARFF"),
        ("{},{},'{}'", "ARFF"),
        ("{{0 {}, 1 {}, 2 {}}}", "Sparse_ARFF"),
    ],
    ids=["plain", "quoted", "sparse"],
)
def test_what_openml_sends_is_read_by_scikit_learn_itself(
    know, web, tmp_path, pauses, row, form
):
    know(TINY)
    web.has_tiny(row=row, form=form)
    dataset = load_dataset("tiny", cache_dir=tmp_path)
    assert (dataset.source, dataset.x.tolist()) == ("openml", X)
    assert dataset.y.tolist() == TARGET
    assert files_in(tmp_path) == ["tiny.parquet"]
    assert pauses == []


@pytest.mark.parametrize("path", [DESCRIPTION, DOWNLOAD])
def test_network_errors_are_tried_again_after_pauses(know, web, tmp_path, pauses, path):
    know(TINY)
    web.has_tiny()
    web.errors[path] = [URLError("no route"), TimeoutError("slow"), URLError("gone")]
    assert load_dataset("tiny", cache_dir=tmp_path).y.tolist() == TARGET
    assert web.asked.count(path) == 4
    assert len(pauses) == 3


def test_offline_is_one_clear_line(know, web, tmp_path, pauses):
    know(TINY)
    web.errors["everywhere"] = [URLError("no route to host") for _ in range(99)]
    with pytest.raises(ConnectionError) as caught:
        load_dataset("tiny", cache_dir=tmp_path)
    message = str(caught.value)
    assert len(web.asked) == 4
    assert len(pauses) == 3
    assert "\n" not in message
    for part in ("`tiny` is not on this machine", "data set 7", "several tries"):
        assert part in message
    assert "no route to host" in message
    assert str(tmp_path / "datasets" / "tiny.parquet") in message


def test_a_download_that_breaks_off_is_begun_again(know, web, tmp_path):
    know(TINY)
    web.has_tiny()
    web.errors[DOWNLOAD] = [IncompleteRead(b""), IncompleteRead(b"")]
    with pytest.raises(ConnectionError, match="could not be reached"):
        load_dataset("tiny", cache_dir=tmp_path)
    web.errors[DOWNLOAD] = [IncompleteRead(b"")]
    assert load_dataset("tiny", cache_dir=tmp_path).y.tolist() == TARGET


def test_data_that_openml_does_not_have_is_said(know, web, tmp_path, pauses):
    know(TINY)
    web.errors[DESCRIPTION] = [
        HTTPError("https://openml.org", 412, "no", {}, io.BytesIO())
    ]
    with pytest.raises(ValueError, match="data set 7 for `tiny` cannot be used: Data"):
        load_dataset("tiny", cache_dir=tmp_path)
    assert pauses == []


def test_a_damaged_download_is_not_kept(know, web, tmp_path):
    know(TINY)
    web.has_tiny()
    web.pages[DOWNLOAD] += b"6.0,1.0,1\n"
    with pytest.raises(ValueError, match="cannot be used: The md5 checksum"):
        load_dataset("tiny", cache_dir=tmp_path)
    assert files_in(tmp_path) == []


def test_a_half_written_file_is_never_left(know, monkeypatch, tmp_path):
    know(TINY)
    answer(monkeypatch, sent())

    def fail(path, _):
        with path.open("wb") as file:
            file.write(b"PAR1")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        load_dataset("tiny", cache_dir=tmp_path / "cache")
    assert files_in(tmp_path / "cache") == []


@pytest.mark.parametrize("name", ["porto_seguro", "santander", "susy"])
def test_sets_to_be_fetched_by_hand_say_where_and_in_which_form(
    name, monkeypatch, folder
):
    asked = answer(monkeypatch, sent())
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset(name, data_dir=folder)
    message = str(caught.value)
    assert asked == []
    assert "https://" in message
    assert "pandas.read_csv(" in message
    assert f"to_parquet('{folder / name}.parquet')" in message
    assert "\n" not in message
    if name != "susy":
        assert "Accept the rules at https://www.kaggle.com/" in message


def test_the_recipe_for_susy_gives_the_expected_form(tmp_path, monkeypatch):
    """The command in the message is run on two rows of the original form."""
    monkeypatch.chdir(tmp_path)
    rows = [[1.0, *range(18)], [0.0, *range(18)]]
    pd.DataFrame(rows).to_csv("SUSY.csv.gz", header=False, index=False)
    with pytest.raises(FileNotFoundError) as caught:
        load_dataset("susy", data_dir=tmp_path)
    command = str(caught.value).partition("then run: ")[2]
    exec(command, {"pandas": pd})
    dataset = load_dataset("susy", data_dir=tmp_path)
    assert dataset.y.tolist() == [1, 0]
    assert dataset.x.tolist() == [list(range(18))] * 2
