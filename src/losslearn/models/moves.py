"""Scores at parameters that are moved to and fro: how a model's scores can change."""

import math
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

_PROBE = 1e-3
"""Length of the moves that tell how far scores go, in lengths of the parameters."""
_N_PROBES = 4
_LEAST = 1e-5
"""Deviation that a probe must bring to the scores, in theirs: less is rounding, as
where nothing but an offset can be moved."""

Score = Callable[[int], Tensor]
"""Scores some rows by the parameters as they are; which ones, a move's number says."""


class ParameterMoves:
    r"""Random moves of parameters that are put back, to the bit, afterwards.

    A move is :math:`\sigma u` with :math:`u \sim N(0, I)`. One deviation serves all
    moves of a call, so that the changes of two losses along them have the cosine of
    their gradients in the parameters (see `GradientHealth`). Parameters that are
    frozen stay.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model, x = nn.Linear(3, 1), torch.randn(1, 50, 3)
        >>> moves = ParameterMoves(model.parameters(), torch.Generator())
        >>> there, back = moves.scores(lambda place: model(x[place]), 1, strength=0.1)
        >>> (there - back).shape
        torch.Size([1, 50, 1])
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], generator: torch.Generator
    ) -> None:
        """Take the parameters where they are, and the source of moves."""
        self._parameters = [one for one in parameters if one.requires_grad]
        self._generator = generator

    @torch.no_grad()
    def scores(
        self, score: Score, n_moves: int, *, strength: float
    ) -> Float[Tensor, "2 moves ..."]:
        """Return scores there and back, after each of some moves.

        Args:
            score: What is asked there and back.
            n_moves: How many directions are drawn.
            strength: Deviation that a move brings to the scores, on average (root mean
                square) and in deviations of those that belong to the first move.
        """
        kept = [one.clone() for one in self._parameters]
        pairs = []
        try:
            size = self._size(score, kept, strength)
            for place in range(n_moves):
                along = self._along()
                pair = []
                for step in (size, -size):
                    self._go(kept, along, step)
                    pair.append(score(place))
                pairs.append(torch.stack(pair))
        finally:
            for one, at in zip(self._parameters, kept, strict=True):
                one.copy_(at)
        return torch.stack(pairs, 1)

    def _size(self, score: Score, kept: list[Tensor], strength: float) -> float:
        """Return the moves' deviation, from the first rows' scores at a few of them."""
        here = score(0)
        squares = sum(float(at.double().square().sum()) for at in kept)
        n = max(sum(at.numel() for at in kept), 1)
        probe = _PROBE * (math.sqrt(squares / n) or 1.0)
        variance = 0.0
        for _ in range(_N_PROBES):
            self._go(kept, self._along(), probe)
            variance += float((score(0) - here).double().var()) / _N_PROBES
        spread, reach = float(here.double().std()), math.sqrt(variance)
        return strength * spread * probe / reach if reach > _LEAST * spread else 0.0

    def _along(self) -> list[Tensor]:
        """Draw a direction."""
        return [
            torch.empty_like(one).normal_(generator=self._generator)
            for one in self._parameters
        ]

    def _go(self, kept: list[Tensor], along: list[Tensor], step: float) -> None:
        """Set the parameters a step from where they were kept."""
        moved = zip(self._parameters, kept, along, strict=True)
        for one, at, direction in moved:
            one.copy_(at).add_(direction, alpha=step)
