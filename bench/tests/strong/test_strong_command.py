"""`losslearn-bench run strong_smoke`."""

import json

import pytest

from losslearn_bench.cli import main
from losslearn_bench.strong.run import run_strong


def words(out, *more):
    part = ["--metric", "spearman", "--method", "lightgbm"]
    return ["run", "strong_smoke", *part, "--out", str(out), "--jobs", "1", *more]


@pytest.mark.slow
def test_a_part_is_run_and_not_run_again(tmp_path):
    pytest.importorskip("lightgbm")
    assert main(words(tmp_path)) == 0
    text = (tmp_path / "strong_smoke.jsonl").read_text()
    (line,) = map(json.loads, text.splitlines())
    assert (line["goal"], line["model"]) == ("generated: spearman", "lightgbm")
    page = (tmp_path / "strong_smoke.md").read_text()
    assert "| generated: spearman |" in page
    assert main(words(tmp_path)) == 0
    assert (tmp_path / "strong_smoke.jsonl").read_text() == text


def test_options_of_grids_are_refused(tmp_path, capsys):
    assert main(words(tmp_path, "--tier", "mlp")) != 0
    assert "has no option --tier" in capsys.readouterr().err


def test_names_that_nothing_has_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`method` must be one of"):
        run_strong(tmp_path, models=["oracle"])
    with pytest.raises(ValueError, match="`goal` must be one of"):
        run_strong(tmp_path, problems=["profit"])
    with pytest.raises(ValueError, match="No goal is one of"):
        run_strong(tmp_path, problems=["savings"], datasets=["ijcnn1"])
