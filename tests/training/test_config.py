import inspect
from dataclasses import fields

import pytest

from losslearn.estimators.classifier import SurrogateClassifier
from losslearn.training.recipe import PAPER, BilevelConfig


def test_estimator_repeats_every_setting_with_its_default():
    parameters = inspect.signature(SurrogateClassifier).parameters
    for setting in fields(BilevelConfig):
        assert parameters[setting.name].default == setting.default, setting.name


def test_paper_settings_are_those_of_section_4_1():
    assert (PAPER.model_steps, PAPER.surrogate_steps) == (3, 10)
    assert PAPER.model_lr == PAPER.surrogate_lr == PAPER.max_grad_norm == 1e-5
    assert (PAPER.batch_size, PAPER.pos_rate, PAPER.max_iter) == (100, 0.5, 300_000)
    assert (PAPER.warm_up, PAPER.perturbation, PAPER.n_sets) == (0, 0, 1)
    assert not PAPER.standardize
    assert not PAPER.prevalence_weights


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mode", "best", "one of"),
        ("max_iter", 0, "at least 1"),
        ("model_lr", 0.0, "above 0"),
        ("batch_size", 1, "at least 2"),
        ("warm_up", 1.0, r"in \[0, 1\)"),
        ("pos_rate", 1.5, r"in \(0, 1\)"),
        ("patience", 0, "at least 1 or None"),
        ("replay", 0, "at least 1"),
        ("replay", None, "at least 1"),
        ("model_lr", "fast", "above 0"),
        ("perturbation", None, "at least 0"),
        ("perturbation", -0.1, "at least 0"),
    ],
)
def test_setting_out_of_range_is_refused(name, value, expected):
    with pytest.raises(ValueError, match=f"`{name}` must be {expected}.*{value}"):
        BilevelConfig(**{name: value})
