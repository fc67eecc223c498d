import pytest
import two_runs

from losslearn_bench.tables.entries import Entry, Key


def entry(*test: float) -> Entry:
    return Entry(dict(enumerate(test)), {}, 0.25)


def test_rows_count_entries_and_fits_and_average_the_relative_changes():
    f1 = Key("linear", "a", "f1_loss", "default_fit")
    auc = f1._replace(metric="roc_auc_loss")
    before = {f1: entry(0.2, 0.2, 0.2), auc: entry(0.1, 0.3)}
    after = {
        f1: entry(0.1, 0.1001, 0.0999),
        auc: entry(0.1, 0.34),
        f1._replace(dataset="new"): entry(0.5, 0.5),  # nothing to compare it with
    }
    assert two_runs.make_table(before, after).splitlines()[2:] == [
        "| linear | f1_loss | 1 | 1 / 0 / 0 | -50.00 ± 0.00 % | -50.00 % | 3 / 0 / 0 |",
        "| linear | roc_auc_loss | 1 | 0 / 1 / 0 | +10.00 ± 0.00 % | +10.00 % "
        "| 0 / 1 / 1 |",
        "| linear | all | 2 | 1 / 1 / 0 | -20.00 ± 30.00 % | -20.00 % | 3 / 1 / 1 |",
    ]


def test_only_repetitions_that_both_have_are_paired():
    key = Key("mlp", "a", "f1_loss", "default_fit")
    before, after = {key: entry(0.2, 0.4)}, {key: Entry({1: 0.2, 2: 0.9}, {}, 0.25)}
    row = two_runs.make_table(before, after).splitlines()[2]
    assert "0 / 0 / 0 | -50.00" in row
    assert "1 / 0 / 0 |" in row


def test_a_data_set_without_an_error_has_no_relative_change():
    perfect = Key("mlp", "a", "f1_loss", "default_fit")
    other = perfect._replace(dataset="b")
    before = {perfect: entry(0.0, 0.0), other: entry(0.1, 0.1)}
    after = {perfect: entry(0.0, 0.1), other: entry(0.1, 0.1)}
    row = two_runs.make_table(before, after).splitlines()[2]
    assert "+0.00 ± 0.00 %" in row
    assert row.endswith("0 / 3 / 1 |")


def test_a_row_of_perfect_data_sets_alone_has_no_change():
    perfect = {Key("mlp", "a", "f1_loss", "default_fit"): entry(0.0, 0.0)}
    row = two_runs.make_table(perfect, perfect).splitlines()[2]
    assert row == "| mlp | f1_loss | 1 | 0 / 1 / 0 |  |  | 0 / 2 / 0 |"


def test_a_file_without_the_method_is_refused(tmp_path):
    (tmp_path / "lines.jsonl").write_text("")
    with pytest.raises(ValueError, match="got none"):
        two_runs.read(tmp_path / "lines.jsonl", "default_fit")
