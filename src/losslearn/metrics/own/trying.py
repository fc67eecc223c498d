"""What is found of a loss by trying it on generated sets."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from losslearn.metrics.own.black_box import BlackBox, MetricError
from losslearn.metrics.sets import Sets
from losslearn.metrics.true_loss import TrueLoss

_N_SETS, _N_ROWS = 8, 512
_LITTLE = 0.1
"""Below this share of what the highest scores do, the others do not count."""


def tried(loss: TrueLoss, box: BlackBox) -> TrueLoss:
    """Return a user's loss with what a few generated sets tell of it."""
    box.place = " on generated rows"
    if loss.columns:
        box.place += f" with {', '.join(loss.columns)} between 0 and 1"
    generator = torch.Generator().manual_seed(0)
    y_true = torch.zeros(3, 64, dtype=torch.long)
    for row, n_pos in enumerate((32, 12, 4)):
        y_true[row, torch.randperm(64, generator=generator)[:n_pos]] = 1
    y_score = torch.randn(3, 64, generator=generator, dtype=torch.float64) + y_true
    uniform = partial(torch.rand, generator=generator, dtype=torch.float64)
    columns = {name: uniform(3, 64) for name in loss.columns}
    sets = Sets(y_true, y_score, columns=columns)
    judge = loss.with_threshold(0.0) if loss.needs_threshold else loss
    value = judge(sets)
    same = partial(torch.allclose, value, rtol=1e-5, atol=1e-9)
    if box.batched:
        alone = torch.cat([judge(sets.picked(slice(i, i + 1))) for i in range(3)])
        if not same(alone):
            raise MetricError(
                f"`{loss.name}` is declared batched, but gives sets other "
                f"values together ({value.tolist()}) than alone ({alone.tolist()}): it "
                "must reduce over the last axis only."
            )
    if loss.takes_weight:
        judge(sets._replace(weight=uniform(64) + 0.5))
    if loss.needs_threshold:
        invariant = True  # the best threshold moves along with the scores
        loss(sets.picked(slice(1)))
    else:
        shifted = (y_score * 0.3 + 1.5, y_score * 2.0 - 2.0)
        others = [loss(sets._replace(score=score)) for score in shifted]
        invariant = all(map(same, others))
        loss = replace(loss, is_top_heavy=is_top_heavy(loss))
    box.place, box.n_calls = "", 0
    return replace(loss, scale_invariant=invariant)


def is_top_heavy(loss: TrueLoss) -> bool:
    """Return whether exchanging rows below the highest scores leaves a loss alone.

    Rows change places within the highest eighth of a set's scores, and within the rest;
    in sets of poor scores, and of good ones, where a recall at a precision, say,
    depends on what is further down.
    """
    place = torch.linspace(0, 1, _N_ROWS, dtype=torch.float64)  # the highest score is 0
    poor, good = 0.7 - 0.6 * place, torch.where(place < 0.5, 0.9, 0.05)
    return all(_top_decides(loss, chance) for chance in (poor, good))


def _top_decides(loss: TrueLoss, chance: Tensor) -> bool:
    """Return whether it is so where rows are positive with a chance by their place."""
    generator, shape = torch.Generator().manual_seed(0), (_N_SETS, _N_ROWS)
    uniform = partial(torch.rand, shape, generator=generator, dtype=torch.float64)
    y_score = uniform().sort(-1, descending=True).values
    y_true = (uniform() < chance).long()
    columns = {name: uniform() for name in loss.columns}
    before = loss(Sets(y_true, y_score, columns=columns))

    def change(part: slice) -> Tensor:
        """Return how much the loss changes where the rows of a part change places."""
        order = torch.arange(_N_ROWS).repeat(_N_SETS, 1)
        order[:, part] = order[:, part].gather(-1, uniform()[:, part].argsort(-1))
        there = {name: column.gather(-1, order) for name, column in columns.items()}
        after = loss(Sets(y_true.gather(-1, order), y_score, columns=there))
        return (after - before).square().mean().sqrt()

    top, rest = slice(0, _N_ROWS // 8), slice(_N_ROWS // 8, None)
    return bool(change(rest) < _LITTLE * change(top))
