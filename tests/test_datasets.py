import hashlib
import io
import json
import time
import urllib.request
from http.client import IncompleteRead
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.response import addinfourl

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from rich.console import Console
from scipy import sparse

from losslearn.cli.datasets import print_datasets
from losslearn.datasets import (
    DATASETS,
    DatasetInfo,
    catalogue,
    find_dataset,
    finding,
    load_dataset,
    loading,
    places,
)

BESIDE = places._BESIDE
TINY = DatasetInfo(
    name="tiny",
    title="Six rows",
    n_rows=6,
    n_features=2,
    n_positives=2,
    origin="This file",
    licence="none",
    openml_id=7,
    positive_label="2",
    drop=("id",),
)
ROWS = {"a": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "b": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]}
TARGET = [0, 1, 0, 0, 1, 0]
DESCRIPTION = "/api/v1/json/data/7"
DOWNLOAD = "/data/v1/download/7/tiny.arff"
X = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 1.0], [5.0, 0.0]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Keep the folder of the real data sets out of reach."""
    monkeypatch.delenv("LOSSLEARN_DATA", raising=False)
    monkeypatch.setattr(places, "_BESIDE", tmp_path / "no such folder")


@pytest.fixture
def know(monkeypatch):
    """Put a data set into the catalogue for one test."""

    def put(info):
        known = {**DATASETS, info.name: info}
        for module in (catalogue, loading, finding):
            monkeypatch.setattr(module, "DATASETS", known)

    return put


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def pauses(monkeypatch):
    """Collect the pauses between tries instead of waiting."""
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


class Web:
    """Stands for the internet: sends bytes by path, after some errors of the path."""

    def __init__(self):
        self.pages, self.errors, self.asked = {}, {}, []

    def open(self, request, *_):
        path = urlparse(request.full_url).path
        self.asked.append(path)
        errors = self.errors.get(path, self.errors.get("everywhere", []))
        if errors:
            raise errors.pop(0)
        return addinfourl(io.BytesIO(self.pages[path]), {}, request.full_url)

    def has_tiny(self, *, row="{},{},{}", form="ARFF"):
        """Let OpenML have the six rows, as its API sends them."""
        rows = zip(*ROWS.values(), ("1", "2", "1", "1", "2", "1"), strict=True)
        arff = "@RELATION tiny\n@ATTRIBUTE a REAL\n@ATTRIBUTE b REAL\n"
        arff += "@ATTRIBUTE Class {1,2}\n@DATA\n"
        arff += "".join(row.format(*values) + "\n" for values in rows)
        about = {
            "status": "active",
            "description": "Six rows",
            "format": form,
            "url": f"https://openml.org{DOWNLOAD}",
            "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
            "name": "tiny",
            "version": "1",
        }
        kinds = {"a": "numeric", "b": "numeric", "Class": "nominal"}
        features = [
            {
                "index": str(index),
                "name": name,
                "data_type": kind,
                "is_target": str(name == "Class").lower(),
                "is_ignore": "false",
                "is_row_identifier": "false",
                "number_of_missing_values": "0",
            }
            for index, (name, kind) in enumerate(kinds.items())
        ]
        number = [{"name": "NumberOfInstances", "value": "6.0"}]
        answers = {
            DESCRIPTION: {"data_set_description": about},
            "/api/v1/json/data/features/7": {"data_features": {"feature": features}},
            "/api/v1/json/data/qualities/7": {"data_qualities": {"quality": number}},
        }
        self.pages = {path: json.dumps(said).encode() for path, said in answers.items()}
        self.pages[DOWNLOAD] = arff.encode()


@pytest.fixture
def web():
    """Put nothing but a made-up internet behind `urlopen`."""
    made_up = Web()
    urllib.request.install_opener(made_up)
    yield made_up
    urllib.request.install_opener(None)


def write(path, *, features=ROWS, target=TARGET):
    pd.DataFrame({**features, "target": target}).to_parquet(path)
    return path


def answer(monkeypatch, reply):
    """Let OpenML answer with a reply, or with what a function returns."""
    calls = []

    def fetch(**asked):
        calls.append(asked)
        return reply() if callable(reply) else reply

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    return calls


def sent(*, features=ROWS, labels=("1", "2", "1", "1", "2", "1")):
    frame = pd.DataFrame(features)
    target = pd.Series(labels, name="Class", dtype="category")
    return SimpleNamespace(data=frame, target=target, feature_names=list(frame.columns))


def files_in(path):
    return sorted(str(file.name) for file in path.rglob("*") if file.is_file())


# Where a data set is looked for.


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
    monkeypatch.setattr(places, "_BESIDE", BESIDE)
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


# What a data set is made of.


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


# Downloads.


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

    def fail(_frame, path, **_):
        Path(path).write_bytes(b"PAR1")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
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


# What is where, without loading it.


def test_finding_tells_counts_without_reading_features(know, folder):
    know(TINY)
    write(folder / "tiny.parquet", features={**ROWS, "c": ROWS["a"]})
    status = find_dataset("tiny", data_dir=folder)
    assert status.found == (6, 3, 2)
    assert (status.state, status.source) == ("partial", "folder")
    assert status.pos_rate == pytest.approx(1 / 3)
    assert status.path == folder / "tiny.parquet"
    assert "Without" in status.how_to_get
    assert "OpenML's data set 7" in status.how_to_get


def test_an_index_that_pandas_wrote_is_no_feature(know, folder):
    know(TINY)
    frame = pd.DataFrame({**ROWS, "target": TARGET}, index=list("pqrstu"))
    frame.to_parquet(folder / "tiny.parquet")
    assert find_dataset("tiny", data_dir=folder).state == "complete"
    assert load_dataset("tiny", data_dir=folder).is_complete


def test_finding_never_asks_openml(know, monkeypatch):
    know(TINY)
    asked = answer(monkeypatch, sent())
    status = find_dataset("tiny")
    assert (status.state, status.found, status.pos_rate) == (
        "not available here",
        None,
        None,
    )
    assert "downloads OpenML's data set 7" in status.how_to_get
    assert asked == []


def test_finding_an_unknown_name_lists_the_known(folder):
    with pytest.raises(ValueError, match=r"one of a9a, cc_fraud, .* got `mine`"):
        find_dataset("mine", data_dir=folder)


def test_an_unreadable_file_is_said_when_found(know, folder):
    know(TINY)
    (folder / "tiny.parquet").write_text("nothing")
    with pytest.raises(ValueError, match="cannot be read as a Parquet file"):
        find_dataset("tiny", data_dir=folder)


def test_the_catalogue_has_the_nine_of_table_1():
    # Rows (training and test), features and positive fraction as the paper prints them.
    table = {
        "a9a": (39_073 + 9_769, 123, 0.2379),
        "cc_fraud": (227_845 + 56_962, 29, 0.0015),
        "cod_rna": (390_852 + 97_713, 8, 0.3346),
        "covtype": (464_809 + 116_203, 54, 0.4867),
        "ijcnn1": (125_344 + 31_337, 22, 0.0954),
        "porto_seguro": (476_169 + 119_043, 57, 0.0368),
        "santander": (160_000 + 40_000, 200, 0.1004),
        "skin": (196_045 + 49_012, 3, 0.7919),
        "susy": (4_000_000 + 1_000_000, 18, 0.4577),
    }
    listed = [info for info in DATASETS.values() if info.paper_rows is not None]
    assert {
        info.name: (info.paper_rows, info.n_features, info.paper_pos_rate)
        for info in listed
    } == table
    for info in listed:
        repeated = 14_990 if info.name == "ijcnn1" else 0
        assert info.n_rows + repeated == info.paper_rows
        # The paper's fractions are those of a random part: up to 0.0014 off.
        assert info.pos_rate == pytest.approx(info.paper_pos_rate, abs=0.0015)


# The list of the command line.


def printed(data_dir, width=80):
    out = Console(file=io.StringIO(), width=width, highlight=False)
    print_datasets(out, data_dir=data_dir, as_json=False)
    return out.file.getvalue()


def test_the_list_shows_what_is_here_and_how_to_get_the_rest(folder):
    write(folder / "skin.parquet")
    lines = printed(folder).splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert "…" not in "".join(lines)
    (skin,) = [line for line in lines if line.startswith("skin ")]
    numbers = ["6", "245,057", "2", "3", "0.3333", "0.7919"]
    assert skin.split() == ["skin", *numbers, "partial"]
    assert table["santander:"][:2] == ["Santander,", "customer"]
    (santander,) = [line for line in lines if line.startswith("santander:")]
    assert "Accept the rules at https://www.kaggle.com" in santander


def test_the_list_as_json_has_expected_and_found(folder, capsys):
    write(folder / "skin.parquet")
    print_datasets(Console(), data_dir=folder, as_json=True)
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(listed) == list(DATASETS)
    skin = listed["skin"]
    assert skin["found"] == {
        "rows": 6,
        "features": 2,
        "positive_fraction": pytest.approx(1 / 3),
    }
    assert skin["expected"]["rows"] == 245_057
    assert skin["table_1"] == {"rows": 245_057, "positive_fraction": 0.7919}
    assert (skin["state"], skin["source"]) == ("partial", "folder")
    assert listed["susy"]["found"] is None
    assert listed["keel_yeast4"]["table_1"] is None


# The real files.


@pytest.mark.parametrize(
    ("name", "state", "counts"),
    [
        ("a9a", "complete", (48_842, 123, 11_687)),
        ("ijcnn1", "complete", (141_691, 22, 13_565)),
        ("covtype", "complete", (581_012, 54, 283_301)),
        ("skin", "complete", (245_057, 3, 194_198)),
        ("keel_yeast4", "complete", (1_484, 8, 51)),
        ("higgs_sample", "complete", (7_500, 28, 3_988)),
        ("cod_rna", "partial", (331_152, 8, 110_384)),
        ("cc_fraud", "partial", (42_402, 29, 492)),
        ("porto_seguro", "partial", (10_000, 57, 379)),
        ("susy", "partial", (10_998, 18, 5_447)),
        ("santander", "not available here", None),
    ],
)
def test_the_real_files_have_these_counts(data_dir, name, state, counts):
    status = find_dataset(name, data_dir=data_dir)
    assert (status.state, status.found) == (state, counts)


@pytest.mark.parametrize("name", ["a9a", "cc_fraud", "keel_abalone19"])
def test_the_real_files_are_data_sets(data_dir, name):
    dataset = load_dataset(name, data_dir=data_dir)
    frame = pd.read_parquet(data_dir / f"{name}.parquet")
    status = find_dataset(name, data_dir=data_dir)
    assert status.found == (dataset.n_rows, dataset.n_features, dataset.y.sum())
    assert dataset.is_complete == (status.state == "complete")
    features = frame.drop(columns="target").to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(dataset.x, features)
    np.testing.assert_array_equal(dataset.y, frame["target"])
