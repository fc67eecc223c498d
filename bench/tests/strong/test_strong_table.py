"""The page, made of lines written by hand."""

import pytest

from losslearn_bench.strong.contrasts import against, cells_of, count_accepted, judge
from losslearn_bench.strong.table import make_page


def line(goal, split, *, model="lightgbm", accepted=False, start=0.0, **losses):
    return {
        "goal": goal,
        "model": model,
        "repetition": split,
        "losses": {k: {"test": v, "valid": v} for k, v in losses.items()},
        "accepted": accepted,
        "n_trees": 40,
        "cosine": 0.5,
        "seconds": {
            "estimator": 4.0 + start,
            "start": start,
            "usual": 0.5,
            "control": 2,
        },
    }


@pytest.fixture
def lines():
    found = []
    for split in range(5):
        step = 0.01 * split
        found += [
            line(  # won against the bar, and taken each time, once in vain
                "cost_bank_marketing: savings",
                split,
                accepted=True,
                start=5.0,
                usual=0.9,
                usual_decided=0.5 + step,
                usual_stopped=0.5 + step,
                trained=0.4 + 0.9 * step,
                formula=0.4 + step,
                branch_learned=0.4 + 0.9 * step,
                branch_usual=0.41 + 0.7 * step,
            ),
            line(  # lost
                "a9a: f1",
                split,
                usual_stopped=0.2 + step,
                trained=0.3 + 0.9 * step,
                branch_learned=0.1,
                branch_usual=0.3,
            ),
            line("a9a: lift", split, usual_stopped=-2.0, trained=-2.0),
            line("a9a: made_profit", split, usual_stopped=-2.0, trained=-3.0 + step),
        ]
    return found


def test_verdicts_are_of_lower_losses(lines):
    tally = judge(against(cells_of(lines), "usual_stopped"))
    goals = [one.key.goal for one in tally.contrasts]
    assert dict(zip(goals, tally.verdicts, strict=True)) == {
        "a9a: f1": "loss",
        "a9a: lift": "tie",
        "cost_bank_marketing: savings": "win",
        "a9a: made_profit": "win",
    }
    changes = [one.change for one in tally.contrasts]
    assert changes == pytest.approx([100 * 0.098 / 0.22, 0, -100 * 0.102 / 0.52, -49])


def test_accepted_fits_are_held_against_their_own_control(lines):
    found = count_accepted(lines)
    assert (found.n_fits, found.better, found.same, found.worse) == (10, 5, 0, 0)
    lines[0]["losses"]["branch_usual"]["test"] = 0.3
    lines[4]["losses"]["branch_usual"] = lines[4]["losses"]["branch_learned"]
    assert count_accepted(lines)[1:] == (3, 1, 1)


def test_the_page_says_where_it_is_worse_and_where_better(lines):
    page = make_page(lines)
    assert "significantly worse in 1 of 3 cells, 1 by Holm: a9a: f1 (+44.5 %)" in page
    assert "accepted in 5 of 10 fits" in page
    assert "lower than its own control's 5 times, the same 0 and higher 0" in page
    bank = "cost_bank_marketing: savings (-19.6 %)"
    assert f"better than the bar in 1 of 1 cells, 1 by Holm: {bank}." in page
    enough = "stopped by the metric, best decision | 2 | 0 / 1 / 1 | 0 / 1 / 1 |"
    assert enough in page
    made = page.split("With made amounts:")[1]
    assert "best decision | 1 | 1 / 0 / 0 | 1 / 0 / 0 | 1 / 0 / 0 | -49.0 %" in made
    assert (
        "| lightgbm | 20 | 4.0 (at most 4.0) | 8.0 (at most 8.0, in all 8.0) | 2.0"
        in page
    )
    assert "| 5.0 (at most 5.0) |" in page
    assert "| a9a: f1 | n/a | n/a | 0.2200 ± 0.0158 | 0.3180 ± 0.0142 | n/a |" in page


def test_never_worse_names_how_many_cells(lines):
    page = make_page([one for one in lines if one["goal"] != "a9a: f1"])
    assert "never significantly worse over 2 cells" in page
    alone = make_page(lines[:4])
    assert "A single split of each cell says nothing of significance." in alone


def test_a_later_line_takes_the_place_of_a_failure(lines):
    failed = {"goal": "a9a: f1", "model": "lightgbm", "repetition": 0, "error": "no"}
    other = {**failed, "goal": "a9a: mcc", "error": "ValueError: none"}
    page = make_page([failed, other, *lines])
    assert "- a9a: mcc, lightgbm, split 0: ValueError: none" in page
    assert "- a9a: f1, lightgbm" not in page
    assert "## Failed" not in make_page(lines)


def test_auto_stands_beside_boosters_and_each_model_alone(lines):
    goal = "cost_bank_marketing: savings"
    autos = [
        line(
            *(goal, split),
            model="auto",
            trained=0.3 + 0.01 * split,
            lightgbm=0.5 + 0.011 * split,
            xgboost=0.2 + 0.012 * split,
        )
        for split in range(3)
    ]
    assert "`auto`" not in make_page(lines)
    page = make_page([*lines, *autos]).split("## `auto`")[1]
    assert "| lightgbm + decision | 1 | 1 / 0 / 0 | 1 / 0 / 0 | 0 of 1 |" in page
    assert "| xgboost + decision | 1 | 0 / 0 / 1 | 0 / 0 / 1 | 1 of 1 |" in page
    assert "| lightgbm | 1 | 1 / 0 / 0 | 1 / 0 / 0 | 0 of 1 |" in page
    ranks = "auto 2.00, lightgbm + decision 3.00, xgboost + decision 1.00"
    assert f"Average ranks over 1 cells: {ranks}." in page
    assert "4.0 s in the median and 4.0 s at most" in page
