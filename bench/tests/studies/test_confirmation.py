import json
import shutil
from dataclasses import replace

import confirmation
from benchmark_cases import TINY

from losslearn_bench.grid.results import LINES, ResultsFile


def test_only_splits_that_the_recipe_was_not_tuned_on_are_run():
    cells = [cell for grid in confirmation.make_grids() for cell in grid.cells()]
    assert {cell.repetition for cell in cells} == {3, 4, 5, 6, 7}
    for tier in ("linear", "mlp"):
        own = {cell for cell in cells if cell.tier == tier}
        assert {cell.metric for cell in own} == set(confirmation.METRICS)
        ours, control = (
            {cell[:2] + cell[3:] for cell in own if cell.method == method}
            for method in (confirmation.OURS, confirmation.CONTROL)
        )
        assert ours == control
    assert "soft_f1" in {cell.method for cell in cells if cell.tier == "linear"}


def test_a_small_run_goes_on_and_gives_tables(tmp_path, monkeypatch, data_dir):
    grids = [
        replace(
            grid,
            datasets=("keel_yeast4",),
            metrics=("f1_loss",),
            repetitions=2,
            methods=grid.methods[:2],
            budget=replace(TINY, tuning="none"),
        )
        for grid in confirmation.make_grids()
        if grid.tiers == ("linear",)
    ][:2]
    monkeypatch.setattr(confirmation, "make_grids", lambda: grids)
    monkeypatch.setattr(confirmation, "TIERS", ("linear",))
    words = ["--jobs", "1", "--out", str(tmp_path), "--data-dir", str(data_dir)]
    confirmation.main(words)
    lines = (tmp_path / LINES).read_text().splitlines()
    cells = [json.loads(line) for line in lines]
    assert {cell["repetition"] for cell in cells} == {3, 4}
    table = (tmp_path / "linear.md").read_text()
    assert "| keel_yeast4 | f1_loss | 2 | " in table
    assert "| linear, the best hand-made loss |" in table
    ours, control = (
        [cell["losses"]["test"] for cell in cells if cell["method"] == method]
        for method in (confirmation.OURS, confirmation.CONTROL)
    )
    # shown are the cells in which something changed
    assert (tmp_path / "linear.svg").exists() == (ours != control)
    confirmation.main(words)
    assert (tmp_path / LINES).read_text().splitlines() == lines


def test_the_table_counts_verdicts_and_the_figure_shows_changes(tmp_path):
    lines = ResultsFile(confirmation.RESULTS.parent / LINES).lines()
    any_line = next(line for line in lines if line["tier"] == "linear")

    def make(method: str, repetition: int, loss: float) -> dict[str, object]:
        losses = {"validation": loss, "test": loss, "test_oracle": None}
        own = {"method": method, "repetition": repetition, "losses": losses}
        return {**any_line, **own}

    path = tmp_path / "made.jsonl"
    made = [
        make(method, repetition, level + 0.001 * repetition * sign)
        for method, level, sign in (
            ("default_fit", 0.2, 1),
            ("cross_entropy", 0.4, -1),
            ("soft_f1", 0.1, -1),
        )
        for repetition in (3, 4, 5)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in made))
    rows = confirmation.collect_rows(ResultsFile(path), "linear")
    summary = confirmation.make_summary({"linear": rows}).splitlines()
    name = any_line["metric"]
    empty = ["0 / 0 / 0"] * len(confirmation.METRICS)
    for line, counts, means in (
        (summary[2], "1 / 0 / 0", "1 / 0 / 0"),  # against cross-entropy
        (summary[3], "0 / 0 / 1", "0 / 0 / 1"),  # against soft F1
    ):
        expected = [*empty, f"**{counts}**", means]
        expected[confirmation.METRICS.index(name)] = counts
        assert line.strip("| ").split(" | ")[1:] == expected
    confirmation.draw(rows, tmp_path / "changed", "linear")
    assert "not shown: 0 cells" in (tmp_path / "changed.svg").read_text()
    same = [row._replace(control=row.ours) for row in rows]
    confirmation.draw(same, tmp_path / "same", "linear")
    assert not (tmp_path / "same.svg").exists()


def test_committed_tables_are_made_from_the_committed_lines(tmp_path):
    shutil.copy(confirmation.RESULTS / f"{LINES}.gz", tmp_path)
    summary = confirmation.write_results(tmp_path)
    for tier in confirmation.TIERS:
        made = (tmp_path / f"{tier}.md").read_text()
        assert (confirmation.RESULTS / f"{tier}.md").read_text() == made
    page = confirmation.RESULTS.parents[2] / "docs" / "gradient.md"
    assert summary in page.read_text()
