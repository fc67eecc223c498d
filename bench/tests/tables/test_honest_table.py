"""The table of all methods."""

import math

import pytest
from result_cases import HIGH, LOW, MIDDLE, make_lines, read, row_of

from losslearn_bench.tables.entries import Key, collect
from losslearn_bench.tables.honest import honest_table, rank_methods
from losslearn_bench.tables.outcomes import (
    best_hand_made,
    cells_of,
    tally,
    with_derived,
)


def test_honest_table_has_methods_by_data_sets_in_each_tier():
    lines = [
        *make_lines("cross_entropy", MIDDLE),
        *make_lines("focal", HIGH),
        *make_lines("sl_r", LOW),
        *make_lines("cross_entropy", MIDDLE, dataset="susy", partial=True),
        *make_lines("focal", LOW, dataset="susy", partial=True),
        *make_lines("sl_r", HIGH, dataset="susy", partial=True),
        *make_lines("cross_entropy", LOW, tier="linear"),
    ]
    text = honest_table(lines)
    assert text.index("### linear") < text.index("### mlp")
    table = 1  # the linear tier has a table of its own, and nothing to compare
    assert read(text, which=table)[0] == ["method", "a9a", "susy\\*", "rank"]
    assert row_of(text, "sl_r", which=table) == {
        "method": "sl_r",
        "a9a": "**0.1100 ± 0.0100**",
        "susy\\*": "0.3133 ± 0.0153",
        "rank": "2.00",
    }
    assert row_of(text, "focal", which=table)["rank"] == "2.00"
    # 2.343 sqrt(3 * 4 / (6 * 2))
    assert "critical difference 2.34 (Nemenyi, 5 %)" in text
    assert "Friedman p = 1.000" in text
    assert "Not told apart: sl_r, cross_entropy and focal." in text


def test_methods_that_did_not_run_in_full_are_shown_and_not_ranked():
    lines = [
        *make_lines("cross_entropy", MIDDLE),
        *make_lines("sl_r", LOW),
        *make_lines("xgboost", [0.01, 0.02]),
        *make_lines("cross_entropy", MIDDLE, dataset="susy"),
        *make_lines("sl_r", LOW, dataset="susy"),
        *make_lines("lightgbm", [0.01] * 3, dataset="susy"),
    ]
    text = honest_table(lines)
    assert row_of(text, "xgboost")["a9a"] == "**0.0150 ± 0.0071 (n=2)**"
    assert row_of(text, "xgboost")["susy"] == "n/a"
    assert row_of(text, "xgboost")["rank"] == "n/a"
    assert row_of(text, "sl_r")["rank"] == "1.00"
    assert "Not ranked, for want of data sets or repetitions: lightgbm and xgb" in text
    ranking = rank_methods(collect(lines), "mlp", "f1_loss")
    assert ranking.ranks == {"sl_r": 1, "cross_entropy": 2}
    assert math.isnan(ranking.p_value)
    against = row_of(text, "xgboost", which=1)
    assert (against["cells"], against["repetitions"]) == ("1 of 2", "2")


def test_a_data_set_that_few_methods_ran_on_takes_no_ranks_from_the_rest():
    lines = make_lines("sl_r", HIGH, dataset="mine")
    for name, loss in (("sl_r", LOW), ("cross_entropy", MIDDLE), ("focal", HIGH)):
        lines += make_lines(name, loss)
    text = honest_table(lines)
    assert row_of(text, "sl_r")["mine"] == "0.3133 ± 0.0153"
    assert row_of(text, "cross_entropy")["mine"] == "n/a"
    assert [row_of(text, name)["rank"] for name in ("sl_r", "focal")] == [
        "1.00",
        "3.00",
    ]
    assert "Not ranked on, for want of methods: mine." in text


def test_ours_and_the_control_are_compared_over_five_data_sets():
    lines = []
    for n_sets, dataset in enumerate("abcde", start=1):
        lines += make_lines("sl_r", LOW, dataset=dataset)
        lines += make_lines("cross_entropy", MIDDLE, dataset=dataset)
        # all five lower: 2 / 2^5
        p_value = "0.062" if n_sets == 5 else "n/a"
        said = f"lower on {n_sets} and higher on 0 data set(s), p = {p_value}"
        assert f"{said} (Wilcoxon signed-rank)" in honest_table(lines)


def test_the_fit_that_users_get_is_judged_beside_the_papers_method():
    lines = []
    for dataset in "abcde":
        lines += make_lines("cross_entropy", MIDDLE, dataset=dataset)
        lines += make_lines("sl_r", HIGH, dataset=dataset)
        lines += make_lines("default_fit", LOW, dataset=dataset)
    lines += make_lines("default_fit", LOW, metric="mcc_loss")  # has no control
    text = honest_table(lines)
    assert [row[0] for row in read(text)[2:]] == [
        "default_fit",
        "sl_r",
        "cross_entropy",
    ]
    paired = " against cross_entropy: mean loss lower on"
    assert f"default_fit{paired} 5 and higher on 0 data set(s), p = 0.062" in text
    assert f"sl_r{paired} 0 and higher on 5 data set(s), p = 0.062" in text
    # against the control, the best hand-made loss, which is the same, and SL-R
    assert text.count("| default_fit | 5 | 0 | 0 | 5 of 5 | 3 |") == 3
    assert text.count("| sl_r | 0 | 0 | 5 | 5 of 5 | 3 |") == 2


