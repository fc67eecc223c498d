import json
from dataclasses import replace

import confirmation

from benchmark_cases import TINY
from losslearn.benchmark.results import LINES, ResultsFile


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
            budget=replace(TINY, tuning="none"),
        )
        for grid in confirmation.make_grids()[:2]
    ]
    monkeypatch.setattr(confirmation, "make_grids", lambda: grids)
    monkeypatch.setattr(confirmation, "TIERS", ("linear",))
    words = ["--jobs", "1", "--out", str(tmp_path), "--data-dir", str(data_dir)]
    confirmation.main(words)
    lines = (tmp_path / LINES).read_text().splitlines()
    assert {json.loads(line)["repetition"] for line in lines} == {3, 4}
    table = (tmp_path / "linear.md").read_text()
    assert "| keel_yeast4 | f1_loss | 2 | " in table
    assert "Against the best hand-made loss of each cell" in table
    confirmation.main(words)
    assert (tmp_path / LINES).read_text().splitlines() == lines


def test_the_table_counts_verdicts(tmp_path):
    with (confirmation.RESULTS.parent / LINES).open() as file:
        lines = (json.loads(text) for text in file)
        any_line = next(line for line in lines if line["tier"] == "linear")

    def line(method: str, repetition: int, loss: float) -> dict[str, object]:
        losses = {"validation": loss, "test": loss, "test_oracle": None}
        own = {"method": method, "repetition": repetition, "losses": losses}
        return {**any_line, **own}

    path = tmp_path / "made.jsonl"
    made = [
        line(method, repetition, level + 0.001 * repetition * sign)
        for method, level, sign in (
            ("default_fit", 0.2, 1),
            ("cross_entropy", 0.4, -1),
            ("soft_f1", 0.1, -1),
        )
        for repetition in (3, 4, 5)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in made))
    table = confirmation.make_table(ResultsFile(path), "linear")
    assert "Against cross_entropy: 1 wins, 0 ties, 0 losses." in table
    assert "validation loss: 0 wins, 0 ties, 1 losses." in table
