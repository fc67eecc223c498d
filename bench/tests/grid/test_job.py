from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from benchmark_cases import TINY, Scorer, constant_scores, one_job, write_rows

from losslearn.metrics import Sets, get_true_loss
from losslearn_bench.grid.job import loss_of, oracle_loss, run_job
from losslearn_bench.grid.methods import HAND_MADE, METHODS, SURROGATES
from losslearn_bench.harness import machine
from losslearn_bench.harness.splits import split_rows
from losslearn_bench.peers import available_peers

LOSSES = (
    "roc_auc_loss",
    "average_precision_loss",
    "error_rate",
    "f1_loss",
    "jaccard_loss",
    "mcc_loss",
    "equal_error_rate",
)


@pytest.fixture
def dataset(tmp_path):
    return write_rows(tmp_path / "rows.parquet")


def targets(dataset):
    return pd.read_parquet(dataset)["target"].to_numpy().copy()


def test_constant_scores_get_the_losses_they_must(dataset):
    job = one_job(dataset, metrics=LOSSES)
    lines = run_job(job, Scorer(constant_scores))
    test = {line["metric"]: line["losses"]["test"] for line in lines}
    y_true = targets(dataset)[split_rows(targets(dataset), "rows", 0).test]
    rate = y_true.mean()
    assert test["roc_auc_loss"] == pytest.approx(0.5)
    assert test["equal_error_rate"] == pytest.approx(0.5)
    assert test["average_precision_loss"] == pytest.approx(1 - rate)
    # all rows alike: all negative is best for the error rate, all positive for F1
    assert test["error_rate"] == pytest.approx(rate)
    assert test["f1_loss"] == pytest.approx(1 - 2 * rate / (1 + rate))
    assert test["jaccard_loss"] == pytest.approx(1 - rate)
    assert test["mcc_loss"] == pytest.approx(0.5)


def test_leaked_test_labels_get_a_loss_of_zero(dataset):
    labels = torch.from_numpy(targets(dataset))
    cheat = Scorer(lambda x: labels[x[:, 0].long()].float())
    lines = run_job(one_job(dataset, metrics=LOSSES), cheat)
    assert {line["losses"]["test"] for line in lines} == {0.0}
    assert {line["losses"]["validation"] for line in lines} == {0.0}


def test_scores_of_the_wrong_order_get_the_worst_ranking(dataset):
    labels = torch.from_numpy(targets(dataset))
    lines = run_job(
        one_job(dataset, metrics=("roc_auc_loss",)),
        Scorer(lambda x: -labels[x[:, 0].long()].float()),
    )
    assert lines[0]["losses"]["test"] == 1.0


def test_a_method_is_shown_no_test_row(dataset):
    method = Scorer(constant_scores)
    run_job(one_job(dataset), method)
    split = split_rows(targets(dataset), "rows", 0)
    parts = (method.seen.x, method.seen.x_valid)
    shown = {int(row) for part in parts for row in part[:, 0]}
    assert shown == set(split.train.tolist()) | set(split.validation.tolist())
    assert shown.isdisjoint(split.test.tolist())


QUICK_PEERS = ("logistic_tuned", "lightgbm", "libauc_aucm", "libauc_ap")


@pytest.mark.parametrize(
    "name", [*(method.name for method in (*SURROGATES, *HAND_MADE)), *QUICK_PEERS]
)
def test_test_rows_change_nothing_but_the_test_loss(name, tmp_path, monkeypatch):
    if available_peers().get(name):
        pytest.skip(f"{name} needs {available_peers()[name]}")
    plain = write_rows(tmp_path / "a" / "rows.parquet")
    y_true = targets(plain)
    split = split_rows(y_true, "rows", 0)
    turned = write_rows(tmp_path / "b" / "rows.parquet", flipped=split.test[:20])
    # stratified by the targets, the split itself would change
    monkeypatch.setattr("losslearn_bench.grid.job.split_rows", lambda *_, **__: split)
    method = METHODS[name]
    tier = method.tiers[0]
    metric = "f1_loss" if method.metrics is None else method.metrics[0]
    budget = replace(TINY, tuning="short")
    before, after = (
        run_job(
            one_job(path, tier=tier, method=name, metrics=(metric,), budget=budget),
            method,
        )[0]
        for path in (plain, turned)
    )
    assert before["losses"]["validation"] == after["losses"]["validation"]
    for key in ("threshold", "setting", "tried", "iterations"):
        assert before[key] == after[key]
    assert before["losses"]["test"] != after["losses"]["test"]


def test_a_method_that_saw_test_rows_would_be_found_out(tmp_path):
    """The rows turned round are such as a method could tell, and learn from."""
    plain = pd.read_parquet(write_rows(tmp_path / "a" / "rows.parquet"))
    path = write_rows(tmp_path / "b" / "rows.parquet", flipped=[3, 5])
    changed = (plain != pd.read_parquet(path)).any(axis=1)
    assert list(plain.index[changed]) == [3, 5]


