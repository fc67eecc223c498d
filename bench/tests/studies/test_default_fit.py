import json

import default_fit
import pytest
from shared import RESULTS, put_table

CELL = {"data": "keel_yeast4", "metric": "f1_loss", "model": "linear"}


def lines(gaps, *, rival: float = 0.4, **changes):
    """Return a line for each split, so much away from the control and its rival."""
    return [
        {
            **CELL,
            **changes,
            "seed": seed,
            "in_use": 0.4 + gap,
            "control": 0.4,
            "logistic": rival,
            "chosen": "surrogate" if gap else "cross_entropy",
        }
        for seed, gap in enumerate(gaps, 3)
    ]


def test_only_splits_that_the_recipe_was_not_tuned_on_are_run():
    assert list(default_fit.SEEDS) == [3, 4, 5, 6, 7]


def test_a_steady_gap_is_a_win_and_a_rare_one_a_tie():
    steady = lines([-0.1, -0.11, -0.09, -0.1, -0.1])
    rare = lines([0, 0, -0.1, 0, 0], rival=0.3, metric="mcc_loss")
    told = default_fit.make_summary(default_fit.contrasts(steady + rare, "linear"))
    ours, logistic = (line.split(" | ") for line in told.splitlines()[2:])
    assert ours[1:] == [
        *["0 / 0 / 0"] * 3,
        "1 / 0 / 0",
        "0 / 1 / 0",
        "**1 / 1 / 0**",
        "1 / 1 / 0",
        "2 / 0 / 0",
        "6 / 4 / 0 |",
    ]
    assert logistic[6] == "**1 / 1 / 0**"
    assert logistic[9] == "5 / 1 / 4 |"  # one split at .3 is level with it
    (changed,) = default_fit.make_changed(steady + rare).splitlines()[2:]
    assert changed.startswith("| linear: keel_yeast4, f1_loss | 0.3000 | 0.4000 |")
    assert changed.endswith("| 5 of 5 |")


@pytest.mark.parametrize("model", default_fit.MODELS)
def test_a_small_run_goes_on_and_gives_tables(model, monkeypatch, tmp_path, data_dir):
    monkeypatch.setattr(default_fit, "SEEDS", range(3, 4))
    monkeypatch.setattr(default_fit, "_MOST_ROWS", 400)
    file = tmp_path / "lines.jsonl"
    words = ["--jobs", "1", "--results", str(file), "--data-dir", str(data_dir)]
    for name, value in (CELL | {"model": model}).items():
        words += [f"--{name}", value]
    default_fit.main(words)
    (line,) = map(json.loads, file.read_text().splitlines())
    assert line["in_use"] in (line["control"], line["learned"])
    assert ("logistic" in line) == (model == "linear")
    default_fit.main(words)
    assert len(file.read_text().splitlines()) == 1


def test_tables_take_the_place_of_those_that_begin_alike(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n| z |\n| --- |\n")
    put_table(page, "| x | y |\n| --- | --- |\n| 3 | 4 |\n| 5 | 6 |")
    assert page.read_text() == (
        "a\n\n| x | y |\n| --- | --- |\n| 3 | 4 |\n| 5 | 6 |\n\n| z |\n| --- |\n"
    )


def test_the_docs_show_the_tables_of_the_lines():
    told = (RESULTS / "default_fit" / "summary.md").read_text().strip().split("\n\n")
    for page, shown in zip(default_fit.DOCS, (told[:1], told), strict=True):
        assert all(table in page.read_text() for table in shown)


def test_committed_tables_are_made_from_the_committed_lines(tmp_path):
    folder = RESULTS / "default_fit"
    lines = map(json.loads, (folder / "lines.jsonl").read_text().splitlines())
    default_fit.write_results(list(lines), tmp_path)
    for name in ("linear.md", "mlp.md", "summary.md"):
        assert (tmp_path / name).read_text() == (folder / name).read_text()
