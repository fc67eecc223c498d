"""What is where, without loading it, and the list of it."""

import io
import json

import pandas as pd
import pytest
from dataset_cases import ROWS, TARGET, TINY, answer, sent, write
from rich.console import Console

from losslearn_bench.cli.listing import print_datasets
from losslearn_bench.datasets import (
    DATASETS,
    find_dataset,
    load_dataset,
)


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
    assert list(DATASETS)[: len(table)] == list(table)
    for name, (n_rows, n_features, pos_rate) in table.items():
        info = DATASETS[name]
        repeated = 14_990 if name == "ijcnn1" else 0
        assert (info.n_rows + repeated, info.n_features) == (n_rows, n_features)
        # The paper's fractions are those of a random part: up to 0.0014 off.
        assert info.pos_rate == pytest.approx(pos_rate, abs=0.0015)


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
