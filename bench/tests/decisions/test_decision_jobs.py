"""What runs, and what a line says."""

import numpy as np
import pytest

from losslearn_bench.decisions.jobs import MODELS, Job, key_of, make_jobs, run_job
from losslearn_bench.decisions.problems import GENERATED, PROBLEMS
from losslearn_bench.decisions.rows import load_parts

OWN = [name for name, one in PROBLEMS.items() if one.dataset == GENERATED]
SAVINGS, GAP, _, LIFT = OWN


def jobs(models=MODELS, done=(), repetitions=1):
    return make_jobs(OWN, models, repetitions=repetitions, max_iter=2, done=done)


def test_what_does_not_know_the_metric_is_fitted_once_for_all():
    found = {model: [job.problems for job in jobs([model])] for model in MODELS}
    assert found["logistic"] == found["lightgbm"] == [tuple(OWN)]
    assert found["linear"] == found["mlp"] == [(name,) for name in OWN]
    assert found["constants"] == [(name,) for name in OWN if name != LIFT]
    assert found["empulse_logit"] == found["empulse_boost"] == [(SAVINGS,)]
    assert found["exponentiated_gradient"] == [(GAP,)]


def test_what_has_a_line_is_not_run_again():
    whole = jobs(["logistic", "mlp"], repetitions=2)
    done = [whole[0].keys[1], whole[-1].keys[0]]
    left = jobs(["logistic", "mlp"], done=done, repetitions=2)
    assert left[0].problems == (OWN[0], *OWN[2:])
    assert left[1:] == whole[1:-1]
    assert make_jobs(OWN, ["mlp"], repetitions=1, max_iter=3, done=done) != []


def test_constants_and_a_peer_have_the_values_of_the_definition():
    (line,) = run_job(Job("constants", GENERATED, 0, (SAVINGS,), None), None)
    test = load_parts(GENERATED, 0, None).test
    missed = (test.y * test.table["cost_false_negative"]).sum()
    cheaper = min(missed, len(test.y))
    nobody = line["values"]["nobody"]
    assert nobody == pytest.approx(1 - missed / cheaper)
    assert line["values"]["everybody"] == pytest.approx(1 - len(test.y) / cheaper)
    assert line["values"]["nothing"] in (nobody, line["values"]["everybody"])
    assert key_of(line) == (SAVINGS, "constants", 0, None)


@pytest.mark.parametrize("model", ["empulse_logit", "empulse_boost"])
def test_a_peer_that_knows_the_costs_beats_doing_nothing(model):
    (line,) = run_job(Job(model, GENERATED, 0, (SAVINGS,), None), None)
    assert line["values"]["peer"] > 0.2
    assert line["rows"] == [384, 96, 120]


def test_peers_by_group_decide():
    job = Job("logistic", GENERATED, 0, (GAP,), None)
    (line,) = run_job(job, None)
    (peer,) = run_job(job._replace(model="exponentiated_gradient"), None)
    for values in (line["values"], peer["values"]):
        assert np.isfinite(values["peer"])
    assert line["rule"]["kind"] == "threshold by group"


def test_ours_gives_a_line_for_each_branch():
    job = Job("linear", GENERATED, 0, (SAVINGS,), 4)
    lines = run_job(job, None)
    assert [line["branch"] for line in lines] == ["trained", "control"]
    assert {key_of(line) for line in lines} == set(job.keys)
    for line in lines:
        assert set(line["values"]) == {"threshold", "formula", "rule"}
        assert line["verdict"]
