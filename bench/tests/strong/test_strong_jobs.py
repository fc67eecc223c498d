"""What runs, in which order, and what a line says."""

import pytest

from losslearn_bench.decisions.problems import GENERATED
from losslearn_bench.strong import jobs
from losslearn_bench.strong.goals import GOALS
from losslearn_bench.strong.jobs import Job, key_of, make_jobs, run_job

OWN = [name for name, one in GOALS.items() if one.problem.dataset == GENERATED]
F1, SAVINGS, SPEARMAN = OWN


def test_the_first_split_of_everything_comes_first():
    goals = [*OWN, "a9a: f1"]
    found = make_jobs(goals, ["lightgbm", "tabm"], repetitions=None)
    own, a9a = tuple(OWN), ("a9a: f1",)
    expected = []
    for split in range(5):
        expected += [("lightgbm", split, own), ("lightgbm", split, a9a)]
        expected += [("tabm", split, own)] if split < 3 else []
    assert [(job.model, job.repetition, job.goals) for job in found] == expected


def test_what_has_a_line_is_not_run_again():
    whole = make_jobs(OWN, ["mlp"], repetitions=2)
    done = [(SAVINGS, "mlp", 0), *((name, "mlp", 1) for name in OWN)]
    left = make_jobs(OWN, ["mlp"], repetitions=2, done=done)
    assert left == [whole[0]._replace(goals=(F1, SPEARMAN))]


@pytest.mark.slow
def test_a_line_holds_every_method_on_the_same_rows():
    pytest.importorskip("lightgbm")
    found = run_job(Job("lightgbm", GENERATED, 0, tuple(OWN)), None)
    assert [key_of(line) for line in found] == [(name, "lightgbm", 0) for name in OWN]
    branches = {"branch_learned", "branch_usual"}
    usual = {"usual", "usual_decided", "usual_stopped"}
    for line in found:
        formula = set() if line["goal"] == F1 else {"formula"}
        assert set(line["losses"]) == {"trained"} | branches | usual | formula
        taken = "branch_learned" if line["accepted"] else "branch_usual"
        assert line["losses"]["trained"] == line["losses"][taken]
        assert line["rows"] == [384, 96, 120]
        assert min(line["n_trees"], line["usual_trees"]) > 0
        spent = line["seconds"]
        assert spent["estimator"] > spent["control"] > 0 < spent["usual"]
        assert spent["start"] == 0  # from scratch


@pytest.mark.slow
def test_a_network_has_its_own_control_for_the_usual_loss():
    (line,) = run_job(Job("mlp", GENERATED, 0, (SAVINGS,)), None)
    losses = line["losses"]
    assert losses["usual_stopped"] == losses["branch_usual"]
    assert losses["usual_decided"]["test"] < losses["usual"]["test"]
    assert line["n_trees"] is None
    assert "formula" not in losses


def test_a_goal_that_fails_has_a_line_and_others_go_on(monkeypatch):
    def fail(goal, *_):
        if goal.name == SAVINGS:
            raise RuntimeError("no luck")
        return {"losses": {}}

    monkeypatch.setattr(jobs, "line_of", fail)
    found = run_job(Job("mlp", GENERATED, 0, (SAVINGS, SPEARMAN)), None)
    assert found[0]["error"] == "RuntimeError: no luck"
    assert "losses" not in found[0]
    assert "error" not in found[1]
