"""Tables made from lines written by hand, whose outcome is known."""

import itertools
import math

import pytest

from losslearn.benchmark.published import TABLE_1, TABLE_2
from losslearn.benchmark.tables import (
    caption,
    fit_runtime,
    honest_table,
    runtime_table,
    table_1,
    table_2,
    table_3,
)
from losslearn.benchmark.tables.entries import Entry, Key, clear_best, collect
from losslearn.benchmark.tables.honest_table import rank_methods
from losslearn.benchmark.tables.markdown import markdown_table
from losslearn.benchmark.tables.outcomes import (
    best_hand_made,
    cells_of,
    is_hand_made,
    tally,
    with_derived,
)


def make_lines(
    method, test, *, dataset="a9a", metric="f1_loss", validation=None, **changes
):
    """Return a line for each loss; validation losses are the test losses by default."""
    line = {
        "protocol": "honest",
        "dataset": dataset,
        "tier": "mlp",
        "method": method,
        "metric": metric,
        "tuning": "short",
        "rows": {"available": 100, "train": 64, "validation": 16, "test": 20},
        "partial": False,
        "capped": False,
        "budget": {"max_iter": 10, "tuning": "short"},
        "versions": {"torch": "2.4"},
        "hardware": {"cores": 2},
        **changes,
    }
    return [
        {
            **line,
            "repetition": repetition,
            "losses": {"validation": chosen_by, "test": loss, "test_oracle": None},
        }
        for repetition, (chosen_by, loss) in enumerate(
            zip(validation or test, test, strict=True)
        )
    ]


def make_surrogates(universal, refined, scratch, **changes):
    """Return the lines of the three surrogates."""
    return [
        *make_lines("sl_u", universal, **changes),
        *make_lines("sl_r", refined, **changes),
        *make_lines("sl_s", scratch, **changes),
    ]


def read(text, *, which=0):
    """Return the rows of one of the tables, by their first entries; header first."""
    blocks = [
        list(lines)
        for is_row, lines in itertools.groupby(
            text.splitlines(), key=lambda line: line.startswith("|")
        )
        if is_row
    ]
    return [[part.strip() for part in line.split("|")[1:-1]] for line in blocks[which]]


def row_of(text, *names, which=0):
    """Return the entries of the row that begins with these names, by column."""
    header, _, *rows = read(text, which=which)
    (found,) = [row for row in rows if row[: len(names)] == list(names)]
    return dict(zip(header, found, strict=True))


LOW, MIDDLE, HIGH = [0.10, 0.11, 0.12], [0.20, 0.21, 0.22], [0.30, 0.31, 0.33]


# Table 1


def test_table_1_shows_found_beside_expected_and_marks_parts():
    whole = {"rows": 100, "features": 3, "pos_rate": 0.25}
    facts = {"source": "folder", "licence": None, "state": "ok", "expected": whole}
    text = table_1(
        [
            {"name": "whole", "found": whole, **facts},
            {"name": "part", "found": {**whole, "rows": 40}, **facts},
            {"name": "none", "found": None, **facts},
            {"name": "own", "found": whole, **facts, "expected": None},
        ]
    )
    assert row_of(text, "whole")["Rows"] == "100 / 100"
    assert row_of(text, "part\\*")["Rows"] == "40 / 100"
    assert row_of(text, "none")["Positive"] == "n/a / 0.2500"
    assert row_of(text, "own")["Features"] == "3 / n/a"
    assert row_of(text, "own")["Licence"] == "n/a"
    assert "\\* A part" in text


def test_table_1_needs_each_data_set_once():
    with pytest.raises(ValueError, match="got none"):
        table_1([])
    dataset = {"name": "a9a", "expected": None, "found": None}
    with pytest.raises(ValueError, match=r"described once, got \['a9a'\]"):
        table_1([dataset, dataset])


# what lines may stand together


