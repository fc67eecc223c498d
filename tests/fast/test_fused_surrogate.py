"""The compiled surrogate against PyTorch's gradients."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losslearn._fast.descent import ClippedAdam
from losslearn._fast.fused import FusedSurrogate, Weights
from losslearn.metrics import get_true_loss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.training.algorithm import SurrogateLearner, surrogate_step
from losslearn.training.recipe import BilevelConfig

shapes = st.tuples(st.integers(1, 5), st.integers(2, 40))
seeds = st.integers(0, 2**20)
networks = st.fixed_dictionaries(
    {
        "hidden": st.integers(1, 33),
        "embed_dim": st.integers(1, 17),
        "decoder": st.lists(st.integers(1, 9), max_size=3),
        "standardize": st.booleans(),
    }
)


def draw_sets(
    shape: tuple[int, ...], seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Targets, scores with ties, and weights."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(shape, generator=generator) < 0.3).long()
    y_score = 3 * torch.randn(shape, generator=generator) + 1
    if shape[-1] > 2:  # two tied scores alone, standardised, are rounding only
        y_score[..., 1] = y_score[..., 0]
    return y_true, y_score, 0.1 + torch.rand(shape, generator=generator)


def make_surrogate(seed: int = 0, **network) -> SetSurrogate:
    torch.manual_seed(seed)
    return SetSurrogate(loss_shift=0.3, loss_scale=0.2, **network)


@given(
    shape=shapes,
    seed=seeds,
    network=networks,
    weighs=st.booleans(),
    learned_weight=st.sampled_from([1.0, 0.3, 0.0]),
)
def test_value_and_gradient_are_pytorchs(shape, seed, network, weighs, learned_weight):
    y_true, y_score, weight = draw_sets(shape, seed)
    surrogate = make_surrogate(seed, **network)
    exact = LearnedObjective(
        copy.deepcopy(surrogate).double(), cross_entropy_weight=0.7
    )
    objective = LearnedObjective(surrogate, cross_entropy_weight=0.7)
    objective.weights = exact.weights = Weights(learned_weight, 0.7)
    assert objective.fused is not None
    assert exact.fused is None
    slopes, values = [], []
    for one, dtype in ((objective, torch.float32), (exact, torch.float64)):
        score = y_score.detach().clone().to(dtype).detach().requires_grad_()
        sample_weight = weight.to(dtype) if weighs else None
        value = one(y_true, score, sample_weight=sample_weight)
        (value * torch.arange(1, shape[0] + 1)).sum().backward()
        values.append(value.detach())
        slopes.append(score.grad)
    torch.testing.assert_close(values[0].double(), values[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slopes[0].double(), slopes[1], rtol=1e-3, atol=1e-5)


@given(shape=shapes, seed=seeds, network=networks, n_steps=st.integers(1, 6))
def test_fit_is_one_surrogate_step_after_the_other(shape, seed, network, n_steps):
    y_true, y_score, weight = draw_sets((n_steps, *shape), seed)
    loss = torch.rand(n_steps, shape[0], generator=torch.Generator().manual_seed(seed))
    loss[0, 0] = torch.nan
    ours = make_surrogate(seed, **network)
    theirs = copy.deepcopy(ours)
    descent = ClippedAdam(ours.parameters(), lr=1e-3, max_grad_norm=1.0)
    fused = FusedSurrogate.of(ours)
    flat = (-1, shape[1])
    errors = fused.fit(
        descent, y_true.reshape(flat), y_score, loss, sample_weight=weight.reshape(flat)
    )
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    expected = [
        surrogate_step(
            theirs,
            adam,
            y_true[i],
            y_score[i],
            loss[i],
            sample_weight=weight[i],
            max_grad_norm=1.0,
        )
        for i in range(n_steps)
    ]
    torch.testing.assert_close(errors, torch.stack(expected), rtol=1e-3, atol=1e-5)


def test_hundred_steps_end_at_the_same_weights():
    y_true, y_score, weight = draw_sets((100, 4, 50), 3)
    loss = torch.rand(100, 4, generator=torch.Generator().manual_seed(3))
    ours = make_surrogate()
    theirs = copy.deepcopy(ours)
    learners = []
    for surrogate in (ours, theirs):
        learner = SurrogateLearner(
            surrogate,
            get_true_loss("auc"),
            BilevelConfig(surrogate_lr=1e-3),
            generator=torch.Generator(),
        )
        learners.append(learner)
    assert learners[0]._fused is not None
    learners[1]._fused = None
    learners[1]._descent.arrays = None
    fit = (y_true[0, 0], y_score, loss, weight[0, 0])
    errors = [learner._fit(*fit) for learner in learners]
    torch.testing.assert_close(errors[0], errors[1], rtol=1e-4, atol=1e-6)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_score_that_is_not_a_number_is_seen():
    y_true, y_score, _ = draw_sets((2, 10), 0)
    y_score[0, 3] = torch.nan
    value = LearnedObjective(make_surrogate())(y_true, y_score)
    assert value.isnan().tolist() == [True, False]


def test_changed_targets_in_the_same_tensor_are_noticed():
    y_true, y_score, _ = draw_sets((1, 10), 0)
    objective = LearnedObjective(make_surrogate())
    before = objective(y_true, y_score)
    y_true.copy_(1 - y_true)
    after = objective(y_true, y_score)
    expected = objective.surrogate(y_true, y_score) / objective.surrogate.loss_scale
    assert not torch.allclose(before, after)
    assert torch.allclose(after, expected)


def test_surrogate_that_was_moved_takes_the_general_path():
    y_true, y_score, _ = draw_sets((1, 10), 0)
    objective = LearnedObjective(make_surrogate())
    objective.double()
    assert objective(y_true, y_score.double()).dtype == torch.float64


def test_other_kinds_have_no_fast_form():
    class Own(SetSurrogate):
        """Might do anything."""

    exchanged, hooked = SetSurrogate(), SetSurrogate()
    exchanged.encoder[1] = torch.nn.ReLU()
    hooked.decoder.register_forward_hook(lambda *_: None)
    assert FusedSurrogate.of(exchanged) is None
    assert FusedSurrogate.of(hooked) is None
    assert FusedSurrogate.of(Own()) is None
    assert FusedSurrogate.of(SetSurrogate().double()) is None
    assert FusedSurrogate.of(SetSurrogate()) is not None


@pytest.mark.parametrize("missing", [True, False])
def test_without_numba_everything_is_general(missing, monkeypatch):
    monkeypatch.setattr("losslearn._fast.kernels.is_available", lambda: not missing)
    objective = LearnedObjective(make_surrogate())
    assert (objective.fused is None) == missing
