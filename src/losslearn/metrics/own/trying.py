"""What is found of a loss by trying it on a few sets."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Generator, Tensor

from losslearn.metrics.columns import take_rows
from losslearn.metrics.own.black_box import BlackBox, MetricError, UndefinedError
from losslearn.metrics.sets import Loss, Sets, TargetRows
from losslearn.metrics.true_loss import ENOUGH_CALLS, TrueLoss

_N_SETS, _N_ROWS = 8, 512
_N_TRIED = 64
"""Sets that a loss is valued on to find its facts."""
_TRIAL, _END = 0.05, 0.25
"""Shares of a fit's time for that, and for the choices and intervals at its end."""
_LEAST_CALLS, _LEAST_CUTS = 3, 3
"""Calls that each of these takes at least; and of labels a set: the two ends and the
middle."""
_LITTLE = 0.1
"""Below this share of what the highest scores do, the others do not count."""
_LEAST_SHARE = 0.05
"""Share of the rarer class, at least, where the highest scores are tried."""


def tried(loss: TrueLoss) -> TrueLoss:
    """Return a user's loss with what a few made-up sets tell of it; others as they are.

    Raises:
        MetricError: If it is undefined on one, and not for want of columns.
    """
    box = loss.own
    if box is None:
        return loss
    generator = Generator().manual_seed(0)
    y_true = torch.zeros(3, 64, dtype=torch.long)
    for row, n_pos in enumerate((32, 12, 4)):
        y_true[row, torch.randperm(64, generator=generator)[:n_pos]] = 1
    y_score = torch.randn(3, 64, generator=generator, dtype=torch.float64) + y_true
    uniform = partial(torch.rand, generator=generator, dtype=torch.float64)
    columns = {name: uniform(3, 64) for name in loss.columns}
    for name in (name for bound in loss.constraints for name in bound.columns):
        columns[name] = columns[name].round()  # two groups
    place = " on generated rows"
    if loss.columns:
        place += f" with {', '.join(loss.columns)} between 0 and 1"
    sets = Sets(y_true, y_score, columns=columns)
    try:
        with _trying(box, place):
            return _found(loss, box, sets, None)
    except UndefinedError as error:
        if not loss.columns:
            raise
        warnings.warn(
            f"{error} It is tried again on your rows.", RuntimeWarning, stacklevel=3
        )
        return replace(loss, scale_invariant=loss.needs_threshold)


def tried_on(
    loss: TrueLoss,
    train: TargetRows,
    valid: TargetRows,
    *,
    max_time: float | None = None,
) -> TrueLoss:
    """Return a user's loss with what its own rows tell of it.

    A few sets are drawn from the training rows, with their columns and prevalence; sets
    on which the loss is undefined are left out. A metric too dear for that within
    `max_time`, in seconds for the whole fit, is taken for one without special facts,
    and its later calls are fewer.

    Raises:
        MetricError: If it is undefined on the validation rows, or no loss.
    """
    box = loss.own
    if box is None:
        return loss
    generator = Generator().manual_seed(0)
    whole = _scored(valid, generator)
    with _trying(box, " on the validation rows with made-up scores"):
        undefined = bool(loss.in_a_call()(_one_of_many(whole)).isnan())
        if max_time is not None:
            loss = _within(loss, box, max_time)
        if undefined or max_time is None:
            loss(whole)
    if max_time is not None and _N_TRIED * loss.set_seconds > _TRIAL * max_time:
        return replace(loss, scale_invariant=loss.needs_threshold)
    n_rows = len(train.target)
    rows = torch.stack(
        [torch.randperm(n_rows, generator=generator)[:_N_ROWS] for _ in range(3)]
    )
    drawn = TargetRows(train.target[rows], take_rows(train.columns, rows))
    with _trying(box, " on sets of the training rows"):
        return _found(loss, box, _scored(drawn, generator), train)


def _one_of_many(sets: Sets) -> Sets:
    """Return a set as the only one of an axis of sets."""
    return Sets(sets.target[None], sets.score[None], sets.weight, sets.columns)


def _within(loss: TrueLoss, box: BlackBox, seconds: float) -> TrueLoss:
    """Return a loss that is called no more often than a fit of so many seconds bears.

    Its choices and intervals take a quarter of the time, a set a five-hundredth.
    """
    most = seconds / max(box.cost, 1e-9)
    calls = loss.max_calls
    while calls > _LEAST_CALLS and _end_calls(loss, calls) > _END * most:
        calls -= 1
    box.max_cuts = min(max(int(most / 500), _LEAST_CUTS), box.max_cuts)
    return replace(loss, max_calls=calls)


def _end_calls(loss: TrueLoss, n_calls: int) -> int:
    """Return the calls at the end of a fit if a choice or an interval takes so many.

    Of either method an interval on other rows, and its part in the difference; of
    labels also its rule, a picture of thresholds, and what else it might be given; with
    constraints its own value and interval. A rule that is compared with others takes
    more.
    """
    if not loss.needs_threshold:
        return 4 * n_calls + 4
    of_aim = 2 * n_calls + 4 if loss.constraints else 0
    if n_calls < ENOUGH_CALLS:
        return 7 * n_calls + 8 + of_aim
    per_rule = 7.5 if loss.known else 2.4
    return int((5 + 2 * per_rule) * n_calls) + 8 + of_aim