@pytest.mark.parametrize(
    "make", [caption, table_3, honest_table, lambda lines: table_2(lines, "honest")]
)
def test_tables_need_lines_that_belong_together(make):
    lines = make_lines("sl_r", LOW)
    with pytest.raises(ValueError, match="needs result lines, got none"):
        make([])
    with pytest.raises(ValueError, match="one protocol, got honest and paper"):
        make([*lines, *make_lines("sl_r", LOW, protocol="paper")])
    other = make_lines("sl_r", LOW, budget={"max_iter": 20, "tuning": "short"})
    with pytest.raises(ValueError, match="different values of `max_iter`"):
        make([*lines, *other])
    rows = {"available": 50, "train": 32, "validation": 8, "test": 10}
    with pytest.raises(ValueError, match="'a9a' with 100 and with 50"):
        make([*lines, *make_lines("sl_r", LOW, rows=rows)])


def test_cell_must_not_stand_twice():
    lines = make_lines("sl_r", LOW)
    with pytest.raises(ValueError, match="once for each repetition"):
        honest_table([*lines, lines[0]])


def test_tables_need_the_protocol_that_they_state():
    lines = make_surrogates(LOW, MIDDLE, HIGH)
    with pytest.raises(ValueError, match="of the protocol 'paper', got 'honest'"):
        table_2(lines, "paper")
    paper = make_lines("sl_r", LOW, protocol="paper")
    with pytest.raises(ValueError, match="of the protocol 'honest', got 'paper'"):
        honest_table(paper)
    text = honest_table(paper, protocol="paper")
    assert text.startswith("Test losses by the paper's protocol (oracle thresholds")


def test_caption_says_what_the_numbers_rest_on():
    rows = {"available": 10_998, "train": 2_000, "validation": 1_760, "test": 2_200}
    changes = {"partial": True, "capped": True, "rows": rows}
    text = caption(
        [
            *make_lines("sl_r", LOW),
            *make_lines("sl_r", LOW, dataset="susy", **changes),
            *make_lines("sl_r", LOW, dataset="mine", partial=True),
            *make_lines("sl_r", LOW, dataset="cod_rna", versions={"torch": "2.5"}),
        ]
    )
    assert "chosen on validation rows" in text
    assert "3 random splits; tuning: short." in text
    assert "mine (100 rows) and susy (10,998 of 5,000,000 rows)" in text
    assert "Training rows capped: susy (2,000)." in text
    assert "torch 2.4/2.5" in text
    assert "cores 2" in text


def test_caption_of_the_papers_protocol_names_the_oracle():
    text = caption(make_lines("sl_r", [0.1], protocol="paper"))
    assert "thresholds chosen on the test rows (oracle), as in the paper" in text
    assert "1 random split;" in text
    assert "part of" not in text
    assert "capped" not in text


def test_clear_best_exceeds_the_standard_error():
    def entry(values):
        return Entry(dict(enumerate(values)), {}, 0.25)

    # differences 0, .1, .2: mean .1, standard error .0577
    base, above = entry([0.1, 0.1, 0.1]), entry([0.1, 0.2, 0.3])
    assert clear_best({"above": above, "base": base}) == "base"
    # differences -.1, .1, .2: mean .0667, standard error .0882
    assert clear_best({"a": base, "b": entry([0.0, 0.2, 0.3])}) is None
    assert clear_best({"a": base, "b": base}) is None
    assert clear_best({"a": entry([0.1]), "b": entry([0.2])}) is None
    assert clear_best({"a": base}) is None
    assert clear_best({"a": base, "b": entry([])}) is None


def test_rows_must_fit_the_header():
    with pytest.raises(
        ValueError, match="must have 2 entries as the header has, got 1"
    ):
        markdown_table(["a", "b"], [["1"]])


# Table 2


def test_table_2_shows_mean_and_deviation_and_the_best_in_bold():
    text = table_2(make_surrogates(HIGH, LOW, MIDDLE), "honest")
    # of .30, .31, .33: mean .31333, deviation .015275
    assert row_of(text, "a9a", "SL-U")["F1"] == "0.3133 ± 0.0153"
    assert row_of(text, "a9a", "SL-R")["F1"] == "**0.1100 ± 0.0100**"
    assert row_of(text, "a9a", "SL-S")["F1"] == "0.2100 ± 0.0100"
    assert row_of(text, "a9a", "SL-S")["AUC"] == "n/a"


