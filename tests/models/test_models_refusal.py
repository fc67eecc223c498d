"""A model that cannot be trained or kept is refused with a word on why."""

import pytest
import torch
from torch import nn

from losslearn.models.networks import build_model, check_weights, score_sets
from losslearn.models.own import as_device, own_model

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


class Gives(nn.Linear):
    """A layer of three features whose scores are made into something else."""

    def __init__(self, change) -> None:
        super().__init__(3, 1)
        self.change = change

    def forward(self, rows):
        return self.change(super().forward(rows))


def with_nan(model: nn.Module) -> nn.Module:
    nn.init.constant_(next(model.parameters()), float("nan"))
    return model


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: build_model("tree", X), "`model` must be one of.*'tree'"),
        (lambda: check_weights(with_nan(nn.Linear(3, 1))), "not all finite"),
        (lambda: score_sets(nn.Linear(3, 2), X), r"\[6, 3\] -> \[6, 2\]"),
        (lambda: as_device("abacus"), "`device` must be one that PyTorch has here"),
        (lambda: as_device(object()), "`device` must be one that PyTorch has here"),
        (lambda: as_device("cuda:99"), "`device` must be one that PyTorch has here"),
        (lambda: own_model(nn.LazyLinear(1), X), "lazy parameters"),
        (lambda: own_model(nn.Identity(), X), "no parameters to train"),
        (lambda: own_model(nn.Linear(4, 1), X), "raised RuntimeError on rows"),
        (lambda: own_model(nn.Linear(3, 2), X), r"-> \[2, 2\]"),
        (lambda: own_model(Gives(list), X), "tensor of scores, got list"),
        (lambda: own_model(Gives(torch.Tensor.detach), X), "without one"),
        (lambda: own_model(Gives(torch.Tensor.long), X), "got torch.int64"),
        (lambda: own_model(Gives(lambda score: score / 0), X), "NaN or infinity"),
    ],
)
def test_each_refusal_says_why(use, message):
    with pytest.raises(ValueError, match=message) as said:
        use()
    assert "\n" not in str(said.value)


def test_the_scale_of_a_constant_feature_is_no_fault():
    constant = X.clone()
    constant[:, 1] = 2.0
    check_weights(build_model("linear", constant))