def end_seconds(loss: TrueLoss) -> float:
    """Return what the choices and intervals at the end of a fit take at most."""
    cost = 0.0 if loss.own is None else loss.own.cost
    return _end_calls(loss, loss.max_calls) * cost


def least_calls(loss: TrueLoss) -> int:
    """Return how often a fit calls a user's metric at least, however dear it is.

    It is tried, known again by a value, and values a set for the start and at each of
    three looks: after the warm-up, and at the end of either method. For the start, one
    of labels finds a frame.
    """
    per_set = _LEAST_CUTS if loss.needs_threshold else 1
    return 2 + 4 * per_set + _end_calls(loss, _LEAST_CALLS)


def _scored(rows: TargetRows, generator: Generator) -> Sets:
    """Return rows with made-up scores, those of the positives higher."""
    noise = torch.randn(rows.target.shape, generator=generator, dtype=torch.float64)
    return Sets(rows.target, noise + rows.target, None, rows.columns)


@contextmanager
def _trying(box: BlackBox, place: str) -> Iterator[None]:
    """Say where the metric is called meanwhile, and count these calls no further."""
    box.place, box.undefined = place, None
    try:
        yield
    finally:
        box.place, box.n_calls = "", 0
        box.n_valued = box.n_undefined = box.n_tried = box.n_left_out = 0


def _found(
    loss: TrueLoss, box: BlackBox, sets: Sets, rows: TargetRows | None
) -> TrueLoss:
    """Return a loss with its facts; on made-up rows, a set without a value raises."""
    judge: Loss = loss.in_a_call()
    n_sets = len(sets.target)
    value = judge(sets)
    if rows is None and box.n_undefined and box.undefined:
        raise box.undefined
    same = partial(torch.allclose, value, rtol=1e-5, atol=1e-9, equal_nan=True)
    if box.batched:
        alone = torch.cat([judge(sets.picked(slice(i, i + 1))) for i in range(n_sets)])
        if not same(alone):
            raise MetricError(
                f"`{loss.name}` is declared batched, but gives sets other "
                f"values together ({value.tolist()}) than alone ({alone.tolist()}): it "
                "must reduce over the last axis only."
            )
    if loss.takes_weight:
        uniform = torch.rand(
            sets.target.shape[-1:], generator=Generator().manual_seed(1)
        )
        weighted = judge(sets._replace(weight=uniform.double() + 0.5))
        if bool((weighted.isnan() & ~value.isnan()).any()) and box.undefined:
            raise box.undefined
    if loss.needs_threshold:
        invariant = True  # the best threshold moves along with the scores
        loss(sets.picked(slice(1)))
    else:
        moved = (sets.score * 0.3 + 1.5, sets.score * 2.0 - 2.0)
        others = [loss(sets._replace(score=score)) for score in moved]
        invariant = not bool(value.isnan().all()) and all(map(same, others))
        loss = replace(loss, is_top_heavy=is_top_heavy(loss, rows))
    return replace(loss, scale_invariant=invariant)


def is_top_heavy(loss: TrueLoss, rows: TargetRows | None = None) -> bool:
    """Return whether exchanging rows below the highest scores leaves a loss alone.

    Rows change places within the highest eighth of a set's scores, and within the rest;
    in sets of poor scores, and of good ones, where a recall at a precision, say,
    depends on what is further down. Of given rows there are the columns, and the share
    of positives.
    """
    place = torch.linspace(0, 1, _N_ROWS, dtype=torch.float64)  # the highest score is 0
    chances = [0.7 - 0.6 * place, torch.where(place < 0.5, 0.9, 0.05)]  # poor, good
    if rows is not None:
        share = float(rows.target.double().mean())
        share = min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
        chances = [one * min(share / float(one.mean()), 1.1) for one in chances]
    return all(_top_decides(loss, chance, rows) for chance in chances)


def _top_decides(loss: TrueLoss, chance: Tensor, rows: TargetRows | None) -> bool:
    """Return whether it is so where rows are positive with a chance by their place."""
    generator, shape = Generator().manual_seed(0), (_N_SETS, _N_ROWS)
    uniform = partial(torch.rand, shape, generator=generator, dtype=torch.float64)
    y_score = uniform().sort(-1, descending=True).values
    y_true = (uniform() < chance).long()
    if rows is None:
        columns = {name: uniform() for name in loss.columns}
    else:
        columns = rows.columns_beside(y_true, generator=generator)
    before = loss(Sets(y_true, y_score, columns=columns))

    def change(part: slice) -> Tensor:
        """Return how much the loss changes where the rows of a part change places."""
        order = torch.arange(_N_ROWS).repeat(_N_SETS, 1)
        order[:, part] = order[:, part].gather(-1, uniform()[:, part].argsort(-1))
        there = {name: column.gather(-1, order) for name, column in columns.items()}
        after = loss(Sets(y_true.gather(-1, order), y_score, columns=there))
        return (after - before).square().nanmean().sqrt()

    top, rest = slice(0, _N_ROWS // 8), slice(_N_ROWS // 8, None)
    return bool(change(rest) < _LITTLE * change(top))
