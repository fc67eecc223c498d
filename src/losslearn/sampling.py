"""Sets of rows drawn for training: stratified, and weighed back to prevalence."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor


class SetSampler:
    r"""Draws stratified sets of rows (the sampling distribution P_D of Eq. 1).

    Each set holds a fixed number of positives, drawn with replacement. Where that
    share differs from the prevalence :math:`\pi` of the data, `weight` weighs the
    rows back, so that a metric of the set estimates the metric of the data:

    .. math:: w_+ = \pi \, N / N_+, \qquad w_- = (1 - \pi) \, N / N_-

    Positives come first in a set; nothing downstream depends on the order.

    Attributes:
        y_set: Targets of a drawn set, the same for each, shape `[n]`.
        weight: Weight of each place of a set, mean 1, shape `[n]`.

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
        positives = torch.nonzero(y_true == 1).squeeze(-1)
        negatives = torch.nonzero(y_true == 0).squeeze(-1)
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
        if rows is not None:
            positives, negatives = rows[positives], rows[negatives]
        prevalence = len(positives) / len(y_true)
        share = prevalence if pos_rate is None else pos_rate
        least = min(min_per_class, batch_size // 2)
        n_pos = min(max(round(share * batch_size), least), batch_size - least)
        n_neg = batch_size - n_pos
        self._positives, self._negatives = positives, negatives
        self._n_pos, self._n_neg = n_pos, n_neg
        self._generator = generator
        device = y_true.device
        self.y_set: Integer[Tensor, " n"] = torch.cat(
            [
                torch.ones(n_pos, dtype=torch.long, device=device),
                torch.zeros(n_neg, dtype=torch.long, device=device),
            ]
        )
        self.weight: Float[Tensor, " n"] = torch.ones(batch_size, device=device)
        if prevalence_weights:
            self.weight[:n_pos] = prevalence * batch_size / n_pos
            self.weight[n_pos:] = (1 - prevalence) * batch_size / n_neg

    def draw(self, n_sets: int) -> Integer[Tensor, "n_sets n"]:
        """Return the row numbers of `n_sets` sets."""
        return torch.cat(
            [
                self._pick(self._positives, (n_sets, self._n_pos)),
                self._pick(self._negatives, (n_sets, self._n_neg)),
            ],
            dim=-1,
        )

    def _pick(self, rows: Tensor, shape: tuple[int, int]) -> Tensor:
        place = torch.randint(
            len(rows), shape, generator=self._generator, device=rows.device
        )
        return rows.take(place).long()
