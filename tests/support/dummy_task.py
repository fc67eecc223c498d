# ruff: noqa: ARG002 - what a task is asked, this one does not look at
"""A task unlike the others: two numbers a row, sets of unequal length, no classes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from losslearn.estimators.base import SurrogateEstimator
from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import NO_COLUMNS
from losslearn.tasks.choice import Candidate
from losslearn.tasks.task import Frame, Tokens


def mean_gap(y_true: Tensor, y_score: Tensor, *, sample_weight: Any = None) -> Tensor:
    """Return the mean distance of both numbers from both scores, absent rows left out.

    Not differentiable where it counts: gaps are rounded to a tenth.
    """
    gap = ((y_true - y_score).abs().sum(-1) * 10).round() / 10
    if sample_weight is None:
        return gap.mean(-1)
    return (gap * sample_weight).sum(-1) / sample_weight.sum(-1)


MEAN_GAP = TrueLoss(
    name="mean_gap",
    description="mean distance, rounded",
    function=mean_gap,
    scale_invariant=False,
    bounded=False,
    task="pairs",
)


class PairTokens(nn.Module):
    """One group for each of the two numbers: (target, score)."""

    standardize = False
    n_inputs = 2
    n_means = 1

    def forward(self, sets: Sets) -> Tokens:
        inputs = torch.stack([sets.target.float(), sets.score], -1).transpose(-3, -2)
        if sets.weight is None:
            return Tokens(inputs, None)
        share = sets.weight / sets.weight.sum(-1, keepdim=True)
        return Tokens(inputs, share[..., None, None, :])


class SquaredError:
    """The usual loss."""

    def __call__(self, sets: Sets) -> Tensor:
        loss = (sets.target - sets.score).square().sum(-1)
        if sets.weight is None:
            return loss.mean(-1)
        return (loss * sets.weight).sum(-1) / sets.weight.sum(-1)

    def total(self, sets: Sets) -> Tensor:
        return (sets.target - sets.score).square().sum()


class AsItIs:
    """Decides nothing: the scores are the answer."""

    columns = ()

    def judged(self, true_loss: TrueLoss) -> TrueLoss:
        return true_loss

    def decide(self, score: Tensor, columns: Any = NO_COLUMNS) -> Tensor:
        return score

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "none"}


class Generated:
    """Normal targets, and scores some way off."""

    def draw(self, n_sets: int, n: int, *, generator: torch.Generator) -> Sets:
        target = torch.randn(n_sets, n, 2, generator=generator)
        far = torch.rand(n_sets, 1, 1, generator=generator) * 2
        noise = torch.randn(n_sets, n, 2, generator=generator)
        lengths = torch.randint(2, n + 1, (n_sets, 1), generator=generator)
        weight = (torch.arange(n) < lengths).float()
        return Sets(target, target + far * noise, weight)


class PairLabels:
    """Targets written as "1.5;-2"."""

    names = None

    def encode(self, y, *, called="`y`", needs_all=True):
        pairs = [[float(part) for part in str(text).split(";")] for text in y]
        return np.array(pairs, dtype=np.float32)

    def decode(self, target):
        return np.array([f"{first:g};{second:g}" for first, second in target])

    def to_dict(self):
        return {}


class Pairs:
    """Targets of two numbers, two scores a row; sets are units of unequal length."""

    name = "pairs"
    options = ()
    rule_numbers = ()
    n_strata = 1
    score_shape = (2,)
    target_shape = (2,)
    usual_losses = {"squared_error": SquaredError()}  # noqa: RUF012

    def labels(self, y, options, *, called="`y`"):
        return PairLabels()

    def restore_labels(self, state):
        return PairLabels()

    def strata(self, target: Tensor) -> Tensor:
        return torch.zeros(len(target), dtype=torch.long, device=target.device)

    def shares(self, prevalence):
        return None if prevalence is None else tuple(prevalence)

    def units(self, groups):
        return groups

    def checked_rows(self, score: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if score.shape != target.shape:
            raise ValueError("two numbers a row")
        return score, target

    def settings(self, true_loss):
        return {}

    def view(self, true_loss, *, standardize, like=None):
        return PairTokens()

    def generated(self, true_loss, *, form, like=None):
        return Generated()

    def frame(self, true_loss, sets):
        return Frame()

    def perturb(self, sets, strength, *, as_a_whole, generator):
        noise = torch.empty_like(sets.score).normal_(generator=generator)
        return sets._replace(score=sets.score + strength * noise)

    def directions(self, sets, strength, *, generator):
        return strength * torch.empty_like(sets.score).normal_(generator=generator)

    def plain_rule(self, true_loss, sets):
        return AsItIs()

    def candidates(self, true_loss, sets):
        return (Candidate("none", lambda _: AsItIs()),)

    def other_target(self, target):
        return None

    def n_resamples(self, true_loss):
        return 20

    def restore_rule(self, state):
        return {"none": AsItIs}[state["kind"]]()

    def calibrate(self, sets):
        return {}

    def predictions(self, score, rule, labels, calibration, columns=NO_COLUMNS):
        return {"first": score[:, 0], "second": score[:, 1]}

    def pictures(self, true_loss, sets, rule):
        return ()


class PairsEstimator(SurrogateEstimator):
    """Fits both numbers."""

    task = Pairs()

    def __init__(
        self,
        metric=MEAN_GAP,
        *,
        model="linear",
        max_time=None,
        random_state=None,
        recipe=None,
        encoder=None,
        greater_is_better=None,
        response_method=None,
        validation_fraction=0.2,
        cv=None,
        refit=None,
        device="cpu",
        watch=None,
        fit_progress=None,
    ):
        arguments = {**locals()}
        for name in self._get_param_names():
            setattr(self, name, arguments[name])
