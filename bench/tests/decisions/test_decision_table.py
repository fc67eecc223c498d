"""The page, made of lines written by hand."""

import shutil
from pathlib import Path

import pytest

from losslearn_bench.decisions.contrasts import CONTRASTS, cells_of, collect, judge
from losslearn_bench.decisions.run import run_decisions
from losslearn_bench.decisions.table import make_page

BANK, LIFT = "cost_bank_marketing: savings", "ijcnn1: top_lift"
RESULTS = Path(__file__).parents[2] / "results"


def line(model, split, values, *, problem=BANK, branch="", rule=None):
    steps = 300 if branch else None
    known = {"problem": problem, "model": model, "branch": branch, "repetition": split}
    more = {"max_iter": steps, "rows": [64, 16, 20], "seconds": 1.0}
    return {**known, **more, "values": values, "rule": rule}


@pytest.fixture
def lines():
    rule = {"kind": "flip", "tried": [], "calls": 1_000, "seconds": 0.5}
    found = []
    for split in range(5):
        step = 0.01 * split
        values = {"threshold": 0.3 + step, "formula": 0.6 - step / 2, "rule": 0.5}
        found += [
            line("constants", split, {"nobody": -1.0, "everybody": 0, "nothing": 0}),
            line("logistic", split, values, rule={**rule, "calls": 1_000 + split}),
            line("empulse_logit", split, {"peer": 0.5}),
            line("linear", split, {"rule": 0.4}, branch="control", rule=rule),
            line("linear", split, {"rule": 0.4 + step}, branch="trained", rule=rule),
            line("mlp", split, {"scores": 2}, branch="control", problem=LIFT),
            line("mlp", split, {"scores": 1}, branch="trained", problem=LIFT),
        ]
    return found


def test_verdicts_are_those_of_higher_is_better(lines):
    values = collect(lines)
    found = {name: judge(cells_of(values, how)) for name, how in CONTRASTS.items()}
    verdicts = {name: tally.verdicts for name, tally in found.items() if tally.cells}
    assert verdicts == {
        "rule against threshold": ["win"],
        "rule against formula": ["loss"],
        "rule against doing nothing": ["win"] * 3,
        "rule against a peer's model of the same class": ["tie"],
        "trained + rule against rule": ["tie"],
        "trained against control, metrics of scores": ["loss"],
    }
    (cell,) = found["rule against formula"].cells
    assert cell.gaps == pytest.approx([-0.1, -0.095, -0.09, -0.085, -0.08])
    assert cell.is_behind


def test_the_page_shows_each_value_and_counts_verdicts(lines):
    page = make_page(lines)
    shown = "0.3200 ± 0.0158 | 0.5900 ± 0.0079 | n/a | 0.5000 ± 0.0000 | flip 5"
    assert f"| logistic | {shown} |" in page
    assert "| rule against threshold | 1 | 1 / 0 / 0 |  |  |  | 1 / 0 / 0 |" in page
    wins = "| rule against doing nothing | 3 | 3 / 0 / 0 |  |  |  | 3 / 0 / 0 | 3 / 0 /"
    assert wins in page
    assert (
        "- rule against formula: cost_bank_marketing: savings, logistic (-0.09" in page
    )
    assert "1,000 times in the median and 1,004 at most" in page
    assert "nobody -1.0000 ± 0.0000 and everybody 0.0000" in page
    assert "| mlp trained | 1.0000 ± 0.0000 |" in page
    assert "our fits have 300 iterations" in page


def test_a_value_that_is_none_is_left_out(lines):
    lines[1]["values"]["rule"] = None
    (cell, *_) = cells_of(collect(lines), CONTRASTS["rule against threshold"])
    assert len(cell.gaps) == 4


def test_names_that_nothing_has_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`method` must be one of"):
        run_decisions(tmp_path, models=["oracle"])
    with pytest.raises(ValueError, match="`problem` must be one of"):
        run_decisions(tmp_path, problems=["f1"])
    with pytest.raises(ValueError, match="No problem has one of"):
        run_decisions(tmp_path, problems=["savings"], datasets=["ijcnn1"])


def test_the_committed_page_is_made_from_the_committed_lines(tmp_path):
    shutil.copy(RESULTS / "decisions.jsonl", tmp_path)
    (tmp_path / "decisions.md").write_text("old")
    models, data = ["constants"], ["cost_german_credit"]
    assert run_decisions(tmp_path, models=models, datasets=data) == []
    made = (tmp_path / "decisions.md").read_text()
    assert made == (RESULTS / "decisions.md").read_text()
