"""One fit for the metric beside its cross-entropy control, from a shared warm-up."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from losslearn.metrics import TrueLoss
from losslearn.models.networks import score_rows
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective, Objective
from losslearn.tasks.thresholds import best_threshold
from losslearn.tasks.usual import CrossEntropy
from losslearn.training.algorithm import SurrogateLearner
from losslearn.training.health import GradientHealth
from losslearn.training.loop import Run, Trainer, TrainingData, Watcher
from losslearn.training.recipe import BilevelConfig
from losslearn.training.trust import Balance
from losslearn.training.uncertainty import Difference, loss_difference

SURROGATE = "surrogate"
CROSS_ENTROPY = "cross_entropy"


@dataclass(frozen=True)
class Comparison:
    """Both methods' runs, the surrogate's first, and the one to use."""

    runs: dict[str, Run]
    chosen: str
    surrogate: SetSurrogate
    """As it stood after the last turn."""
    difference: Difference
    """Validation loss of the surrogate's best weights minus that of the control's."""
    health: GradientHealth | None
    """Of the learned loss's gradient at the last look; None where it was not read."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit early."""
        return any(run.interrupted for run in self.runs.values())


def compare(
    make_model: Callable[[], nn.Module],
    data: TrainingData,
    true_loss: TrueLoss,
    surrogate: SetSurrogate,
    config: BilevelConfig,
    *,
    seed: int,
    max_time: float | None = None,
    watch: Watcher | None = None,
) -> tuple[Comparison, nn.Module]:
    """Train for the metric and, with the same model, batches and steps, its control.

    Both start from one cross-entropy warm-up. Then the surrogate takes over in one
    branch, and cross-entropy goes on in the other, in rounds. The surrogate's progress
    is accepted by the true loss on the validation rows: where a round leaves it behind
    the control, its branch goes on from the control's weights. In the end the surrogate
    is chosen if its validation loss is lower by more than the standard error of the
    difference; the control wins where the rows cannot tell.

    Args:
        make_model: Makes the model to train; its weights come from `seed`.
        data: Training and validation rows.
        true_loss: What to train for.
        surrogate: The learned loss to start from, refined in place unless
            `config.mode` is "universal".
        config: Settings.
        seed: Of all randomness; the global generators are left as they were.
        max_time: Seconds for both methods; `max_iter` is lowered to fit. None sets no
            limit.
        watch: Called after each look at the validation rows.

    Returns:
        The comparison, and the model with the chosen method's best weights, in
        evaluation mode.

    Raises:
        ValueError: If the training rows hold one class only, or the model does not give
            one score a row.
    """
    device = data.x.device
    deadline = math.inf if max_time is None else time.perf_counter() + max_time
    # dropout and initialisation know no generator of their own
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model = make_model()
        generator = torch.Generator(device).manual_seed(seed)
        learner = SurrogateLearner(surrogate, true_loss, config, generator=generator)
        trainer = Trainer(model, data, true_loss, config, generator=generator)
        if max_time is not None:
            trainer.config = _fit_into(deadline, trainer, learner)
        runs, balance = _train_both(trainer, learner, watch, deadline)
    del trainer  # its sampler holds a number for each row of the table
    difference = _difference(model, data, true_loss, runs, seed)
    chosen = SURROGATE if difference.is_clear_gain else CROSS_ENTROPY
    model.load_state_dict(runs[chosen].best_state)
    health = None if balance is None else balance.health
    return Comparison(runs, chosen, surrogate, difference, health), model.eval()


