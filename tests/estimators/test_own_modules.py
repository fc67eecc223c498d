"""A module, a device or a target that cannot be used is one clear line, at once."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from losslearn import Recipe, SurrogateClassifier
from losslearn.models.own import as_device
from losslearn.tables.target import take_target

X = np.random.default_rng(0).normal(size=(120, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


class Giving(nn.Module):
    """A linear model whose scores are changed."""

    def __init__(self, change) -> None:
        super().__init__()
        self.linear, self.change = nn.Linear(2, 1), change

    def forward(self, x: Tensor) -> object:
        return self.change(self.linear(x))


def fit(model: object = "linear", **options: object) -> SurrogateClassifier:
    recipe = Recipe(mode="scratch", max_iter=4, catch_up=4)
    clf = SurrogateClassifier(model=model, recipe=recipe, random_state=0, **options)
    return clf.fit(X, Y)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Flatten(0), "no parameters to train"),
        (lambda: nn.Linear(2, 1).requires_grad_(False), "no parameters to train"),
        (lambda: nn.LazyLinear(1), "lazy parameters"),
        (lambda: nn.Linear(3, 1), r"raised RuntimeError on rows \[2, 2\]"),
        (lambda: Giving(lambda score: (score, score)), "a tensor of scores, got tuple"),
        (
            lambda: Giving(lambda score: {"score": score}),
            "a tensor of scores, got dict",
        ),
        (lambda: Giving(lambda _: None), "a tensor of scores, got NoneType"),
        (lambda: Giving(lambda score: score.repeat(1, 3)), r"to \[n\] or \[n, 1\]"),
        (lambda: Giving(lambda score: score.mean()), r"to \[n\] or \[n, 1\]"),
        (lambda: Giving(lambda score: score.long()), "real scores"),
        (lambda: Giving(lambda score: score.to(torch.complex64)), "real scores"),
        (lambda: Giving(lambda score: score.detach()), "without one"),
        (lambda: Giving(lambda score: score * torch.nan), "finite scores"),
        (lambda: Giving(lambda score: score / 0), "finite scores"),
        (lambda: Giving(lambda _: 1 / 0), "raised ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_trained_is_one_line(make, message):
    with pytest.raises(ValueError, match=message) as raised:
        fit(make())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_module_is_trained_in_the_precision_of_the_features(dtype):
    model = nn.Linear(2, 1).to(dtype)
    clf = fit(model)
    assert {one.dtype for one in clf.model_.parameters()} == {torch.float32}
    assert {one.dtype for one in model.parameters()} == {dtype}


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "meta", "cpu:x", object()])
def test_an_unknown_device_is_one_line(device):
    with pytest.raises(ValueError, match="`device` must be one that PyTorch has"):
        fit(device=device)


def test_devices_are_known_by_name():
    assert as_device("cpu") == as_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    "value",
    [[1], {"a": 1}, (1,), {1}, np.array([1]), b"1", 1j, 10**309, -(10**309)],
    ids=repr,
)
def test_targets_that_are_no_labels_are_one_line(value):
    target = pd.Series([value, 0] * 5, dtype=object)
    with pytest.raises(ValueError, match=r"target column 'y' holds .* expected text"):
        take_target(pd.DataFrame({"x": range(10), "y": target}), "y")


def test_numbers_that_no_double_holds_are_one_line():
    frame = pd.DataFrame({"x": pd.Series([10**309, 1] * 60, dtype=object)})
    with pytest.raises(ValueError, match="too many digits"):
        SurrogateClassifier(model="linear").fit(frame, Y)
