"""Algorithm 1: the two levels, one step of each."""

import copy
import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn._fast.cuda_graphs import Addresses, GraphedFunction
from losslearn._fast.descent import ClippedAdam
from losslearn._fast.fused import FusedSurrogate, is_as_built
from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows
from losslearn.models.networks import score_sets
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective, Objective
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetSampler

ScoreRows = Callable[[Tensor], Tensor]
"""Scores of rows by their numbers, in the mode in which the model is trained."""


class DrawnSets(NamedTuple):
    """Sets of the present model's scores."""

    y_score: Tensor
    """Without gradient, shape `[n_sets, n]`."""
    columns: Columns = NO_COLUMNS
    """What the true loss needs to know of each row besides."""


DrawSets = Callable[[int], DrawnSets]
"""Draws so many sets now."""


class Descent(Protocol):
    """What moves parameters down their gradients: any optimiser of PyTorch, or ours."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> object:
        """Take one step down the gradients."""


def model_step(
    model: nn.Module,
    objective: Objective,
    optimizer: Descent,
    x: Float[Tensor, "*sets n features"],
    y_true: Integer[Tensor, "*sets n"],
    *,
    sample_weight: Float[Tensor, "*sets n"] | None = None,
    max_grad_norm: float | None = None,
) -> Float[Tensor, ""]:
    """Move alpha one step down the objective (Algorithm 1, line 6; Eq. 4).

    Returns:
        The objective's mean over the sets before the step.
    """
    y_score = score_sets(model, x)
    optimizer.zero_grad()
    if isinstance(objective, LearnedObjective):
        # its gradient for the scores is at hand, without a graph through the surrogate
        loss, slope = objective.value_and_slope(
            y_true, y_score.detach(), sample_weight=sample_weight
        )
        if loss.ndim > 0:  # several sets
            slope, loss = slope / loss.numel(), loss.mean()
        y_score.backward(slope)
    else:
        loss = objective(y_true, y_score, sample_weight=sample_weight).mean()
        loss.backward()
    _clip(model, max_grad_norm)
    optimizer.step()
    return loss.detach()


def surrogate_step(
    surrogate: SetSurrogate,
    optimizer: Descent,
    y_true: Integer[Tensor, "*#sets n"],
    y_score: Float[Tensor, "*sets n"],
    loss: Float[Tensor, "*sets"],
    *,
    sample_weight: Float[Tensor, "*sets n"] | None = None,
    columns: Columns = NO_COLUMNS,
    max_grad_norm: float | None = None,
) -> Float[Tensor, ""]:
    """Move beta one step toward the true losses (Algorithm 1, line 11; Eq. 5).

    Args:
        surrogate: The learned loss.
        optimizer: Over its parameters.
        y_true: Targets.
        y_score: Scores, without gradient.
        loss: True loss of each set; a set whose loss is NaN is left out.
        sample_weight: Weight of each row.
        columns: What the surrogate sees of each row besides.
        max_grad_norm: Clip the gradient to this norm.

    Returns:
        The surrogate error before the step, in units of the loss.
    """
    seen = {"columns": columns} if columns else {}
    surrogate_loss = surrogate(y_true, y_score, sample_weight=sample_weight, **seen)
    known = ~loss.isnan()
    gap = (surrogate_loss - torch.where(known, loss, surrogate_loss.detach())).abs()
    error = gap.sum() / known.sum().clamp_min(1)
    optimizer.zero_grad()
    (error / surrogate.loss_scale).backward()
    _clip(surrogate, max_grad_norm)
    optimizer.step()
    return error.detach()


def _clip(module: nn.Module, max_grad_norm: float | None) -> None:
    if max_grad_norm is not None:
        nn.utils.clip_grad_norm_(module.parameters(), max_grad_norm)


class _ValuedSets(NamedTuple):
    """Sets of scores and their true losses."""

    y_score: Tensor
    loss: Tensor
    columns: Columns = NO_COLUMNS

    def each(self, change: Callable[[Tensor], Tensor]) -> "_ValuedSets":
        """Return the sets with every tensor changed."""
        columns = {name: change(column) for name, column in self.columns.items()}
        return _ValuedSets(change(self.y_score), change(self.loss), columns)

    def followed_by(self, other: "_ValuedSets") -> "_ValuedSets":
        """Return these sets and then the others."""
        return _ValuedSets(
            torch.cat([self.y_score, other.y_score]),
            torch.cat([self.loss, other.loss]),
            {
                name: torch.cat([column, other.columns[name]])
                for name, column in self.columns.items()
            },
        )


class SurrogateLearner:
    """The lower level: keeps a surrogate close to the true loss at the model's scores.

    Attributes:
        surrogate: The learned loss, beta.
    """

    def __init__(
        self,
        surrogate: SetSurrogate,
        true_loss: TrueLoss,
        config: BilevelConfig,
        *,
        generator: torch.Generator,
    ) -> None:
        """Make the optimiser of beta."""
        self.surrogate = surrogate
        self._true_loss = true_loss
        self._config = config
        self._generator = generator
        self._descent = ClippedAdam(
            surrogate.parameters(),
            lr=config.surrogate_lr,
            max_grad_norm=config.max_grad_norm,
        )
        self._fused = FusedSurrogate.of(surrogate)
        self._addresses = Addresses(surrogate)
        self._graphed: GraphedFunction | None = None
        if is_as_built(surrogate) and self._descent.flat is not None:
            self._graphed = GraphedFunction(
                lambda *inputs: (self._steps(*inputs),), works_on=self._works_on
            )
        self._replay = config.replay
        self._replayed: _ValuedSets | None = None

    def copy(self) -> "SurrogateLearner":
        """Return a learner whose steps leave this one's surrogate alone."""
        return SurrogateLearner(
            copy.deepcopy(self.surrogate),
            self._true_loss,
            self._config,
            generator=self._generator,
        )

    def learn(
        self,
        score_rows: ScoreRows,
        sampler: SetSampler,
        *,
        steps: int,
        columns: Columns = NO_COLUMNS,
    ) -> Float[Tensor, ""]:
        """Take K_beta steps (Algorithm 1, lines 9 to 12) at the present model.

        One forward pass, in the mode in which the model steps will query the
        surrogate, serves the true losses and the fit of all steps.

        Args:
            score_rows: The model, as it is now.
            sampler: Draws the sets.
            steps: K_beta.
            columns: What the true loss needs to know of each row of the table besides.

        Returns:
            The mean surrogate error over the steps.
        """

        def draw(n_sets: int) -> DrawnSets:
            rows = sampler.draw(n_sets)
            return DrawnSets(score_rows(rows), take_rows(columns, rows))

        return self.learn_sets(
            draw, sampler.y_set, sample_weight=sampler.weight, steps=steps
        )

    def learn_sets(
        self,
        draw: DrawSets,
        y_true: Integer[Tensor, " n"],
        *,
        sample_weight: Float[Tensor, " n"],
        steps: int,
    ) -> Float[Tensor, ""]:
        """Take K_beta steps on sets of scores, wherever they come from.

        Args:
            draw: Gives sets of the present model's scores.
            y_true: Targets of a set, the same for each.
            sample_weight: Weight of each place of a set.
            steps: K_beta.

        Returns:
            The mean surrogate error over the steps.
        """
        n_sets = self._config.n_sets
        valued = self._valued_sets(draw, y_true, sample_weight, steps * n_sets)
        by_step = valued.each(lambda part: part.unflatten(0, (steps, n_sets)))
        y_score, loss, columns = by_step
        errors = self._fit(y_true, y_score, loss, sample_weight, columns)
        return errors.mean()

    def forget_sets(self) -> None:
        """Forget the sets kept for replay, as when sets are laid out in another way."""
        self._replayed = None

    def state_dict(self) -> dict[str, Any]:
        """Return the surrogate, its optimiser and the sets kept for replay."""
        return {
            "surrogate": self.surrogate.state_dict(),
            "optimizer": self._descent.state_dict(),
            # a plain tuple, which `torch.load` takes without running code
            "replayed": None if self._replayed is None else tuple(self._replayed),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, in place."""
        self.surrogate.load_state_dict(state["surrogate"])
        self._descent.load_state_dict(copy.deepcopy(state["optimizer"]))
        replayed, device = state["replayed"], self.surrogate.loss_scale.device
        self._replayed = None
        if replayed is not None:
            self._replayed = _ValuedSets(*replayed).each(lambda part: part.to(device))

    def _valued_sets(
        self,
        draw: DrawSets,
        y_true: Integer[Tensor, " n"],
        sample_weight: Float[Tensor, " n"],
        n: int,
    ) -> _ValuedSets:
        """Return scores and true losses of sets to fit, old ones among the new.

        A share of them is drawn and valued now, the rest are the latest of earlier
        turns: each is fitted `replay` times in all.
        """
        n_new = math.ceil(n / self._replay)
        if self._replayed is None or len(self._replayed.loss) < n - n_new:
            n_new = n
        drawn = draw(n_new)
        y_score = self._perturb(drawn.y_score)
        weight = sample_weight if self._true_loss.takes_weight else None
        loss = self._true_loss(
            y_true.expand_as(y_score),
            y_score,
            sample_weight=weight,
            columns=drawn.columns,
        )
        valued = _ValuedSets(y_score, loss, drawn.columns)
        if n_new < n and self._replayed is not None:
            valued = valued.followed_by(
                self._replayed.each(lambda part: part[: n - n_new])
            )
        if self._replay == 1:
            return valued
        self._replayed = valued
        mixed = torch.randperm(n, generator=self._generator, device=loss.device)
        return valued.each(lambda part: part[mixed])

    def _fit(
        self,
        y_true: Integer[Tensor, " n"],
        y_score: Float[Tensor, "steps sets n"],
        loss: Float[Tensor, "steps sets"],
        sample_weight: Float[Tensor, " n"],
        columns: Columns = NO_COLUMNS,
    ) -> Float[Tensor, " steps"]:
        """Take a step for each entry of the first axis; return the errors before."""
        if self._fused is not None and self._fused.takes(y_score):
            return self._fused.fit(
                self._descent, y_true, y_score, loss, sample_weight=sample_weight
            )
        if self._graphed is not None and not columns:
            (errors,) = self._graphed(y_true, y_score, loss, sample_weight)
            return errors
        return self._steps(y_true, y_score, loss, sample_weight, columns)

    def _steps(
        self,
        y_true: Integer[Tensor, " n"],
        y_score: Float[Tensor, "steps sets n"],
        loss: Float[Tensor, "steps sets"],
        sample_weight: Float[Tensor, " n"],
        columns: Columns = NO_COLUMNS,
    ) -> Float[Tensor, " steps"]:
        """Take the steps of `_fit` with PyTorch, one after the other."""
        errors = [
            surrogate_step(
                self.surrogate,
                self._descent,
                y_true,
                y_score[step],
                loss[step],
                sample_weight=sample_weight,
                columns={name: column[step] for name, column in columns.items()},
            )
            for step in range(len(loss))
        ]
        return torch.stack(errors)

    def _works_on(self) -> Hashable:
        """Return what the graph of `_steps` is bound to."""
        return self._addresses(), self._descent.works_on()

    def _perturb(self, y_score: Float[Tensor, "sets n"]) -> Float[Tensor, "sets n"]:
        """Return scores with noise, which teaches slopes, not only values.

        The noise of each set has a strength of its own, log-uniform over a factor of
        25: strong noise shows the way from afar, weak noise the optimum.
        """
        strongest = self._config.perturbation
        if strongest == 0:
            return y_score
        per_set = torch.empty_like(y_score[..., :1])
        relative = strongest * 25.0 ** -per_set.uniform_(generator=self._generator)
        noise = torch.empty_like(y_score).normal_(generator=self._generator)
        moved = y_score + relative * y_score.std(-1, keepdim=True) * noise
        if self.surrogate.standardize:
            return moved
        # a loss of raw scores also changes as a whole set moves or stretches
        shift, stretch = (
            relative * torch.empty_like(relative).normal_(generator=self._generator)
            for _ in range(2)
        )
        return moved * stretch.exp() + shift * y_score.std()
