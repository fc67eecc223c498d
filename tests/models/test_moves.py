"""Moves of parameters, against changes worked out by hand."""

import pytest
import torch
from torch import nn

from losslearn._fast import fastest
from losslearn.models.moves import ParameterMoves
from losslearn.models.networks import MLP, Linear
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows

X = torch.randn(3, 200, 5, generator=torch.Generator().manual_seed(0))


def linear(scale: float = 1.0) -> nn.Linear:
    torch.manual_seed(1)
    model = nn.Linear(5, 1)
    with torch.no_grad():
        model.weight.mul_(scale)
    return model


def moved(model: nn.Module, n_moves: int = 3, seed: int = 0, x=X, strength=0.1):
    moves = ParameterMoves(model.parameters(), torch.Generator().manual_seed(seed))
    score = lambda place: model(x[place % 3]).squeeze(-1)  # noqa: E731
    return moves.scores(score, n_moves, strength=strength)


def test_a_linear_model_moves_along_its_features_and_to_and_fro_alike():
    model = linear()
    here = model(X).squeeze(-1).detach()
    there, back = moved(model)
    torch.testing.assert_close((there + back) / 2, here)
    features = torch.cat([X, torch.ones(3, 200, 1)], -1).double()
    change = ((there - back) / 2).double()
    along = torch.linalg.lstsq(features, change.unsqueeze(-1)).solution
    torch.testing.assert_close(
        (features @ along).squeeze(-1), change, atol=1e-6, rtol=0
    )
    assert not torch.allclose(along[0], along[1])  # each set is moved by itself


def test_directions_are_normal_and_of_one_size():
    n, model = 4_000, linear()
    there, back = moved(model, n)
    kept = [p.detach().clone() for p in model.parameters()]
    change = (there - back)[:, :6].double() / 2
    features = torch.cat([X, torch.ones(3, 200, 1)], -1).double()[:, :6]
    along = torch.linalg.solve(
        features[torch.arange(n) % 3], change.unsqueeze(-1)
    ).squeeze(-1)
    variance = along.T @ along / n
    size = variance.diagonal().mean()
    # four standard errors of a variance
    assert (variance / size - torch.eye(6)).abs().max() < 4 * (2 / n) ** 0.5
    assert [p.tolist() for p in model.parameters()] == [p.tolist() for p in kept]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("strength", [0.01, 0.1])
def test_scores_change_by_a_share_of_their_deviation(scale, strength):
    model = linear(scale)
    sizes = []
    for seed in range(40):
        there, back = moved(model, seed=seed, strength=strength)
        sizes.append(((there - back) / 2).var(-1).mean())
    here = model(X).squeeze(-1)[0].std().detach()
    found = torch.stack(sizes).mean().sqrt() / here
    # a mean over four moves sets the size: a third off in a single call
    assert found == pytest.approx(strength, rel=0.35)


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("kind", ["linear", "mlp", "module"])
def test_a_predictor_is_left_as_it_was_to_the_bit(kind, mode):
    torch.manual_seed(2)
    x = X.flatten(0, 1)
    own = nn.Sequential(
        nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 1)
    )
    model = {"linear": Linear(5), "mlp": MLP(5), "module": own}[kind]
    rows = Rows(x, (x[:, 0] > 0).long())
    predictor = fastest(TorchPredictor(model, rows, lr=0.1))
    model.train(mode)
    before, noise = predictor.weights(), torch.get_rng_state()
    numbers = torch.arange(600).reshape(3, 200)
    generator = torch.Generator().manual_seed(3)
    there, back = predictor.moved(numbers, 0.1, generator=generator)
    assert there.shape == back.shape == (3, 200)
    assert not torch.equal(there, back)
    assert model.training == mode
    assert torch.equal(noise, torch.get_rng_state())
    after = predictor.weights()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    # the same moves once more; as in use, without dropout
    generator = torch.Generator().manual_seed(3)
    again = predictor.moved(numbers, 0.1, generator=generator)
    assert torch.equal(again, torch.stack([there, back]))


def test_weights_are_put_back_when_scoring_fails():
    model = linear()
    before = [p.detach().clone() for p in model.parameters()]
    moves = ParameterMoves(model.parameters(), torch.Generator())

    def fail(place: int) -> torch.Tensor:
        if place == 1:
            raise KeyboardInterrupt
        return model(X[place]).squeeze(-1)

    with pytest.raises(KeyboardInterrupt):
        moves.scores(fail, 2, strength=0.1)
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)


def test_frozen_parameters_stay_and_what_does_not_move_is_not_moved():
    model = linear()
    model.bias.requires_grad_(False)
    there, back = moved(model)
    change = ((there - back) / 2).double()
    along = torch.linalg.lstsq(X.double(), change.unsqueeze(-1)).solution
    left = change - (X.double() @ along).squeeze(-1)
    assert left.abs().max() < 1e-6
    model.requires_grad_(False)
    model.bias.requires_grad_(True)  # moves all scores alike, which is no move of them
    there, back = moved(model)
    assert torch.equal(there, back)
    model.requires_grad_(True)
    nn.init.zeros_(model.weight)  # scores without a deviation
    there, back = moved(model)
    assert torch.equal(there, back)
    model.requires_grad_(False)  # nothing is left to move
    there, back = moved(model)
    assert torch.equal(there, back)
