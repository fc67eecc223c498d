"""The linear model's own solution against scikit-learn's and the definition."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor, nn

from losslearn.metrics import Sets
from losslearn.models.networks import Linear
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import LinearSolution, Setting
from losslearn.tasks.cross_entropy import CrossEntropy

N = 400


def table(*, n_targets: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(N, 5, generator=generator) + 1
    x[:, 0] = 7.0  # a constant feature
    noise = torch.randn(N, n_targets, generator=generator)
    return x, x[:, 1:2] - x[:, 2:3] + 2 * noise


def solved(rows: Rows, usual_loss, penalty: float, weight: Tensor | None = None):
    """Return the model's weights and offsets, in standardised features."""
    model = Linear(rows.x.shape[1], score_shape=rows.score_shape)
    model.standardizer.fit(rows.x)
    drawn = Drawn(torch.arange(N), weight)
    LinearSolution(model, rows, drawn, usual_loss).solve(Setting(penalty))
    layer = model.layers
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def standardised(x: Tensor) -> np.ndarray:
    z = x.double().numpy()
    spread = z.std(0)
    return (z - z.mean(0)) / np.where(spread > 0, spread, np.inf)


@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("is_weighed", [False, True])
def test_cross_entropy_is_solved_as_scikit_learn_solves_it(c, is_weighed):
    x, target = table()
    y = (target[:, 0] > 2).long()
    weight = None
    if is_weighed:
        weight = 0.1 + torch.rand(N, generator=torch.Generator().manual_seed(1))
        weight /= weight.mean()
    theirs = LogisticRegression(C=c, tol=1e-8, max_iter=1_000)
    theirs.fit(standardised(x), y.numpy(), sample_weight=weight)
    for rows, places in (
        (Rows(x, y, weight=weight), None),
        (Rows(x, y), weight),  # weights of the rows or of their places
    ):
        ours, offset = solved(rows, CrossEntropy(), 1 / (c * N), places)
        np.testing.assert_allclose(ours[:, 1:], theirs.coef_[:, 1:], atol=1e-3)
        np.testing.assert_allclose(offset, theirs.intercept_, atol=1e-3)


class SquaredError:
    """Half the mean square of two gaps a row."""

    def __call__(self, sets: Sets) -> Tensor:
        return 0.5 * (sets.target - sets.score).square().sum(-1).mean(-1)

    def total(self, sets: Sets) -> Tensor:
        raise NotImplementedError


def test_scores_of_another_shape_and_another_loss_are_solved():
    x, target = table(n_targets=2)
    ours, offset = solved(Rows(x, target, score_shape=(2,)), SquaredError(), 0.3)
    theirs = Ridge(alpha=0.3 * N).fit(standardised(x), target.double().numpy())
    np.testing.assert_allclose(ours[:, 1:], theirs.coef_[:, 1:], atol=1e-3)
    np.testing.assert_allclose(offset, theirs.intercept_, atol=1e-3)


def test_a_minimisation_that_is_late_ends_somewhere_on_its_way():
    x, target = table()
    rows = Rows(x, (target[:, 0] > 2).long())
    model = Linear(5)
    model.standardizer.fit(x)
    solution = LinearSolution(model, rows, Drawn(torch.arange(N)), CrossEntropy())
    before = model.layers.weight.detach().clone()
    solution.solve(Setting(1e-5), deadline=0.0)
    moved = model.layers.weight.detach().clone()
    solution.solve(Setting(1e-5))
    assert not torch.equal(moved, before)
    assert not torch.allclose(moved, model.layers.weight, atol=1e-2)


def test_only_the_built_in_linear_model_has_one():
    x, target = table()
    rows = Rows(x, (target[:, 0] > 2).long())

    class Own(Linear):
        """Anything may be in here."""

    for model, has_one in (
        (Linear(5), True),
        (Own(5), False),
        (nn.Linear(5, 1), False),
    ):
        predictor = TorchPredictor(model, rows, lr=0.1)
        found = predictor.solution(CrossEntropy(), Drawn(torch.arange(N)), None)
        assert (found is not None) == has_one
