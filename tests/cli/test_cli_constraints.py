"""`--subject-to` on the command line."""

import json

import pytest
from cli_cases import error_line, fit

from losslearn.cli import main

GAP = ("--subject-to", "gap(tpr, by=city) <= 0.2")
NAME = "recall subject to precision >= 0.6 and gap(tpr, by=city) <= 0.2"


def test_constraints_are_trained_for_told_and_known_again(capsys):
    words = ("--subject-to", "precision>=0.6", *GAP, "--out", "model")
    assert fit(*words, metric="recall") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert NAME in shown
    assert f"{NAME}, higher recall is better" in shown
    assert "a constraint missed by 1 costs 5" in shown
    assert "test recall" in shown
    assert "precision >= 0.6, learned surrogate: " in shown
    assert "gap(tpr, by=city) <= 0.2, cross-entropy: " in shown
    assert main(["evaluate", "model", "people.csv", "--target", "churn"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert NAME in shown
    assert "gap(tpr, by=city) <= 0.2: " in shown


def test_json_holds_the_constraints_and_what_they_cost(capsys):
    assert fit(*GAP, "--penalty", "2", "--json", metric="f1") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "f1 subject to gap(tpr, by=city) <= 0.2 (penalty 2)"
    assert found["penalty"] == 2
    assert found["model"].endswith("f1_subject_to_gap_tpr_by_city_0.2_penalty_2-model")
    for one in found["results"]:
        # the aim's own value, without the penalties of the loss
        assert one["metric_test"] >= 1 - one["test"] - 1e-9
        assert 0 <= one["metric_validation"] <= 1
    for one in found["constraints"]:
        assert set(one["test"]) == set(one["validation"])
        assert one["test"]["holds"] == (one["test"]["value"] <= 0.2)


def test_a_metric_of_ones_own_takes_constraints(capsys):
    words = ("--greater-is-better", "--subject-to", "precision >= 0.1", "--json")
    assert fit(*words, metric="money.py:profit") == 0
    found = json.loads(capsys.readouterr().out)
    model = found["model"]
    # a bound that can be missed by a tenth at most costs half
    for one in found["results"]:
        assert one["metric_test"] == pytest.approx(-one["test"], abs=0.5)
    evaluation = ["evaluate", model, "people.csv", "--target", "churn"]
    assert main(evaluation) == 2
    again = "--metric 'money.py:profit subject to precision >= 0.1'"
    assert again in error_line(capsys)
    again = ("--metric", "money.py:profit", "--subject-to", "precision >= 0.1")
    assert main([*evaluation, *again]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--subject-to", "precision > 0.8"), "'precision > 0.8' is no constraint"),
        (("--subject-to", "gap(tpr, by=street) <= 0.2"), "street"),
        (("--penalty", "3"), "--penalty says nothing without --subject-to"),
        (("--subject-to", "fpr <= 0.1", "--penalty", "0"), "`penalty` must be"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(capsys, words, message):
    assert fit(*words) == 2
    assert message in error_line(capsys)


def test_constraints_go_with_a_metric(capsys):
    words = ("evaluate", "model", "people.csv", "--target", "churn", *GAP)
    assert main([*words]) == 2
    assert "--subject-to goes with a --metric" in error_line(capsys)