def test_table_2_declares_no_best_within_a_standard_error_or_of_one_repetition():
    close = [0.11, 0.10, 0.125]
    assert "**" not in table_2(make_surrogates(HIGH, LOW, close), "honest")
    once = table_2(make_surrogates([0.3], [0.1], [0.2]), "honest")
    assert "**" not in once
    assert row_of(once, "a9a", "SL-R")["F1"] == "0.1000"


def test_table_2_averages_ranks_over_complete_data_sets():
    lines = [
        *make_surrogates(HIGH, LOW, MIDDLE),
        *make_surrogates(HIGH, LOW, LOW, dataset="susy"),
        *make_lines("sl_r", HIGH, dataset="skin"),
    ]
    text = table_2(lines, "honest")
    ranks = [row_of(text, "Ranks", name)["F1"] for name in ("SL-U", "SL-R", "SL-S")]
    assert ranks == ["3.00 (n=2)", "1.25 (n=2)", "1.75 (n=2)"]
    assert row_of(text, "Ranks", "SL-U")["AUC"] == "n/a"


def test_table_2_ranks_no_data_set_that_lacks_a_repetition():
    lines = [
        *make_surrogates(HIGH, LOW, MIDDLE),
        *make_surrogates(LOW, HIGH, MIDDLE[:2], dataset="susy"),
    ]
    text = table_2(lines, "honest")
    assert row_of(text, "susy", "SL-S")["F1"] == "0.2050 ± 0.0071 (n=2)"
    assert row_of(text, "Ranks", "SL-R")["F1"] == "1.00 (n=1)"


def test_table_2_marks_partial_data_sets_and_names_those_not_run():
    lines = [
        *make_surrogates(HIGH, LOW, MIDDLE),
        *make_surrogates(HIGH, LOW, MIDDLE, dataset="susy", partial=True),
    ]
    text = table_2(lines, "honest")
    assert row_of(text, "susy\\*", "SL-R")
    assert "\\* A part of the data set: susy (100 of 5,000,000 rows)" in text
    assert "cc_fraud, cod_rna, covtype" in text
    # in the order of the paper
    names = [row[0] for row in read(text)[2:]]
    assert names == ["a9a"] * 3 + ["susy\\*"] * 3 + ["Ranks"] * 3


def test_table_2_compares_the_papers_jaccard_with_our_error_rate():
    lines = [
        *make_surrogates(LOW, LOW, LOW, metric="jaccard_loss"),
        *make_surrogates(HIGH, HIGH, HIGH, metric="error_rate"),
    ]
    text = table_2(lines, "honest")
    assert row_of(text, "a9a", "SL-R")["Jaccard"] == "0.1100 ± 0.0100"
    beside = row_of(text, "a9a", "SL-R", which=1)
    assert beside["JAC"] == "0.3133 / 0.1512"
    assert beside["MCR"] == "0.3133 / 0.1502"
    assert beside["AUC"] == "n/a / 0.0983"
    assert "paper (oracle threshold)" in text
    assert len(read(text, which=1)) == 2 + 3 * len(TABLE_2) + 3
    assert row_of(text, "Ranks", "SL-R", which=1)["MCR"] == "2.00 / 1.78"


def test_table_2_of_the_papers_protocol_has_its_accuracy_under_jaccard():
    lines = make_surrogates(LOW, MIDDLE, HIGH, metric="jaccard_loss", protocol="paper")
    text = table_2(lines, "paper")
    assert row_of(text, "a9a", "SL-R")["JAC (accuracy)"] == "0.2100 ± 0.0100"
    assert row_of(text, "a9a", "SL-R", which=1)["JAC"] == "0.2100 / 0.1512"


