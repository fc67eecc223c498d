"""Rows by their strata: found, drawn, and dealt into folds."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Integer
from numpy.typing import NDArray
from torch import Tensor


def strata_rows(
    strata: Integer[Tensor, " rows"], *, numbers: Integer[Tensor, " rows"] | None = None
) -> list[Tensor]:
    """Return the numbers of the rows of each stratum, by its code, from 0.

    Rows of a larger table have `numbers` there; else they are counted from 0.
    """

    def numbered(is_taken: Bool[Tensor, " rows"]) -> Integer[Tensor, " taken"]:
        if numbers is None:
            return torch.nonzero(is_taken).squeeze(-1)
        if numbers.device.type == "cpu":
            # PyTorch would hold 8 bytes a row besides, and rows may be many
            return torch.from_numpy(numbers.numpy()[is_taken.numpy()])
        return numbers[is_taken]

    n_strata = int(strata.max()) + 1 if len(strata) else 0
    return [numbered(strata == code) for code in range(n_strata)]


def draw_stratified(
    by_stratum: Sequence[Tensor],
    n_sets: int,
    sizes: Sequence[int],
    *,
    generator: torch.Generator | None,
) -> Integer[Tensor, "n_sets n"]:
    """Return the row numbers of stratified sets, drawn with replacement.

    Each stratum's rows give as many as `SetLayout.sizes` says, and none is empty.
    """
    parts = []
    for rows, size in zip(reversed(by_stratum), reversed(sizes), strict=True):
        places = torch.randint(
            len(rows), (n_sets, size), generator=generator, device=rows.device
        )
        parts.append(rows.take(places).long())
    return torch.cat(parts, dim=-1)


def deal_into_folds(
    strata: NDArray[np.integer], n_folds: int, *, seed: int
) -> NDArray[np.intp]:
    """Return a fold for each row, from 0; each stratum's rows are dealt in turn."""
    fold, draw = np.zeros(len(strata), np.intp), np.random.default_rng(seed)
    for code in np.unique(strata):
        rows = draw.permutation(np.flatnonzero(strata == code))
        fold[rows] = np.arange(len(rows)) % n_folds
    return fold
