import re
from dataclasses import FrozenInstanceError, fields

import pytest

from losslearn.training.recipe import PAPER, Recipe


def test_settings_are_read_by_name_and_stay_as_they_are():
    recipe = Recipe(max_iter=7)
    settings = recipe.get_params()
    assert list(settings) == [setting.name for setting in fields(Recipe)]
    assert Recipe(**settings) == recipe
    with pytest.raises(FrozenInstanceError):
        recipe.max_iter = 8


def test_paper_settings_are_those_of_section_4_1():
    assert (PAPER.model_steps, PAPER.surrogate_steps) == (3, 10)
    assert PAPER.model_lr == PAPER.surrogate_lr == PAPER.max_grad_norm == 1e-5
    assert (PAPER.batch_size, PAPER.max_iter) == (100, 300_000)
    assert PAPER.strata_shares == (0.5, 0.5)
    assert (PAPER.warm_up, PAPER.perturbation, PAPER.n_sets) == (0, 0, 1)
    assert not PAPER.standardize
    assert not PAPER.weigh_back


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mode", "best", "one of"),
        ("max_iter", 0, "at least 1"),
        ("model_lr", 0.0, "above 0 or None"),
        ("penalty", -0.1, "at least 0 or None"),
        ("penalty", "some", "at least 0 or None"),
        ("batch_size", 1, "at least 2"),
        ("warm_up", 1.0, r"in \[0, 1\)"),
        ("strata_shares", (1.5, 0.5), r"shares in \(0, 1\)"),
        ("patience", 0, "at least 1 or None"),
        ("replay", 0, "at least 1"),
        ("replay", None, "at least 1"),
        ("model_lr", "fast", "above 0 or None"),
        ("surrogate_lr", None, "above 0"),
        ("perturbation", None, "at least 0"),
        ("perturbation", -0.1, "at least 0"),
    ],
)
def test_setting_out_of_range_is_refused(name, value, expected):
    with pytest.raises(
        ValueError, match=f"`{name}` must be {expected}.*{re.escape(str(value))}"
    ):
        Recipe(**{name: value})


def test_better_settings_take_the_place_of_defaults_alone():
    better = {"batch_size": 1_000, "n_sets": 8}
    assert Recipe().adapted(better) == Recipe(batch_size=1_000, n_sets=8)
    chosen = Recipe(batch_size=50, max_iter=7)
    assert chosen.adapted(better) == Recipe(batch_size=50, max_iter=7, n_sets=8)
    assert PAPER.adapted(better) == PAPER
    assert chosen.adapted({}) == chosen


def test_what_is_left_open_is_known_and_has_a_usual_value():
    assert Recipe().rate == 1e-2
    assert Recipe(model_lr=0.5).rate == 0.5
    assert not Recipe(model_lr=0.5).is_settled
    assert not Recipe(penalty=0.0).is_settled
    assert Recipe(model_lr=0.5, penalty=0.0).is_settled
    assert PAPER.is_settled
