from dataclasses import replace

import pytest

from losslearn_bench.grid.presets import make_grid
from losslearn_bench.tables.lines import check_part, left_out, table_lines


def lines_of(preset, **changes):
    """Return a line for each cell of a preset, only what tells lines apart."""
    grid = make_grid(preset, **changes)
    return [cell._asdict() | {"budget": grid.budget.as_dict()} for cell in grid.cells()]


def by_name(line, **changes):
    """Return a line that was asked for by name."""
    return line | changes


def test_a_table_has_all_lines_of_its_preset_and_no_other():
    honest, table2, smoke = map(lines_of, ("honest", "table2", "smoke"))
    lines = [*smoke, *table2, *honest, *lines_of("honest", size="full")]
    assert table_lines(lines, "honest") == honest
    assert table_lines(lines, "table2") == table2
    assert table_lines(lines, "smoke") == smoke
    assert table_lines(lines, "honest", protocol="paper") == []
    first = table_lines(lines, "smoke", repetitions=1)
    assert first == [line for line in smoke if line["repetition"] == 0]


def test_what_was_run_by_name_stands_in_the_open_tables():
    honest = lines_of("honest")
    mine = [
        by_name(honest[0], method="ap_perf", metric="f1_loss"),
        by_name(honest[0], dataset="rows.parquet"),
        by_name(honest[0], metric="kappa"),
    ]
    assert table_lines([*honest, *mine], "honest") == [*honest, *mine]
    assert mine[0] not in table_lines([*honest, *mine], "table3")


def test_what_no_table_would_show_is_refused():
    table2, table3 = map(make_grid, ("table2", "table3"))
    for preset, whole, part in (
        ("table3", table3, {"methods": ("focal",)}),
        ("table3", table3, {"metrics": ("f1", "mcc")}),
        ("table2", table2, {"tiers": ("linear",)}),
    ):
        with pytest.raises(ValueError, match=f"The table of '{preset}' has a place"):
            check_part(preset, replace(whole, **part), whole)
        check_part(preset, replace(whole, datasets=("a9a",)), whole)
    honest = make_grid("honest")
    check_part("honest", replace(honest, methods=("ap_perf",)), honest)


def test_lines_in_no_table_are_counted_by_reason():
    honest, full = lines_of("honest"), lines_of("honest", size="full")
    other = by_name(honest[0], budget={"max_iter": 1})
    lines = [*honest, *full, other]
    assert left_out(lines, honest[2:], size="capped") == {
        "of repetitions or losses that no table shows": 2,
        "of the size full: `losslearn-bench report --size full`": len(full),
        "of the budget {'max_iter': 1}, which is no preset's": 1,
    }


def test_the_papers_tables_hold_the_papers_data_sets_and_ones_own():
    table3 = lines_of("table3")
    keel = by_name(table3[0], dataset="keel_yeast4")
    own = by_name(table3[0], dataset="rows.parquet")
    assert table_lines([*table3, keel, own], "table3") == [*table3, own]