def test_a_tier_without_the_control_says_so():
    lines = [*make_lines("lightgbm", LOW), *make_lines("xgboost", LOW)]
    text = honest_table(lines)
    assert "cross_entropy did not run in this tier: there is nothing" in text
    assert "wins" not in [name for row in read(text) for name in row]
    assert len(text.split("| method |")) == 2


def test_losses_without_the_control_are_no_cells_to_win():
    lines = [
        *make_lines("sl_r", LOW),
        *make_lines("cross_entropy", MIDDLE),
        *make_lines("sl_r", LOW, metric="jaccard_loss"),
        *make_lines("lovasz_softmax", MIDDLE, metric="jaccard_loss"),
    ]
    assert honest_table(lines).count("| sl_r | 1 | 0 | 0 | 1 of 1 | 3 |") == 2


def test_checks_of_the_benchmark_take_no_part():
    lines = [
        *make_lines("cheating", [0.0, 0.0, 0.0]),
        *make_lines("sl_r", LOW),
        *make_lines("cross_entropy", MIDDLE),
    ]
    text = honest_table(lines)
    assert [row[0] for row in read(text)[2:]] == [
        "sl_r",
        "cross_entropy",
        "cheating (check)",
    ]
    assert row_of(text, "sl_r")["a9a"].startswith("**")
    assert row_of(text, "sl_r")["rank"] == "1.00"
    assert [row[0] for row in read(text, which=1)[2:]] == [
        "sl_r",
        "sl_r_or_cross_entropy",
    ]


def test_wins_ties_and_losses_against_the_control():
    lines = []
    for dataset, focal in (("a9a", LOW), ("susy", MIDDLE), ("skin", HIGH)):
        lines += make_lines("cross_entropy", MIDDLE, dataset=dataset)
        lines += make_lines("focal", focal, dataset=dataset)
    lines += make_lines("focal", LOW, metric="mcc_loss")  # has no control
    entries = collect(lines)
    focal, control = (
        cells_of(entries, "mlp", name) for name in ("focal", "cross_entropy")
    )
    assert tally(focal, control) == (1, 1, 1, 3, 3)
    assert tally(focal, {}) is None
    text = honest_table(lines)
    rows = [read(text, which=which) for which in range(3)]
    (outcomes,) = [table for table in rows if table[0][1] == "wins"]
    assert outcomes[2][:6] == ["focal", "1", "1", "1", "3 of 3", "3"]
    assert outcomes[2][6:] == ["1 / 1 / 1", "3 / 3 / 3"]


def test_wins_ties_and_losses_against_the_learned_loss():
    lines = []
    for dataset, criterion in (("a9a", LOW), ("susy", MIDDLE), ("skin", HIGH)):
        lines += make_lines("cross_entropy", HIGH, dataset=dataset)
        lines += make_lines("sl_r", MIDDLE, dataset=dataset)
        lines += make_lines("criterion", criterion, dataset=dataset)
    lines += make_lines("evolution_strategies", HIGH)
    lines += make_lines("evolution_strategies", LOW, metric="mcc_loss")  # no SL-R
    text = honest_table(lines)
    _, block = text.split("Against sl_r, the learned loss without a choice")
    assert read(block)[2:] == [
        ["criterion", "1", "1", "1", "3 of 3", "3", "1 / 1 / 1", "3 / 3 / 3"],
        [
            "evolution_strategies",
            "0",
            "0",
            "1",
            "1 of 3",
            "3",
            "0 / 0 / 1",
            "0 / 0 / 3",
        ],
    ]


def test_derived_method_takes_the_lower_validation_loss_and_the_control_on_ties():
    lines = [
        *make_lines("sl_r", [0.1, 0.2, 0.3], validation=[0.5, 0.4, 0.3]),
        *make_lines("cross_entropy", [0.7, 0.8, 0.9], validation=[0.4, 0.4, 0.4]),
        *make_lines("sl_r", LOW, metric="mcc_loss"),
    ]
    entries = with_derived(collect(lines))
    derived = entries[Key("mlp", "a9a", "f1_loss", "sl_r_or_cross_entropy")]
    assert derived.test == {0: 0.7, 1: 0.8, 2: 0.3}
    assert derived.validation == {0: 0.4, 1: 0.4, 2: 0.3}
    assert len(entries) == 4  # mcc_loss has no control


def test_derived_method_needs_validation_losses():
    lines = [
        *make_lines("sl_r", LOW, validation=[0.1, None, 0.1]),
        *make_lines("cross_entropy", LOW),
    ]
    with pytest.raises(ValueError, match="got none in repetition 1"):
        with_derived(collect(lines))


def test_best_hand_made_loss_is_chosen_by_validation_in_each_cell():
    lines = [
        *make_lines("focal", HIGH, validation=LOW),
        *make_lines("soft_f1", LOW, validation=HIGH),
        *make_lines("cross_entropy", MIDDLE),
        *make_lines("sl_r", [0.0] * 3),
        *make_lines("lightgbm", [0.0] * 3),
        *make_lines("evolution_strategies", [0.0] * 3),
        *make_lines("soft_f1", HIGH, dataset="susy"),
        *make_lines("focal", [0.0], dataset="susy"),  # lacks repetitions
    ]
    best = best_hand_made(collect(lines), "mlp")
    assert list(best[("a9a", "f1_loss")].test.values()) == HIGH
    assert list(best[("susy", "f1_loss")].test.values()) == HIGH
    assert "| sl_r | 1 | 0 | 0 | 1 of 1 | 3 |" in honest_table(lines)
