import json
import math

import numpy as np
import pytest
import torch

from losslearn import Recipe
from losslearn_bench.figures.convergence import convergence, draw_convergence
from losslearn_bench.harness.rows import HeldOut, TrainingData

CONFIG = Recipe(
    max_iter=6, n_evals=3, batch_size=40, n_sets=2, warm_up=0.5, catch_up=50
)


def make_rows(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=generator)
    noise = torch.randn(n, generator=generator)
    return x, (x[:, 0] + noise > 0.7).long()


def train(**options):
    data = TrainingData(*make_rows(300, 0), *make_rows(100, 1))
    settings = {"metric": "auc", "config": CONFIG, "seed": 0, "model": "linear"}
    return convergence(data, HeldOut(*make_rows(100, 2)), **(settings | options))


def test_every_look_of_every_training_is_a_row_for_json():
    rows = train(metric="f1", seed=1, model="mlp")
    keys = [
        (row["metric"], row["seed"], row["start"], row["iteration"]) for row in rows
    ]
    assert keys == [
        ("f1_loss", 1, start, iteration)
        for start in ("scratch", "refined")
        for iteration in (2, 4, 6)
    ]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_the_test_rows_choose_nothing():
    data = TrainingData(*make_rows(300, 0), *make_rows(100, 1))
    (some, others) = (
        convergence(
            data, HeldOut(*make_rows(80, seed)), metric="f1", config=CONFIG, seed=0
        )
        for seed in (2, 3)
    )
    for one, other in zip(some, others, strict=True):
        assert one["test_loss"] != other["test_loss"]
        assert one | {"test_loss": 0} == other | {"test_loss": 0}


def test_the_threshold_of_the_test_loss_is_from_the_validation_rows():
    # any threshold gives the share of positives of a test set of equal rows, or the
    # rest; the best of the test rows would always be the lower of the two
    x = torch.full((10, 3), 5.0)
    y_true = torch.tensor([0] * 9 + [1])
    data = TrainingData(*make_rows(300, 0), *make_rows(100, 1))
    rows = convergence(
        data,
        HeldOut(x, y_true),
        metric="error_rate",
        config=Recipe(max_iter=40, n_evals=1, batch_size=40, n_sets=2),
        seed=0,
        starts=["refined"],
        model="linear",
    )
    assert rows[-1]["test_loss"] == pytest.approx(0.9)


def test_looking_leaves_the_training_and_the_global_generator_alone():
    state = torch.get_rng_state()
    # dropout and running statistics would show a look's traces
    often = train(model="mlp", config=CONFIG)
    seldom = train(model="mlp", config=Recipe(**(vars(CONFIG) | {"n_evals": 1})))
    assert often[2] == seldom[0]
    assert often[5] == seldom[1]
    assert torch.equal(torch.get_rng_state(), state)


def test_a_refined_surrogate_begins_nearer_to_the_true_loss():
    rows = [row for seed in range(3) for row in train(seed=seed)]
    gap = {
        start: np.mean(
            [
                row["surrogate_error"]
                for row in rows
                if row["start"] == start and row["iteration"] == 2
            ]
        )
        for start in ("scratch", "refined")
    }
    assert gap["refined"] < 0.5 * gap["scratch"]


def test_cross_entropy_and_the_warm_up_are_left_out():
    same = Recipe(**(vars(CONFIG) | {"warm_up": 0, "usual_weight": 0, "catch_up": 0}))
    assert train() == train(config=same)


def look(start: str, seed: int, iteration: int, value: float | None) -> dict:
    return {
        "metric": "f1_loss",
        "start": start,
        "seed": seed,
        "iteration": iteration,
        "surrogate_loss": 0.5,
        "surrogate_error": None,
        "test_loss": value,
    }


def test_a_line_is_the_mean_of_the_seeds_within_their_band():
    rows = [
        look(start, seed, iteration, 1 / iteration + seed)
        for start in ("scratch", "refined")
        for seed in (0, 1)
        for iteration in (10, 20, 30)
    ]
    rows[0]["test_loss"] = None
    error, learned, test = draw_convergence(rows).axes
    assert not error.lines
    assert len(learned.lines) == 2
    scratch, refined = test.lines
    np.testing.assert_allclose(scratch.get_xydata(), [[20, 0.55], [30, 1 / 30 + 0.5]])
    assert list(refined.get_xdata()) == [10, 20, 30]
    band = test.collections[0].get_paths()[0].vertices[:, 1]
    assert math.isclose(band.min(), 1 / 30)
    assert math.isclose(band.max(), 1 / 20 + 1)
    assert error.get_title() == "f1_loss"
    assert test.get_xlabel() == "iteration"


def test_no_look_is_cut_and_the_title_stands_above():
    rows = [
        look(start, 0, iteration, 9.0 if iteration == 1 else 0.5)
        for start in ("scratch", "refined")
        for iteration in (1, 50, 100)
    ]
    figure = draw_convergence(rows, title="ijcnn1, at most 20,000 training rows")
    *_, test = figure.axes
    assert test.get_ylim()[1] > 9
    assert figure.get_suptitle() == "ijcnn1, at most 20,000 training rows"
