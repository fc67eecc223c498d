"""Table 1, and what lines may stand together."""

import pytest
from result_cases import HIGH, LOW, MIDDLE, make_lines, make_surrogates, row_of

from losslearn_bench.datasets import DatasetInfo, DatasetStatus, FileCounts
from losslearn_bench.tables.caption import caption
from losslearn_bench.tables.entries import Entry, clear_best
from losslearn_bench.tables.honest import honest_table
from losslearn_bench.tables.markdown import markdown_table
from losslearn_bench.tables.paper import table_1, table_2, table_3


def test_table_1_shows_found_beside_expected_and_marks_parts():
    whole, part, none = (
        DatasetInfo(
            name=name,
            title="t",
            n_rows=1_000,
            n_features=3,
            n_positives=250,
            origin="an archive",
            licence="BY",
        )
        for name in ("whole", "part", "none")
    )
    text = table_1(
        [
            DatasetStatus(info=info, state="partial", path=None, found=found)
            for info, found in (
                (whole, FileCounts(1_000, 3, 250)),
                (part, FileCounts(400, 3, 200)),
                (none, None),
            )
        ]
    )
    assert row_of(text, "whole")["Rows"] == "1,000 / 1,000"
    assert row_of(text, "part\\*")["Rows"] == "400 / 1,000"
    assert row_of(text, "part\\*")["Positive"] == "0.5000 / 0.2500"
    assert row_of(text, "none")["Positive"] == "n/a / 0.2500"
    assert row_of(text, "none")["Features"] == "n/a / 3"
    assert row_of(text, "none")["Licence"] == "BY"
    assert "\\* A part" in text


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
