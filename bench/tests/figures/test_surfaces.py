import numpy as np
import oracles
import pytest
import torch

from losslearn.metrics import Sets
from losslearn_bench.figures.surfaces import (
    PAPER_LOSSES,
    Batch,
    Surface,
    draw_surfaces,
    figure_loss,
    fit_surface,
    grid_scores,
    loss_surfaces,
    random_batch,
)

GRID = torch.tensor([-2.0, -0.6, 0.0, 0.3, 2.0])


def make_batch() -> Batch:
    return random_batch(generator=torch.Generator().manual_seed(2))


def at_zero(y_true: list[int], y_score: list[float]) -> dict[str, float]:
    called = [score >= 0 for score in y_score]
    pairs = list(zip(y_true, called, strict=True))
    tp, fp = pairs.count((1, True)), pairs.count((0, True))
    fn, tn = pairs.count((1, False)), pairs.count((0, False))
    sides = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    mcc = (tp * tn - fp * fn) / sides**0.5 if sides else 0.0
    return {
        "f1": 1 - 2 * tp / (2 * tp + fp + fn),
        "error_rate": (fp + fn) / len(pairs),
        "mcc": (1 - mcc) / 2,
        "jaccard": 1 - tp / (tp + fp + fn),
    }


def ranking(y_true: list[int], y_score: list[float]) -> dict[str, float]:
    rows = list(zip(y_true, y_score, strict=True))
    positives = [score for y, score in rows if y == 1]
    negatives = [score for y, score in rows if y == 0]
    wrong = sum((p < q) + 0.5 * (p == q) for p in positives for q in negatives)
    precision = 0.0
    for p in positives:
        above = [y for y, score in rows if score >= p]
        precision += sum(above) / len(above) / len(positives)
    return {
        "roc_auc": wrong / len(positives) / len(negatives),
        "average_precision": 1 - precision,
    }


def test_a_batch_holds_both_classes_in_the_rows_to_vary():
    for seed in range(20):
        batch = random_batch(n=3, generator=torch.Generator().manual_seed(seed))
        assert batch.y_true[batch.negative] == 0
        assert batch.y_true[batch.positive] == 1
        assert len(batch.y_true) == len(batch.y_score) == 3
    with pytest.raises(ValueError, match="`n` must be at least 2"):
        random_batch(n=1, generator=torch.Generator())


def test_the_grid_changes_two_scores_and_no_other():
    batch = make_batch()
    y_score = grid_scores(batch, GRID)
    assert y_score[3, 1, batch.positive] == GRID[3]
    assert y_score[3, 1, batch.negative] == GRID[1]
    assert torch.equal(y_score[3, 1, 2:], batch.y_score[2:])


def test_the_true_surfaces_are_the_losses_at_each_grid_point():
    batch = make_batch()
    names = [name for name in PAPER_LOSSES if name != "equal_error_rate"]
    found = loss_surfaces(
        names,
        batch=batch,
        grid=GRID,
        generator=torch.Generator().manual_seed(0),
        steps=1,
    )
    for place, positive in enumerate(GRID.tolist()):
        for other, negative in enumerate(GRID.tolist()):
            y_score = batch.y_score.tolist()
            y_score[batch.positive], y_score[batch.negative] = positive, negative
            y_true = batch.y_true.tolist()
            expected = at_zero(y_true, y_score) | ranking(y_true, y_score)
            for name, surface in zip(names, found, strict=True):
                got = float(surface.true_loss[place, other])
                assert got == pytest.approx(expected[name], abs=1e-6), name


def test_the_equal_error_rate_is_the_oracles():
    batch = make_batch()
    y_score = grid_scores(batch, GRID)[4, 0]
    got = figure_loss("eer")(Sets(batch.y_true, y_score))
    expected = oracles.equal_error_rate(
        batch.y_true.tolist(), y_score.tolist(), [1] * 10
    )
    assert float(got) == pytest.approx(expected, abs=1e-6)


def test_only_losses_with_a_threshold_are_cut_at_zero():
    named = [figure_loss(name).name for name in PAPER_LOSSES]
    assert [name for name in named if name.endswith("(threshold=0)")] == [
        f"{name}(threshold=0)"
        for name in ("f1_loss", "error_rate", "mcc_loss", "jaccard_loss")
    ]


# a fixed threshold and a ranking; the others take as long and tell nothing else
@pytest.mark.parametrize("name", ["f1", "roc_auc"])
def test_a_fitted_surface_is_nearer_than_any_constant(name):
    (surface,) = loss_surfaces(
        [name],
        batch=make_batch(),
        grid=torch.linspace(-2.5, 2.5, 21),
        generator=torch.Generator().manual_seed(0),
        steps=300,
    )
    true, learned = surface.true_loss, surface.surrogate_loss
    best_constant = true.median()
    assert (learned - true).abs().mean() < 0.5 * (best_constant - true).abs().mean()


def test_a_surrogate_sees_raw_scores_where_the_threshold_is_fixed():
    generator, batch = torch.Generator().manual_seed(0), make_batch()
    raw, standardised = (
        fit_surface(figure_loss(name), batch, extent=2, generator=generator, steps=1)
        for name in ("f1", "auc")
    )
    assert (raw.view.standardize, standardised.view.standardize) == (False, True)
    with pytest.raises(ValueError, match="`extent` must be a positive number"):
        fit_surface(figure_loss("f1"), batch, extent=0, generator=generator)


def test_the_same_seed_gives_the_same_surface():
    def learned(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return loss_surfaces(
            ["f1"], batch=make_batch(), grid=GRID, generator=generator, steps=5
        )[0].surrogate_loss

    state = torch.get_rng_state()
    assert torch.equal(learned(0), learned(0))
    assert not torch.equal(learned(0), learned(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_true_and_learned_surface_share_their_colours():
    true = torch.arange(9.0).reshape(3, 3)
    figure = draw_surfaces(
        torch.arange(3.0),
        [
            Surface(loss=name, true_loss=true, surrogate_loss=-true)
            for name in ("one", "two")
        ],
    )
    meshes = [ax.collections[0] for ax in figure.axes[:4]]
    assert {mesh.get_clim() for mesh in meshes} == {(-8.0, 8.0)}
    np.testing.assert_array_equal(meshes[0].get_array(), true)
    np.testing.assert_array_equal(meshes[2].get_array(), -true)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["one", "two"]
    assert "target 0" in figure.axes[2].get_xlabel()
    assert "target 1" in figure.axes[2].get_ylabel()
