"""Table 3."""

from result_cases import HIGH, LOW, MIDDLE, make_lines, read, row_of

from losslearn_bench.tables.paper import table_3
from losslearn_bench.tables.published import TABLE_1


def test_table_3_judges_against_the_baseline_of_lowest_validation_loss():
    auc = {"metric": "roc_auc_loss"}
    lines = [
        # lower on the test rows, and not chosen
        *make_lines("pairwise_logistic", LOW, validation=HIGH, **auc),
        *make_lines("global_auc_roc", HIGH, validation=LOW, **auc),
        *make_lines("sl_r", MIDDLE, **auc),
    ]
    text = table_3(lines)
    row = row_of(text, "a9a")
    assert row["AUC: SL-R"] == "**0.2100 ± 0.0100** (win)"
    assert row["AUC: PR"] == "0.1100 ± 0.0100"
    wins = row_of(text, "Wins (verdict)")
    assert [wins[f"AUC: {name}"] for name in ("PR", "GO", "SL-R")] == [
        "0.0",
        "0.0",
        "1.0",
    ]
    lowest = row_of(text, "Wins (lowest mean)")
    assert [lowest[f"AUC: {name}"] for name in ("PR", "GO", "SL-R")] == [
        "1.0",
        "0.0",
        "0.0",
    ]


def test_table_3_counts_a_tie_half_and_a_loss_for_the_baseline():
    lines = [
        *make_lines("cost_sensitive", LOW),
        *make_lines("sl_r", LOW),
        *make_lines("cost_sensitive", LOW, dataset="susy"),
        *make_lines("sl_r", HIGH, dataset="susy"),
        *make_lines("sl_r", HIGH, dataset="skin"),  # no baseline to judge against
    ]
    text = table_3(lines)
    assert row_of(text, "a9a")["F1: SL-R"].endswith("(tie)")
    assert row_of(text, "susy")["F1: CS"].startswith("**")
    assert row_of(text, "susy")["F1: SL-R"].endswith("(loss)")
    assert row_of(text, "skin")["F1: SL-R"] == "0.3133 ± 0.0153"
    for row in ("Wins (verdict)", "Wins (lowest mean)"):
        wins = row_of(text, row)
        assert (wins["F1: CS"], wins["F1: SL-R"]) == ("1.5", "0.5")
        assert wins["MCR: CE"] == "n/a"


def test_table_3_stands_beside_the_print():
    lines = [
        *make_lines("cross_entropy", LOW, metric="error_rate"),
        *make_lines("sl_r", HIGH, metric="error_rate"),
        *make_lines("lovasz_softmax", LOW, metric="jaccard_loss"),
        *make_lines("sl_r", LOW, metric="jaccard_loss"),
    ]
    text = table_3(lines)
    beside = row_of(text, "a9a", which=1)
    assert beside["MCR: CE"] == "0.1100 / 0.1520"
    assert beside["JAC: LO"] == "n/a / 0.1539"
    assert beside["JAC: SL-R"] == "0.3133 / 0.1512"
    assert "LO was not trained for the error_rate." in text
    both = [*lines, *make_lines("lovasz_softmax", LOW, metric="error_rate")]
    assert row_of(table_3(both), "a9a", which=1)["JAC: LO"] == "0.1100 / 0.1539"
    assert "was not trained" not in table_3(both)
    wins = row_of(text, "Wins (lowest mean)", which=1)
    assert wins["MCR: CE"] == "1.0 / 3.5"
    assert wins["JAC: SL-R"] == "n/a / 5.5"
    assert len(read(text, which=1)) == 2 + len(TABLE_1) + 1
    assert row_of(text, "a9a")["Jaccard: LO"] == "0.1100 ± 0.0100"


def test_table_3_of_one_repetition_is_all_ties():
    lines = [*make_lines("cost_sensitive", [0.3]), *make_lines("sl_r", [0.1])]
    text = table_3(lines)
    assert row_of(text, "a9a")["F1: SL-R"] == "0.1000 (tie)"
    assert row_of(text, "Wins (verdict)")["F1: SL-R"] == "0.5"


def test_table_3_without_validation_losses_takes_the_better_baseline():
    auc = {"metric": "roc_auc_loss", "validation": [None] * 3}
    lines = [
        *make_lines("pairwise_logistic", LOW, **auc),
        *make_lines("global_auc_roc", HIGH, **auc),
        *make_lines("sl_r", MIDDLE, **auc),
    ]
    assert row_of(table_3(lines), "a9a")["AUC: SL-R"].endswith("(loss)")
