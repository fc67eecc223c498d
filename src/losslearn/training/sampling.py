"""Sets of rows drawn for training (the sampling distribution P_D of Eq. 1)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from losslearn.models.rows import Drawn
from losslearn.tasks.strata import draw_stratified, strata_rows


class SetLayout(NamedTuple):
    r"""How many rows of each stratum (as of a class) a set holds, and what they weigh.

    Where the share of a stratum in a set differs from its share :math:`\pi_k` of the
    data, the weights weigh the rows back, so that a metric of the set estimates the
    metric of the data:

    .. math:: w_k = \pi_k \, N / N_k
    """

    sizes: tuple[int, ...]
    """Rows of each stratum, by its code; those of the highest code come first in a set,
    which nothing depends on."""
    weight: Float[Tensor, " n"]
    """Weight of each place of a set, mean 1."""


def set_layout(
    batch_size: int,
    shares: Sequence[float],
    *,
    strata_shares: Sequence[float] | None = None,
    min_per_stratum: int = 1,
    weigh_back: bool = True,
    device: torch.device | None = None,
) -> SetLayout:
    """Return what a stratified set is made of.

    Args:
        batch_size: N, rows of a set.
        shares: Of each stratum in the data, by its code; sum 1.
        strata_shares: Of each stratum in a set; None keeps those of the data.
        min_per_stratum: At least so many rows of each stratum in a set.
        weigh_back: Weigh rows back to the data's shares; else every row weighs 1.
        device: Where the weights lie.
    """
    least = min(min_per_stratum, batch_size // len(shares))
    wanted = shares if strata_shares is None else strata_shares
    left, sizes = batch_size, []
    for code in range(len(shares) - 1, 0, -1):  # what is left is the first one's
        most = left - least * code
        sizes.append(min(max(round(wanted[code] * batch_size), least), most))
        left -= sizes[-1]
    sizes.append(left)
    weight = torch.ones(batch_size, device=device, dtype=torch.float32)
    if weigh_back:
        parts = weight.split(sizes)
        for part, size, share in zip(parts, sizes, reversed(shares), strict=True):
            part.fill_(share * batch_size / max(size, 1))
    return SetLayout(tuple(reversed(sizes)), weight)


def shares_of(counts: Sequence[int]) -> list[float]:
    """Return each stratum's share of all rows."""
    others = [count / sum(counts) for count in counts[1:]]
    return [1.0 - sum(others), *others]


class SetsAhead(NamedTuple):
    """Sets drawn for calls to come."""

    sets: Integer[Tensor, "n_sets n"]
    """Row numbers; never written to."""
    n_given: int
    """How many of them were given out."""


_NUMBERS_AHEAD = 2**17
"""Row numbers that are drawn at once, in a megabyte."""


class SetSampler:
    """Draws stratified sets of rows, each by one `SetLayout`.

    Attributes:
        weight: Weight of each place of a set, mean 1, shape `[n]`.
        ahead: What is given out next; with the generator's state, all that settles
            the draws to come.

    Example:
        >>> import torch
        >>> strata = torch.tensor([0, 0, 0, 1])
        >>> sampler = SetSampler(strata, batch_size=4, strata_shares=(0.5, 0.5))
        >>> sampler.weight
        tensor([0.5000, 0.5000, 1.5000, 1.5000])
        >>> sampler.draw(8).rows.shape
        torch.Size([8, 4])
    """

    def __init__(
        self,
        strata: Integer[Tensor, " rows"],
        *,
        batch_size: int,
        numbers: Integer[Tensor, " rows"] | None = None,
        n_strata: int = 1,
        strata_shares: Sequence[float] | None = None,
        min_per_stratum: int = 1,
        weigh_back: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        """Sort the rows by stratum; arguments as of `strata_rows` and `set_layout`.

        There must be `n_strata` at least; the generator is on the device of `strata`.

        Raises:
            ValueError: If a stratum holds no row, or a set has no room for all.
        """
        self._rows = strata_rows(strata, numbers=numbers)
        counts = [len(rows) for rows in self._rows]
        n_strata = max(len(counts), n_strata, len(strata_shares or ()))
        if n_strata > len(counts) or not all(counts):
            raise ValueError(
                f"Each of {n_strata} strata (as classes) needs a row to be drawn from, "
                f"got {counts} rows."
            )
        if batch_size < max(n_strata, 2):
            raise ValueError(
                f"`batch_size` must be at least {max(n_strata, 2)}, got {batch_size}: "
                "a set needs a row of each stratum."
            )
        self._generator = generator
        self._layout = set_layout(
            batch_size,
            shares_of(counts),
            strata_shares=strata_shares,
            min_per_stratum=min_per_stratum,
            weigh_back=weigh_back,
            device=strata.device,
        )
        self.weight = self._layout.weight
        self.ahead = SetsAhead(self._rows[0].new_empty(0), 0)

    def draw(self, n_sets: int) -> Drawn:
        """Return `n_sets` sets, of many drawn at once, which costs hardly more."""
        sets, n_given = self.ahead
        if n_given + n_sets > len(sets):
            at_once = max(_NUMBERS_AHEAD // len(self.weight), n_sets)
            rows, sizes, n_given = self._rows, self._layout.sizes, 0
            sets = draw_stratified(rows, at_once, sizes, generator=self._generator)
        end = n_given + n_sets
        self.ahead = SetsAhead(sets, end)
        return Drawn(sets[n_given:end], self.weight)


class UnitSampler:
    """Draws sets that are whole units of rows, as a query's; the rest weighs 0.

    Example:
        >>> sampler = UnitSampler(torch.tensor([0, 1, 1, 1]))
        >>> sampler.draw(5).rows.shape
        torch.Size([5, 3])
    """

    def __init__(
        self,
        units: Integer[Tensor, " rows"],
        *,
        numbers: Integer[Tensor, " rows"] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Sort the rows by the unit of each; `numbers` as of `strata_rows`."""
        order = units.argsort(stable=True)
        _, self._lengths = torch.unique(units, return_counts=True)
        self._starts = self._lengths.cumsum(0) - self._lengths
        self._rows = order if numbers is None else numbers[order].long()
        self._generator = generator
        self.ahead = SetsAhead(order.new_empty(0), 0)  # nothing ever is

    def draw(self, n_sets: int) -> Drawn:
        """Return `n_sets` units, drawn with replacement, as long as the longest."""
        device = self._lengths.device
        units = torch.randint(
            len(self._lengths), (n_sets, 1), generator=self._generator, device=device
        )
        place = torch.arange(int(self._lengths.max()), device=device)
        is_there = place < self._lengths[units]
        rows = self._rows[self._starts[units] + torch.where(is_there, place, 0)]
        return Drawn(rows, is_there.to(torch.float32))


Sampler = SetSampler | UnitSampler
