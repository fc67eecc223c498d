"""What each model is run for."""

from losslearn_bench.decisions.problems import GENERATED
from losslearn_bench.strong.goals import GOALS, PLANS

REAL = [goal for goal in GOALS.values() if goal.problem.dataset != GENERATED]


def held(model):
    return [goal for goal in REAL if PLANS[model].holds(goal)]


def test_lightgbm_has_seven_metrics_everywhere_and_columns_where_there_are_any():
    by_data = {}
    for goal in held("lightgbm"):
        by_data.setdefault(goal.problem.dataset, set()).add(goal.metric)
    plain = {"f1", "error_rate", "mcc", "average_precision", "lift", "amex"}
    plain.add("f1_at_precision")
    assert len(by_data) == 12
    assert by_data["keel_yeast4"] == by_data["porto_seguro"] == plain
    made = {"made_profit", "made_spearman"}
    for data in ("a9a", "covtype", "higgs_sample", "ijcnn1"):
        assert by_data[data] == plain | made
    assert by_data["cost_bank_marketing"] == {
        *plain,
        "savings",
        "spearman",
        "stability",
    }
    further = {"credit_savings", "rescued", "spearman", "stability"}
    assert by_data["cost_credit_default"] == plain | further
    assert by_data["cc_fraud"] == {*plain, "savings", "spearman"}


def test_made_amounts_are_lightgbms_and_one_of_tabms():
    made = {m: [g.name for g in held(m) if g.family == "made"] for m in PLANS}
    assert made.pop("tabm") == ["higgs_sample: made_profit"]
    assert len(made.pop("lightgbm")) == 8
    assert not any(made.values())


def test_tabm_has_f1_average_precision_and_money_in_three_splits():
    assert {goal.name for goal in held("tabm")} == {
        *(f"{d}: f1" for d in PLANS["tabm"].datasets),
        *(f"{d}: average_precision" for d in PLANS["tabm"].datasets),
        "cost_german_credit: loan_profit",
        "higgs_sample: made_profit",
    }
    assert PLANS["tabm"].repetitions == 3


def test_losses_count_from_the_best_value_where_there_is_one():
    assert GOALS["a9a: f1"].loss(0.7) == 1 - 0.7
    assert GOALS["a9a: lift"].loss(3.0) == GOALS["a9a: made_profit"].loss(3.0) == -3


def test_only_functions_are_told_their_direction():
    for goal in GOALS.values():
        assert goal.greater_is_better is (True if callable(goal.aim) else None)
