"""`losslearn-bench run decisions_smoke`."""

import json

import pytest

from losslearn_bench.cli import main


def words(out, *more):
    part = ["--metric", "savings", "--method", "constants", "--method", "logistic"]
    return ["run", "decisions_smoke", *part, "--out", str(out), "--jobs", "1", *more]


@pytest.mark.slow
def test_a_part_is_run_and_not_run_again(tmp_path):
    assert main(words(tmp_path)) == 0
    text = (tmp_path / "decisions_smoke.jsonl").read_text()
    found = [json.loads(one) for one in text.splitlines()]
    assert {(one["model"], one["repetition"]) for one in found} == {
        (model, split) for model in ("constants", "logistic") for split in (0, 1)
    }
    assert "## generated: savings" in (tmp_path / "decisions_smoke.md").read_text()
    assert main(words(tmp_path)) == 0
    assert (tmp_path / "decisions_smoke.jsonl").read_text() == text


def test_options_of_grids_are_refused(tmp_path, capsys):
    assert main(words(tmp_path, "--tier", "mlp")) != 0
    assert "has no option --tier" in capsys.readouterr().err
