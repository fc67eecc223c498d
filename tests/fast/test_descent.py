"""Adam over one buffer against PyTorch's own."""

import copy

import pytest
import torch
from torch import nn

from losslearn._fast import fastest
from losslearn._fast.descent import FlatDescent
from losslearn.models.descent import Descent

DTYPES = [torch.float32, torch.float64]


def make_descent(module: nn.Module, **settings) -> FlatDescent:
    descent = fastest(Descent(module.parameters(), **settings))
    assert isinstance(descent, FlatDescent)
    return descent


def make_written(module: nn.Module, **settings) -> Descent:
    return Descent(module.parameters(), **settings)


def make_module(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1)).to(dtype)


def loss_of(module: nn.Module, step: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(step)
    dtype = module[0].weight.dtype
    x = torch.randn(8, 6, generator=generator, dtype=dtype)
    return (module(x).squeeze(-1) - x[:, 0] * 30).square().mean()


def run(
    module: nn.Module, descent: Descent | FlatDescent, first: int, last: int
) -> None:
    for step in range(first, last):
        descent.zero_grad()
        loss_of(module, step).backward()
        descent.step()


def step_by_torch(module, adam, max_grad_norm):
    """Take a hundred steps of clipped gradients by an optimiser of PyTorch's."""
    for step in range(100):
        adam.zero_grad()
        loss_of(module, step).backward()
        if max_grad_norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), max_grad_norm)
        adam.step()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("max_grad_norm", [None, 1.0, 1e9])
def test_hundred_steps_are_those_of_clip_and_adam(dtype, max_grad_norm):
    ours, theirs = make_module(dtype), make_module(dtype)
    settings = {"lr": 1e-2, "max_grad_norm": max_grad_norm}
    reference = copy.deepcopy(ours)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    run(ours, make_descent(ours, **settings), 0, 100)
    run(reference, Descent(reference.parameters(), **settings), 0, 100)
    step_by_torch(theirs, adam, max_grad_norm)
    for mine, other, written in zip(
        ours.parameters(), theirs.parameters(), reference.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(mine, written, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
def test_a_penalty_is_adams_on_the_weights_alone(dtype, max_grad_norm):
    modules = [make_module(dtype) for _ in range(3)]
    for module, make in zip(modules, (make_descent, make_written), strict=False):
        descent = make(module, lr=1e-2, max_grad_norm=max_grad_norm)
        descent.penalty = 3.0
        run(module, descent, 0, 100)
    theirs = modules[-1]
    weights, offsets = (
        [p for p in theirs.parameters() if p.ndim == axes] for axes in (2, 1)
    )
    decayed = {"params": weights, "weight_decay": 3.0}
    adam = torch.optim.Adam([decayed, {"params": offsets}], lr=1e-2)
    step_by_torch(theirs, adam, max_grad_norm)
    for mine, written, other in zip(*(m.parameters() for m in modules), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(written, other, rtol=1e-4, atol=1e-5)


def test_a_penalty_that_is_taken_back_leaves_nothing():
    one, other = make_module(torch.float32), make_module(torch.float32)
    descent = make_descent(one, lr=1e-2)
    descent.penalty = 1.0
    descent.penalty = 0.0
    run(one, descent, 0, 5)
    run(other, make_descent(other, lr=1e-2), 0, 5)
    assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_single_precision_on_the_cpu_is_compiled_and_double_is_not():
    single, double = (make_descent(make_module(dtype), lr=1.0) for dtype in DTYPES)
    assert single.arrays is not None
    assert double.arrays is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_going_on_from_a_state_is_going_on(dtype):
    whole, parts = make_module(dtype), make_module(dtype)
    run(whole, make_descent(whole, lr=1e-2, max_grad_norm=1.0), 0, 20)
    descent = make_descent(parts, lr=1e-2, max_grad_norm=1.0)
    run(parts, descent, 0, 7)
    state = copy.deepcopy(descent.state_dict())
    weights = copy.deepcopy(parts.state_dict())
    run(parts, descent, 50, 60)  # what is undone
    parts.load_state_dict(weights)
    descent.load_state_dict(state)
    run(parts, descent, 7, 20)
    assert all(map(torch.equal, whole.parameters(), parts.parameters()))


def test_learning_rate_can_be_set():
    module = make_module(torch.float32)
    descent = make_descent(module, lr=1e-2)
    descent.lr = 0.0
    before = module[0].weight.detach().clone()
    run(module, descent, 0, 3)
    assert descent.lr == 0
    assert torch.equal(module[0].weight, before)


def test_frozen_parameters_stay():
    module = make_module(torch.float32)
    module[0].weight.requires_grad_(False)
    before = module[0].weight.detach().clone()
    bias = module[0].bias.detach().clone()
    run(module, make_descent(module, lr=1e-2), 0, 3)
    assert torch.equal(module[0].weight, before)
    assert not torch.equal(module[0].bias, bias)


def test_parameters_of_two_types_train_too():
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(2))
            self.v = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    module = Mixed()
    descent = fastest(Descent(module.parameters(), lr=0.1, max_grad_norm=1.0))
    assert isinstance(descent, Descent)
    descent.zero_grad()
    ((module.w.double() + module.v - 1) ** 2).sum().backward()
    descent.step()
    assert module.w.tolist() == pytest.approx([0.1, 0.1])
    assert module.v.tolist() == pytest.approx([0.1, 0.1])


def test_unclipped_parameters_are_moved_by_adam_and_clip_nothing():
    module, own = make_module(torch.float32), nn.Parameter(torch.tensor(0.0))
    descent = make_descent(module, lr=0.1, max_grad_norm=1e-3, unclipped=[own])
    descent.zero_grad()
    (loss_of(module, 0) + 1e6 * own).backward()
    descent.step()
    assert own.item() == pytest.approx(-0.1)
    assert own.grad.item() == 1e6


def test_gradient_that_is_not_a_number_is_seen():
    module = make_module(torch.float32)
    descent = make_descent(module, lr=0.1, max_grad_norm=1.0)
    descent.zero_grad()
    (loss_of(module, 0) * torch.nan).backward()
    descent.step()
    assert bool(module[0].weight.isnan().all())
