"""One fit for the metric beside its control, the usual loss, from a shared warm-up."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from losslearn.metrics import Sets, TrueLoss
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.choice import Choice
from losslearn.tasks.task import Task, fit_rule
from losslearn.training.branches import Settled
from losslearn.training.loop import Run, Watcher
from losslearn.training.setup import Setup
from losslearn.training.sparing import Sparing
from losslearn.training.trained import Keeper, Trained, train_both
from losslearn.training.trust import GradientHealth
from losslearn.training.uncertainty import Difference, loss_difference


class Decided(NamedTuple):
    """The validation rows by a method's best weights, and how they are decided."""

    sets: Sets
    """With the scores."""
    choice: Choice
    """The rule that stands, and its loss; NaN for a metric that failed there."""


@dataclass(frozen=True)
class Comparison:
    """Both methods' runs, and the one to use."""

    learned: Run
    usual: Run
    chosen: str
    """Name of a method."""
    surrogate: SetSurrogate
    """As it stood after the last turn."""
    difference: Difference
    """Validation loss of the learned loss's best weights minus the control's."""
    health: GradientHealth | None
    """Of the learned loss's gradient at the last look; None where it was not read."""
    settled: Settled | None = None
    sparing: Sparing = field(default_factory=Sparing)
    """Knows whether the user's metric failed once there was something to keep."""
    decided: Mapping[str, Decided] = field(default_factory=dict)
    """Of each method, by its name."""

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by the names of their methods."""
        return {run.method: run for run in (self.learned, self.usual)}

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit early."""
        return self.learned.interrupted or self.usual.interrupted

    def loss(self, method: str) -> float:
        """Return a method's loss on the validation rows, as they are decided."""
        there = self.decided.get(method)
        if there is None or math.isnan(there.choice.loss):
            return self.runs[method].best_loss
        return there.choice.loss

    @property
    def is_done(self) -> bool:
        """Whether nothing ended the fit early, and the metric never failed."""
        return not (self.interrupted or self.sparing.failure)


def compare(
    make_predictor: Callable[[], Predictor],
    valid: Rows,
    setup: Setup,
    *,
    max_time: float | None = None,
    watch: Watcher | None = None,
    checkpoint: Keeper | None = None,
) -> tuple[Comparison, Predictor]:
    """Train for the metric and, with the same model, batches and steps, its control.

    Both start from one warm-up by the usual loss. Then the learned loss takes over in
    one branch, and the usual one goes on in the other, in rounds. The learned loss's
    progress is accepted by the true loss on the validation rows: where a round leaves
    it behind the control, its branch goes on from the control's weights. In the end it
    is chosen if its validation loss is lower by more than the standard error of the
    difference; the control wins where the rows cannot tell.

    The surrogate is refined in place unless `recipe.mode` is "universal". All
    randomness, that of the model's weights too, comes from the seed, and the global
    generators are left as they were; fits in several threads train one after the other,
    so that each is what it is alone. For `max_time`, in seconds for both methods,
    `max_iter` is lowered. From a checkpoint of the same fit it goes on to the very same
    end; the file stays, for what comes after the training may be interrupted too. A
    metric that fails ends the training as Ctrl-C does.

    Returns:
        The comparison, and the predictor with the chosen method's best weights.

    Raises:
        ValueError: If the training rows lack a stratum, or the model does not give
            scores as the task wants them.
        MetricError: If the metric fails before there is anything to keep;
            `KeyboardInterrupt` for Ctrl-C likewise.
    """
    trained, predictor = train_both(
        make_predictor,
        valid,
        setup,
        max_time=max_time,
        watch=watch,
        checkpoint=checkpoint,
    )
    found = judge(trained, setup)
    predictor.load_weights(found.runs[found.chosen].best_state)
    return found, predictor


def judge(trained: Trained, setup: Setup) -> Comparison:
    """Return what the validation rows say of both methods, each by its own rule."""
    true_loss, task, _, recipe, seed = setup
    learned, usual = trained.learned, trained.usual
    sparing = Sparing(learned.failure or usual.failure)
    decided = {
        name: Decided(sets, _spared_choice(task, true_loss, sets, sparing, seed=seed))
        for name, sets in trained.sets.items()
    }
    both = [one.choice.decided for one in decided.values()]
    strata = task.strata(both[0].target)
    difference = sparing(
        lambda: loss_difference(true_loss, both, strata=strata, seed=seed),
        lambda: Difference(learned.best_loss - usual.best_loss, math.nan),
    )
    return Comparison(
        learned,
        usual,
        learned.method if difference.is_clear_gain(recipe.margin) else usual.method,
        trained.surrogate,
        difference,
        trained.health,
        trained.settled,
        sparing,
        decided,
    )


def _spared_choice(
    task: Task, true_loss: TrueLoss, sets: Sets, sparing: Sparing, *, seed: int
) -> Choice:
    """Return the rule as `fit_rule` does; if the metric fails, one without it.

    The loss is NaN then.
    """
    without = true_loss.without_rule()
    return sparing(
        lambda: fit_rule(task, true_loss, sets, seed=seed),
        lambda: Choice(task.plain_rule(without, sets), "", sets, math.nan, []),
    )
