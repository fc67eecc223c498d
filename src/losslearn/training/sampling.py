"""Sets of rows drawn for training: stratified, and weighed back to prevalence."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor


class SetLayout(NamedTuple):
    r"""How many rows of each class a set holds, and what they weigh.

    Where the share of positives differs from the prevalence :math:`\pi` of the data,
    the weights weigh the rows back, so that a metric of the set estimates the metric of
    the data:

    .. math:: w_+ = \pi \, N / N_+, \qquad w_- = (1 - \pi) \, N / N_-
    """

    n_pos: int
    """Positive rows of a set; they come first."""
    n_neg: int
    """Negative rows of a set."""
    y_true: Integer[Tensor, " n"]
    """Targets of a set."""
    weight: Float[Tensor, " n"]
    """Weight of each place of a set, mean 1."""


def set_layout(
    batch_size: int,
    prevalence: float,
    *,
    pos_rate: float | None = None,
    min_per_class: int = 1,
    prevalence_weights: bool = True,
    device: torch.device | None = None,
) -> SetLayout:
    """Return what a stratified set is made of.

    Args:
        batch_size: N, rows of a set.
        prevalence: Share of positives in the data, in (0, 1).
        pos_rate: Share of positives in a set; None keeps the data's prevalence.
        min_per_class: At least so many rows of each class in a set.
        prevalence_weights: Weigh the rows back to the data's prevalence; without,
            every row weighs 1.
        device: Where the tensors lie.
    """
    share = prevalence if pos_rate is None else pos_rate
    least = min(min_per_class, batch_size // 2)
    n_pos = min(max(round(share * batch_size), least), batch_size - least)
    n_neg = batch_size - n_pos
    y_true = torch.zeros(batch_size, dtype=torch.long, device=device)
    y_true[:n_pos] = 1
    weight = torch.ones(batch_size, device=device, dtype=torch.float32)
    if prevalence_weights:
        weight[:n_pos] = prevalence * batch_size / n_pos
        weight[n_pos:] = (1 - prevalence) * batch_size / n_neg
    return SetLayout(n_pos, n_neg, y_true, weight)


class SetsAhead(NamedTuple):
    """Sets drawn for calls to come."""

    sets: Integer[Tensor, "n_sets n"]
    """Row numbers; never written to."""
    n_given: int
    """How many of them were given out."""


_NUMBERS_AHEAD = 2**17
"""Row numbers that are drawn at once, in a megabyte."""


class SetSampler:
    """Draws stratified sets of rows (the sampling distribution P_D of Eq. 1).

    Each set holds a fixed number of positives, drawn with replacement, by one
    `SetLayout`. Positives come first in a set; nothing downstream depends on the order.

    Attributes:
        y_set: Targets of a drawn set, the same for each, shape `[n]`.
        weight: Weight of each place of a set, mean 1, shape `[n]`.
        ahead: What is given out next; with the generator's state, all that settles
            the draws to come.

    Example:
        >>> import torch
        >>> sampler = SetSampler(torch.tensor([0, 0, 0, 1]), batch_size=4, pos_rate=0.5)
        >>> sampler.weight
        tensor([0.5000, 0.5000, 1.5000, 1.5000])
        >>> sampler.draw(8).shape
        torch.Size([8, 4])
    """

    def __init__(
        self,
        y_true: Integer[Tensor, " rows"],
        *,
        batch_size: int,
        rows: Integer[Tensor, " rows"] | None = None,
        pos_rate: float | None = None,
        min_per_class: int = 1,
        prevalence_weights: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        """Sort the rows by class.

        Args:
            y_true: Targets of all rows, 0 or 1.
            batch_size: N, rows of a set.
            rows: Their numbers in a larger table; None counts them from 0.
            pos_rate: Share of positives in a set; None keeps the data's prevalence.
            min_per_class: At least so many rows of each class in a set.
            prevalence_weights: Weigh the rows back to the data's prevalence;
                without, every row weighs 1.
            generator: Source of the draws, on the device of `y_true`.

        Raises:
            ValueError: If `y_true` holds one class only, or a set has no room for
                both classes.
        """
        positives, negatives = (_numbers(y_true == label, rows) for label in (1, 0))
        if len(positives) == 0 or len(negatives) == 0:
            raise ValueError(
                "`y_true` must hold both classes, got "
                f"{len(positives)} positive and {len(negatives)} negative rows."
            )
        if batch_size < 2:
            raise ValueError(
                f"`batch_size` must be at least 2, got {batch_size}: "
                "a set needs a row of each class."
            )
        self._positives, self._negatives = positives, negatives
        self._generator = generator
        self._layout = set_layout(
            batch_size,
            len(positives) / len(y_true),
            pos_rate=pos_rate,
            min_per_class=min_per_class,
            prevalence_weights=prevalence_weights,
            device=y_true.device,
        )
        self.y_set = self._layout.y_true
        self.weight = self._layout.weight
        self.ahead = SetsAhead(positives.new_empty(0), 0)

    def draw(self, n_sets: int) -> Integer[Tensor, "n_sets n"]:
        """Return the row numbers of `n_sets` sets.

        Sets are drawn ahead, for later calls too: many at once cost hardly more than
        a few.
        """
        sets, n_given = self.ahead
        if n_given + n_sets > len(sets):
            at_once = max(_NUMBERS_AHEAD // len(self.y_set), n_sets)
            sets, n_given = self._draw(at_once), 0
        end = n_given + n_sets
        self.ahead = SetsAhead(sets, end)
        return sets[n_given:end]

    def _draw(self, n_sets: int) -> Integer[Tensor, "n_sets n"]:
        parts = [
            pick_rows(rows, (n_sets, n), generator=self._generator)
            for rows, n in (
                (self._positives, self._layout.n_pos),
                (self._negatives, self._layout.n_neg),
            )
        ]
        return torch.cat(parts, dim=-1)


def _numbers(
    is_taken: Bool[Tensor, " rows"], rows: Integer[Tensor, " rows"] | None
) -> Integer[Tensor, " taken"]:
    """Return the numbers of some rows; None counts all from 0."""
    if rows is None:
        return torch.nonzero(is_taken).squeeze(-1)
    if rows.device.type == "cpu":
        # PyTorch would hold 8 bytes a row besides, and rows may be many
        return torch.from_numpy(rows.numpy()[is_taken.numpy()])
    return rows[is_taken]


def pick_rows(
    rows: Integer[Tensor, " some"],
    shape: tuple[int, int],
    *,
    generator: torch.Generator | None,
) -> Integer[Tensor, "n_sets n"]:
    """Return row numbers drawn with replacement from `rows`.

    Args:
        rows: Where they are drawn from, at least one.
        shape: Of what is drawn.
        generator: Source of the draws, on the device of `rows`.
    """
    place = torch.randint(len(rows), shape, generator=generator, device=rows.device)
    return rows.take(place).long()
