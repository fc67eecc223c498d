"""The rows of a split, with an amount made of the features beside the real ones."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from losslearn_bench.decisions.rows import Part, Parts, load_whole, split_part
from losslearn_bench.harness.splits import seed_of

MADE = "made_amount"
_HALF = 0.5


def load_parts(name: str, repetition: int, data_dir: Path | None) -> Parts:
    """Return a random split of a data set: 64 % to train on, 16 % and 20 %."""
    return split_part(_with_amount(name, data_dir), name, repetition)


@lru_cache(maxsize=2)
def _with_amount(name: str, data_dir: Path | None) -> Part:
    whole = load_whole(name, data_dir)
    made = made_amount(whole.x, seed=seed_of(name, MADE))
    return whole._replace(table={**whole.table, MADE: made})


def made_amount(x: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    r"""Return an amount of each row that the features tell in part.

    .. math:: \exp(z / 2 + \epsilon / 2)

    with z a random direction of the standardised features, of deviation 1, and
    :math:`\epsilon \sim N(0, 1)`.
    """
    draw = np.random.default_rng(seed)
    spread = x.std(0)
    scaled = (x - x.mean(0)) / np.where(spread > 0, spread, 1.0)
    z = scaled @ draw.normal(size=x.shape[1])
    z = (z - z.mean()) / z.std()
    found: NDArray[np.float64] = np.exp(_HALF * (z + draw.normal(size=len(x))))
    return found
