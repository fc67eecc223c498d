"""The fit on all rows, by what fits on parts of them have come to."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from losslearn.models.predictor import Predictor
from losslearn.models.solution import Setting
from losslearn.surrogate.network import SetSurrogate
from losslearn.training.branches import LEARNED, Settled
from losslearn.training.lead import Lead
from losslearn.training.learned import Learned
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup
from losslearn.training.solved import drawn_rows
from losslearn.training.trained import Trained


class Length(NamedTuple):
    """How long a method is trained."""

    max_iter: int
    """Iterations of its schedule."""
    n_iter: int
    """Those that are done of them."""


class Plan(NamedTuple):
    """What is carried over to the fit on all rows."""

    penalty: float
    """Of as many rows as there are."""
    is_solved: bool
    lengths: Mapping[str, Length]
    """Of each method, by its name."""
    lead: Lead
    """Of the learned loss."""
    length: int | None = None
    """Of a solution that grows, for all rows."""

    @classmethod
    def of(cls, parts: Sequence[Trained], recipe: Recipe, *, share: float) -> "Plan":
        """Return the plan; the parts were trained on such a share of the rows."""
        settled = [part.settled for part in parts]
        penalty = statistics.median(one.penalty for one in settled)
        if recipe.penalty is None:  # chosen in units of the number of rows
            penalty *= share
        return cls(
            penalty,
            all(one.is_solved for one in settled),
            {
                name: _length([part.runs[name] for part in parts])
                for name in parts[0].runs
            },
            Lead.of(parts, recipe),
            _grown([one.length for one in settled], share),
        )

    def follows(self, recipe: Recipe) -> bool:
        """Whether the learned loss led anywhere, in the median of the parts."""
        max_iter, n_iter = self.lengths[LEARNED]
        return n_iter > self.lead.begin(replace(recipe, max_iter=max_iter))

    def settled(self, found: Settled, method: str) -> Settled:
        """Return what the fit on all rows is settled on, with one method's length."""
        max_iter = self.lengths[method].max_iter
        return found._replace(penalty=self.penalty, max_iter=max_iter)


def _length(runs: Sequence[Run]) -> Length:
    """Return the schedule of the lowest mean loss, and the median share of it.

    Of those that all parts have tried, the longest one of equals; if there is none, the
    median one.
    """
    tried = set.intersection(*({*run.bests} for run in runs))

    def mean_loss(max_iter: int) -> float:
        return statistics.fmean(run.bests[max_iter].loss for run in runs)

    if tried:
        max_iter = min(sorted(tried, reverse=True), key=mean_loss)
        shares = [run.bests[max_iter].n_iter / max_iter for run in runs]
    else:
        each = [max(run.bests.items()) for run in runs]
        max_iter = statistics.median_low(length for length, _ in each)
        shares = [best.n_iter / length for length, best in each]
    return Length(max_iter, max(round(statistics.median(shares) * max_iter), 1))


def _grown(lengths: Sequence[int | None], share: float) -> int | None:
    """Return how long a solution grows; of more rows more can be learned."""
    known = [one for one in lengths if one is not None]
    return round(statistics.median(known) / share) if known else None


def refit(
    make_predictor: Callable[[], Predictor],
    setup: Setup,
    plan: Plan,
) -> tuple[dict[str, Run], Predictor]:
    """Train both methods on all rows as long as is planned; nothing is valued.

    The learned loss takes over where it did in the parts, and leads as far as its
    health says, the usual loss beside it as then. The surrogate is refined in place, as
    of `compare`.
    PyTorch's global generator is seeded; whoever calls this keeps it (`own_draws`).

    Returns:
        The run of each method, and the predictor.

    Raises:
        MetricError: If the metric fails; `KeyboardInterrupt` for Ctrl-C.
    """
    true_loss, task, surrogate, recipe, seed = setup
    torch.manual_seed(seed)
    predictor = make_predictor()
    rows = predictor.rows
    draws = torch.Generator(rows.x.device).manual_seed(seed)
    settled = replace(recipe, model_lr=recipe.rate, penalty=plan.penalty, patience=None)
    trainer = Trainer(predictor, None, true_loss, task, settled, generator=draws)
    if plan.is_solved:
        drawn = drawn_rows(rows, task, generator=draws)
        solution = predictor.solution(trainer.usual[1], drawn, None)
        assert solution is not None, "solved on the parts"
        solution.solve(Setting(plan.penalty, length=plan.length))
        settled = replace(settled, model_lr=solution.lr or recipe.rate)
    start, runs = trainer.snapshot(), {}
    for name, length in plan.lengths.items():
        trainer.restore(start)
        run = runs[name] = Run(name)
        trainer.recipe = replace(settled, max_iter=length.max_iter)
        if name == LEARNED:
            _follow_learned(trainer, run, surrogate, plan)
        elif not plan.is_solved:
            trainer.train(run, trainer.usual[1], length.n_iter)
        if run.failure is not None:
            raise run.failure
        if run.interrupted:
            raise KeyboardInterrupt
        run.n_iter, run.best_state = length.n_iter, predictor.weights()
    return runs, predictor


def _follow_learned(
    trainer: Trainer, run: Run, surrogate: SetSurrogate, plan: Plan
) -> None:
    """Train by the usual loss first, where it is not solved, and then in rounds."""
    recipe, until = trainer.recipe, plan.lengths[LEARNED].n_iter
    begin = min(until, plan.lead.begin(recipe))
    if plan.is_solved:
        run.n_iter = begin
    else:
        trainer.train(run, trainer.usual[1], begin)
    learned = Learned.of(trainer, surrogate, usual_weight=recipe.usual_weight)
    for end, weight in zip(recipe.round_ends(), plan.lead.usual_weights, strict=False):
        if run.n_iter < min(end, until) and not run.is_stopped:
            learned.weigh_usual(weight)
            learned.train(trainer, run, min(end, until))