def test_table_2_leaves_out_what_is_not_in_it():
    lines = make_surrogates(HIGH, LOW, MIDDLE)
    more = [
        *make_lines("focal", LOW),
        *make_lines("sl_r", LOW, metric="kappa"),
        *make_lines("sl_r", LOW, tier="linear", budget={}),
    ]
    assert table_2([*lines, *more], "honest") == table_2(lines, "honest")
    with pytest.raises(ValueError, match="got none"):
        table_2(lines, "honest", tier="linear")


def test_repetition_without_a_value_is_missing():
    text = table_2(make_surrogates([None] * 3, [0.1, None, 0.2], MIDDLE), "honest")
    assert row_of(text, "a9a", "SL-U")["F1"] == "n/a"
    assert row_of(text, "a9a", "SL-R")["F1"] == "0.1500 ± 0.0707 (n=2)"


@pytest.mark.parametrize("make", [table_3, lambda lines: table_2(lines, "honest")])
def test_rows_beside_the_paper_are_marked_as_partial_or_counted_twice(make):
    lines = [
        *make_lines("sl_r", LOW, dataset="susy", partial=True),
        *make_lines("sl_r", LOW, dataset="ijcnn1"),
    ]
    text = make(lines)
    names = {row[0] for row in read(text, which=1)[2:]}
    assert {"susy\\*", "ijcnn1†", "a9a"} <= names
    assert {"susy", "ijcnn1"}.isdisjoint(names)
    assert "† The paper's 156,681 rows of ijcnn1 count its validation part" in text


# Table 3


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


# all methods


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
    assert outcomes[2] == ["focal", "1", "1", "1", "3 of 3", "3"]


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


@pytest.mark.slow  # the registry imports what it can run
def test_hand_made_losses_are_those_of_the_registry():
    registry = pytest.importorskip("losslearn.benchmark.registry")
    hand_made = {method.name for method in registry.HAND_MADE}
    named = {name for name in registry.METHODS if is_hand_made(name)}
    assert named == hand_made - {"evolution_strategies"}


# runtime


def test_runtime_fit_finds_the_coefficients_it_was_made_from():
    rows = []
    for width, steps, size in itertools.product((100, 3000), (1, 10), (100, 1000)):
        row = {
            "model_parameters": width,
            "surrogate_parameters": 50,
            "model_steps": 3,
            "surrogate_steps": steps,
            "batch_size": size,
            "cross_entropy_seconds_per_iteration": 0.002,
        }
        seconds = 1e-3 + size * (2e-9 * 3 * (width + 50) + 5e-8 * steps * 50)
        rows.append({**row, "seconds_per_iteration": seconds})
    fit = fit_runtime(rows)
    assert fit[:3] == pytest.approx((1e-3, 2e-9, 5e-8))
    assert fit.r_squared == pytest.approx(1)
    text = runtime_table(rows)
    assert "Fitted: 1 ms" in text
    assert "2 ns x K_alpha" in text
    header, _, first, *_ = read(text)
    found = dict(zip(header, first, strict=True))
    # 1 ms + 100 (2e-9 * 450 + 5e-8 * 50) s = 1.34 ms
    assert (found["ms"], found["ms, fitted"], found["ratio"]) == (
        "1.34",
        "1.34",
        "0.67",
    )
    # by operations 3 (100 + 50) + 50 against 3 times 100
    assert found["ratio, by operations"] == "1.67"


def test_runtime_fit_has_no_negative_coefficient():
    row = {"model_parameters": 1, "surrogate_parameters": 1, "batch_size": 1}
    rows = [
        {**row, "model_steps": k, "surrogate_steps": 1, "seconds_per_iteration": 1 / k}
        for k in (1, 2, 3, 4)
    ]
    fit = fit_runtime(rows)
    assert min(fit[:3]) == 0
    assert fit.r_squared == pytest.approx(0)


def test_runtime_needs_measurements():
    with pytest.raises(ValueError, match="at least 4 measurements, got 0"):
        fit_runtime([])
    with pytest.raises(ValueError, match="needs measurements, got none"):
        runtime_table([])
