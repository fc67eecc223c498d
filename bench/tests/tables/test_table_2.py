"""Table 2."""

import pytest
from result_cases import HIGH, LOW, MIDDLE, make_lines, make_surrogates, read, row_of

from losslearn_bench.tables.paper import table_2, table_3
from losslearn_bench.tables.published import TABLE_2


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
        table_2(more, "honest")


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
