"""Parameters in one buffer."""

import copy

import torch
from torch import nn

from losslearn._fast.flat import FlatParameters


def make_layers() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def test_values_are_those_of_the_module_in_order():
    module = make_layers()
    expected = torch.cat([p.detach().reshape(-1).clone() for p in module.parameters()])
    assert torch.equal(FlatParameters(module.parameters()).values, expected)


def test_module_follows_the_buffer_and_the_buffer_the_module():
    module = make_layers()
    flat = FlatParameters(module.parameters())
    with torch.no_grad():
        flat.values.fill_(2.0)
        assert all(bool((p == 2).all()) for p in module.parameters())
        module[0].bias.fill_(3.0)
    assert flat.values.eq(3).sum() == 4


def test_gradients_of_a_backward_pass_lie_in_the_buffer():
    module, other = make_layers(), make_layers()
    flat = FlatParameters(module.parameters())
    x = torch.randn(5, 3)
    flat.zero_grad()
    module(x).sum().backward()
    other(x).sum().backward()
    assert torch.equal(
        flat.grad, torch.cat([p.grad.reshape(-1) for p in other.parameters()])
    )


def test_second_one_over_the_same_module_shares_the_buffer():
    module = make_layers()
    first, second = (FlatParameters(module.parameters()) for _ in range(2))
    assert first.values.data_ptr() == second.values.data_ptr()


def test_part_of_a_buffer_is_not_taken_for_another_order():
    module = make_layers()
    FlatParameters(module.parameters())
    turned = FlatParameters(reversed(list(module.parameters())))
    expected = [p.detach().reshape(-1) for p in reversed(list(module.parameters()))]
    assert torch.equal(turned.values, torch.cat(expected))


def test_copy_of_a_module_has_parameters_of_its_own():
    module = make_layers()
    flat = FlatParameters(module.parameters())
    twin = copy.deepcopy(module)
    with torch.no_grad():
        flat.values.zero_()
    assert bool((twin[0].weight != 0).any())


def test_what_the_module_replaced_is_gathered():
    module = make_layers()
    flat = FlatParameters(module.parameters())
    flat.zero_grad()
    module.zero_grad(set_to_none=True)
    module[2].weight.data = torch.full((1, 4), 7.0)
    module(torch.ones(1, 3)).sum().backward()
    expected = [p.grad.reshape(-1).clone() for p in module.parameters()]
    flat.gather()
    assert torch.equal(flat.grad, torch.cat(expected))
    assert flat.values.eq(7).sum() == 4
    with torch.no_grad():
        flat.values.zero_()
    assert bool((module[2].weight == 0).all())


def test_shared_parameters_count_once():
    module = make_layers()
    module.again = module[0]
    assert FlatParameters(module.parameters()).values.numel() == 3 * 4 + 4 + 4 + 1


def test_parameters_of_two_types_cannot_be_held():
    module = make_layers()
    assert FlatParameters.can_hold(module.parameters())
    module[2].double()
    assert not FlatParameters.can_hold(module.parameters())