def _train_both(
    trainer: Trainer,
    learner: SurrogateLearner,
    watch: Watcher | None,
    deadline: float,
) -> tuple[dict[str, Run], Balance | None]:
    """Train both branches, a round each in turn."""
    config = trainer.config
    cross_entropy = CrossEntropy()
    learned = LearnedObjective(
        learner.surrogate, cross_entropy_weight=config.cross_entropy_weight
    )
    learns = None if config.mode == "universal" else learner
    balance = Balance(learned, trainer.true_loss) if config.adaptive else None
    control = Run(CROSS_ENTROPY)
    if config.warm_up_iter:
        trainer.train(
            control, cross_entropy, config.warm_up_iter, watch=watch, deadline=deadline
        )
    ours = control.branch(SURROGATE)
    ours_at = control_at = trainer.snapshot()
    for until in config.round_ends():
        if control.interrupted:
            break
        trainer.restore(ours_at)
        trainer.train(
            ours,
            learned,
            until,
            learner=learns,
            balance=balance,
            watch=watch,
            deadline=deadline,
        )
        ours_at = trainer.snapshot()
        if ours.interrupted:
            break
        trainer.restore(control_at)
        # as many steps as the surrogate had, should time or patience have ended it
        trainer.train(control, cross_entropy, ours.n_iter, watch=watch)
        control_at = trainer.snapshot()
        if ours.n_iter < until:
            break
        is_behind = control.last_loss < ours.last_loss
        if until < config.max_iter and is_behind:
            ours.adopt(control)
            ours_at = control_at
        if balance is not None:
            balance.end_round(is_behind=is_behind)
    return {SURROGATE: ours, CROSS_ENTROPY: control}, balance


def _difference(
    model: nn.Module,
    data: TrainingData,
    true_loss: TrueLoss,
    runs: dict[str, Run],
    seed: int,
) -> Difference:
    """Compare both methods' best weights on the validation rows."""
    y_scores, thresholds = [], []
    for name in (SURROGATE, CROSS_ENTROPY):
        model.load_state_dict(runs[name].best_state)
        y_score = score_rows(model, data.x_valid, rows=data.valid_rows)
        threshold = None
        if true_loss.needs_threshold:
            threshold, _ = best_threshold(
                true_loss, data.y_valid, y_score, columns=data.valid_columns
            )
        y_scores.append(y_score)
        thresholds.append(threshold)
    return loss_difference(
        true_loss,
        data.y_valid,
        y_scores,
        thresholds,
        columns=data.valid_columns,
        seed=seed,
    )


def _fit_into(
    deadline: float, trainer: Trainer, learner: SurrogateLearner
) -> BilevelConfig:
    """Return the settings with as many iterations as there is time for.

    Turns are timed on the model itself, which is put back afterwards; so both
    methods get the same number of steps however much dearer one of them is.
    """
    config, start = trainer.config, trainer.snapshot()
    learned = LearnedObjective(
        learner.surrogate, cross_entropy_weight=config.cross_entropy_weight
    )
    learns = None if config.mode == "universal" else learner.copy()
    balance = Balance(learned, trainer.true_loss) if config.adaptive else None

    def timed(objective: Objective, n_iter: int) -> float:
        begin = time.perf_counter()
        run = Run("timing")
        trainer.train(
            run,
            objective,
            n_iter,
            learner=learns if objective is learned else None,
            balance=balance if objective is learned else None,
        )
        if run.interrupted:
            raise KeyboardInterrupt
        return time.perf_counter() - begin

    timed(learned, 1)  # the first turn pays for allocations
    one, four = timed(learned, 1), timed(learned, 4)
    control_one, control_four = timed(CrossEntropy(), 1), timed(CrossEntropy(), 4)
    trainer.restore(start)
    turn = max(four - one, 1e-9) / 3
    control_turn = max(control_four - control_one, 1e-9) / 3
    look = max(control_one - control_turn, 1e-9)
    catch_up = max(one - turn - look, 1e-9)
    # looks and rounds get at most 15 % of the time each, the steps the rest
    spare = 0.9 * (deadline - time.perf_counter())
    n_evals = min(config.n_evals, max(int(0.15 * spare / (2 * look)), 1))
    rounds = min(config.rounds, max(int(0.15 * spare / (catch_up + 2 * look)), 1))
    left = spare - 2 * n_evals * look - rounds * (catch_up + 2 * look)
    max_iter = int(left / (control_turn + (1 - config.warm_up) * turn))
    if max_iter >= config.max_iter:
        return config
    return replace(config, max_iter=max(max_iter, 2), n_evals=n_evals, rounds=rounds)
