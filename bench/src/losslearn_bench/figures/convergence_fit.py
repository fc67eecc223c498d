"""Figure 3: how SL-S and SL-R converge, each with its learned loss alone."""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn.metrics import TrueLoss, get_true_loss
from losslearn.models.networks import build_model, score_rows, score_sets
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.thresholds import best_threshold, evaluate
from losslearn.training.algorithm import SurrogateLearner
from losslearn.training.loop import Record, Run, Trainer, TrainingData
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetSampler

Start = Literal["scratch", "refined"]
"""SL-S or SL-R: a surrogate learned from scratch, or a universal one refined."""

_MEASURED_SETS = 16


class HeldOut(NamedTuple):
    """Rows that are measured for the figure and choose nothing."""

    x: Float[Tensor, "rows features"]
    y_true: Integer[Tensor, " rows"]


def convergence(
    data: TrainingData,
    test: HeldOut,
    *,
    metrics: Sequence[str],
    config: BilevelConfig,
    seeds: Sequence[int],
    starts: Sequence[Start] = ("scratch", "refined"),
    model: str = "mlp",
    finished: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[dict[str, Any]]:
    """Return the data of Figure 3: a row for each look of each training.

    The warm-up, cross-entropy and the surrogate's catch-up are left out, whatever the
    settings say, so that the curves show Algorithm 1 alone. Both starts of a seed have
    the same model, initial weights and first batches.

    Args:
        data: Training and validation rows.
        test: Test rows.
        metrics: Names of built-in losses.
        config: Settings; `n_evals` says how many looks there are.
        seeds: A training each.
        starts: Which surrogates to start from.
        model: "linear" or "mlp".
        finished: Called with the rows of each training once it is done.

    Returns:
        Dictionaries that JSON can hold: `metric`, `start`, `seed`, `iteration`,
        `surrogate_loss` and `train_loss` (learned and true loss of the same training
        sets, at scores as the model steps see them), `surrogate_error` (Eq. 5, what the
        last turn's surrogate steps saw, noise on the scores included) and `test_loss`
        at a threshold from the validation rows; None for a value that is not a number.

    Raises:
        ValueError: If a name is unknown, or the training rows hold one class only.
    """
    rows = []
    for metric in metrics:
        true_loss = get_true_loss(metric)
        for seed in seeds:
            for start in starts:
                settings = replace(config, mode=start, catch_up=0)
                found = _train(data, test, true_loss, settings, model, seed)
                rows += found
                if finished is not None:
                    finished(found)
    return rows


def _train(
    data: TrainingData,
    test: HeldOut,
    true_loss: TrueLoss,
    config: BilevelConfig,
    model_name: str,
    seed: int,
) -> list[dict[str, Any]]:
    """Train once, and look at the present model as often as the settings say."""
    rows: list[dict[str, Any]] = []
    # dropout and initialisation know no generator of their own
    with torch.random.fork_rng(devices=[data.x.device] if data.x.is_cuda else []):
        surrogate = initial_surrogate(true_loss, config, seed=seed).to(data.x.device)
        torch.manual_seed(seed)
        model = build_model(model_name, data.x)
        generator = torch.Generator(data.x.device).manual_seed(seed)
        trainer = Trainer(model, data, true_loss, config, generator=generator)
        learner = SurrogateLearner(surrogate, true_loss, config, generator=generator)

        def watch(record: Record) -> None:
            row = {"metric": true_loss.name, "start": config.mode, "seed": seed}
            row |= {"iteration": record.iteration}
            row |= _learned_and_true(trainer, surrogate)
            row |= {"surrogate_error": record.surrogate_error}
            row |= {"test_loss": _test_loss(model, data, test, true_loss)}
            rows.append({name: _known(value) for name, value in row.items()})

        trainer.train(
            Run("surrogate"),
            LearnedObjective(surrogate),
            config.max_iter,
            learner=learner,
            watch=watch,
        )
    return rows


@torch.no_grad()
def _learned_and_true(trainer: Trainer, surrogate: SetSurrogate) -> dict[str, float]:
    """Return both losses of the same training sets, each time and for each start."""
    data, true_loss, sampler = trainer.data, trainer.true_loss, trainer.sampler
    own = SetSampler(
        data.y_true,
        batch_size=len(sampler.y_set),
        pos_rate=float(sampler.y_set.double().mean()),
        min_per_class=1,
        generator=torch.Generator(data.x.device).manual_seed(0),
    )
    # a copy, because a pass in training mode moves running statistics
    model = deepcopy(trainer.model).train()
    with torch.random.fork_rng(devices=[data.x.device] if data.x.is_cuda else []):
        torch.manual_seed(0)
        y_score = score_sets(model, data.x[own.draw(_MEASURED_SETS)])
    weight = sampler.weight if true_loss.takes_weight else None
    y_true = sampler.y_set.expand_as(y_score)
    learned = surrogate(y_true, y_score, sample_weight=sampler.weight)
    true = true_loss(y_true, y_score, sample_weight=weight)
    return {"surrogate_loss": float(learned.mean()), "train_loss": float(true.mean())}


def _test_loss(
    model: nn.Module, data: TrainingData, test: HeldOut, true_loss: TrueLoss
) -> float:
    """Return the test loss at a threshold from the validation rows, if it needs one."""
    threshold = None
    if true_loss.needs_threshold:
        valid_score = score_rows(model, data.x_valid)
        threshold, _ = best_threshold(true_loss, data.y_valid, valid_score)
    test_score = score_rows(model, test.x)
    return evaluate(true_loss, test.y_true, test_score, threshold=threshold)


def _known(value: object) -> object:
    """Return None for a float that JSON cannot hold."""
    is_known = not isinstance(value, float) or math.isfinite(value)
    return value if is_known else None