def test_a_job_of_many_losses_gives_the_lines_of_single_ones(dataset):
    method = METHODS["cross_entropy"]
    both = run_job(
        one_job(dataset, method="cross_entropy", metrics=("f1_loss", "roc_auc_loss")),
        method,
    )
    for line in both:
        alone = one_job(dataset, method="cross_entropy", metrics=(line["metric"],))
        single = run_job(alone, method)[0]
        for key in ("losses", "threshold", "setting"):
            assert single[key] == line[key]


def test_the_same_job_gives_the_same_line(dataset):
    first, second = (run_job(one_job(dataset), METHODS["sl_r"])[0] for _ in range(2))
    for key in ("losses", "threshold", "setting", "tried", "seed", "rows"):
        assert first[key] == second[key]


def test_the_threshold_of_the_honest_protocol_knows_no_test_row(dataset):
    job = one_job(dataset)
    line = run_job(job, METHODS["sl_r"])[0]
    assert line["losses"]["test"] >= line["losses"]["test_oracle"]
    assert line["threshold"] is not None


def test_the_papers_protocol_reports_the_oracle_and_no_threshold(dataset):
    budget = replace(TINY, protocol="paper")
    line = run_job(one_job(dataset, budget=budget), METHODS["focal"])[0]
    assert line["losses"]["test"] == line["losses"]["test_oracle"]
    assert line["threshold"] is None
    assert line["protocol"] == "paper"


def test_the_papers_jaccard_is_an_error_rate():
    y_true, y_score = torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9])
    jaccard, error = loss_of("jaccard_loss", "paper"), get_true_loss("error_rate")
    assert jaccard.name == "jaccard_loss"
    sets = Sets(y_true, y_score)
    assert jaccard(sets) == error(sets)
    honest = loss_of("jaccard_loss", "honest")
    assert honest(sets) != error(sets)


def test_the_oracle_is_the_lowest_loss_over_a_hundred_percentiles():
    random = np.random.default_rng(0)
    y_true = (random.random(500) < 0.3).astype(int)
    y_score = random.normal(size=500) + y_true
    lowest = min(
        np.mean((y_score >= np.percentile(y_score, cut)) != y_true)
        for cut in range(100)
    )
    error = get_true_loss("error_rate")
    found = oracle_loss(error, torch.from_numpy(y_true), torch.from_numpy(y_score))
    assert found == pytest.approx(lowest)


@pytest.mark.parametrize(
    "score",
    [
        lambda x: torch.zeros(len(x), 2),
        lambda x: torch.zeros(len(x) - 1),
        lambda x: torch.full((len(x),), torch.nan),
    ],
    ids=["two a row", "a row missing", "not finite"],
)
def test_scores_that_are_not_one_finite_number_a_row_are_an_error(score, dataset):
    with pytest.raises(ValueError, match="one finite score a row"):
        run_job(one_job(dataset), Scorer(score))


def test_a_line_says_how_it_came_about(dataset):
    budget = replace(TINY, max_train_rows=50)
    line = run_job(one_job(dataset, budget=budget), METHODS["sl_r"])[0]
    assert line["rows"] == {
        "available": 300,
        "train": 50,
        "validation": 48,
        "test": 60,
    }
    assert line["capped"] is True
    assert line["partial"] is False
    assert line["n_features"] == 3
    assert line["budget"] == budget.as_dict()
    assert line["iterations"] == 12
    assert line["peak_memory_mb"] > 10
    assert line["seconds"] > 0
    assert {"python", "torch", "losslearn"} <= set(line["versions"])
    assert {"machine", "cpu", "cores", "threads"} <= set(line["hardware"])


def test_the_processor_is_named_as_the_system_names_it(tmp_path, monkeypatch):
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\nflags\t: fpu\n")
    monkeypatch.setattr(machine, "_CPUINFO", told)
    assert machine.cpu_model.__wrapped__() == "Fast CPU @ 3 GHz"
    # where the system tells nothing, something is still said
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "none")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "system", lambda: "Plan 9")
    assert machine.cpu_model.__wrapped__() == "unknown"


def test_a_threshold_of_the_methods_own_is_the_one_that_is_measured(dataset):
    y_true = targets(dataset)
    split = split_rows(y_true, "rows", 0)
    signal = pd.read_parquet(dataset)["signal"].to_numpy()[split.test]

    def error(threshold):
        method = Scorer(lambda x: x[:, 1], threshold=threshold)
        job = one_job(dataset, metrics=("error_rate", "roc_auc_loss"))
        return run_job(job, method)

    for own in (-1.0, 2.0):
        line, auc = error(own)
        assert line["threshold"] == own
        expected = np.mean((signal >= own) != y_true[split.test])
        assert line["losses"]["test"] == pytest.approx(expected)
        assert auc["threshold"] is None
    tuned = error(None)[0]
    assert tuned["threshold"] not in (None, -1.0, 2.0)
    assert tuned["losses"]["validation"] <= line["losses"]["validation"]
