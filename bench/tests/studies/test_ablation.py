import json

import ablation
import pytest
from variants import parse

from losslearn.training.recipe import Recipe
from losslearn_bench.harness.budget import renamed


def line(variant: str, seed: int, surrogate: float, chosen: float) -> dict:
    key = dict(zip(ablation.KEY, (seed, "a", "f1", variant, 1, 1), strict=True))
    return {**key, "surrogate": {"test": surrogate}, "chosen": {"test": chosen}}


@pytest.mark.parametrize("changes", ablation.INGREDIENTS.values())
def test_taking_an_ingredient_out_changes_the_recipe(changes):
    settings = renamed(parse(changes))
    default = Recipe()
    assert settings
    assert all(getattr(default, name) != value for name, value in settings.items())
    Recipe(**settings)  # rejects what cannot train


def test_all_of_them_are_all_of_them():
    *single, decay, everything = map(parse, ablation.INGREDIENTS.values())
    assert set(decay) == {"schedule"}
    assert everything == {k: v for settings in single for k, v in settings.items()}


def test_changes_are_against_the_same_cell_of_the_whole_recipe():
    first, second = list(ablation.INGREDIENTS.values())[:2]
    lines = [
        line("model=linear,replay=1", 0, 0.4, 0.2),
        line("model=linear,replay=1", 1, 0.5, 0.5),
        line(f"model=linear,replay=1,{first}", 0, 0.6, 0.2),
        line(f"model=linear,replay=1,{first}", 1, 0.55, 0.25),
        # nothing to compare it with
        line(f"model=linear,replay=1,{second}", 2, 9.0, 9.0),
        line("model=mlp,replay=1", 0, 0.1, 0.1),
    ]
    head, _, one, two, *_ = ablation.make_table(lines).splitlines()
    assert head.count("|") == one.count("|") == two.count("|")
    # (+50 % + 10 %) / 2 with half their difference; 0 and -50 %
    assert "| +30.0 ± 20.0 % | 2 of 2 | -25.0 ± 25.0 % | 0 of 2, 1 equal |" in one
    assert two.endswith("|  |  |  |  |  |  |  |  |")


def test_a_small_run_goes_on_and_gives_a_table(tmp_path, monkeypatch, data_dir):
    small = {
        "DATA": ("keel_yeast4",),
        "METRICS": ("f1",),
        "MODELS": ("linear",),
        "INGREDIENTS": {"noise on the scores": "perturbation=0"},
        "SEEDS": 2,
        "MAX_ITER": 8,
    }
    for name, value in small.items():
        monkeypatch.setattr(ablation, name, value)
    path = tmp_path / "lines.jsonl"
    words = ["--jobs", "1", "--results", str(path), "--data-dir", str(data_dir)]
    ablation.main(words)
    lines = path.read_text()
    assert [json.loads(text)["variant"] for text in lines.splitlines()] == [
        "model=linear,replay=1",
        "model=linear,replay=1,perturbation=0",
    ] * 2
    assert "of 2" in path.with_suffix(".md").read_text()
    ablation.main(words)
    assert path.read_text() == lines
