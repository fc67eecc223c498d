"""The latest rows of a stream of scores, from which sets are drawn."""

from typing import Any

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.training.sampling import SetLayout, draw_stratified


class ScoreQueue:
    """A ring of the latest (score, target) rows.

    What a row is, is settled by the first ones that are put in: scores and targets may
    have any further axes. Rows belong to strata (as classes), so that stratified sets
    can be drawn. Rows with a score that is not finite, or too large to be squared, take
    a place, but are never drawn.

    Attributes:
        capacity: Most rows kept.

    Example:
        >>> import torch
        >>> queue, target = ScoreQueue(3), torch.tensor([0, 1, 0, 1])
        >>> queue.push(torch.tensor([0.1, 0.2, 0.3, 0.4]), target, strata=target)
        >>> queue.rows().score.tolist(), queue.counts()
        ([0.2..., 0.3..., 0.4...], [1, 2])
    """

    def __init__(self, capacity: int) -> None:
        """Start empty.

        Raises:
            ValueError: If `capacity` is below 2.
        """
        if capacity < 2:
            raise ValueError(
                f"A queue needs room for at least 2 rows, got {capacity}: "
                "a set holds a row of each stratum, as of each class."
            )
        self.capacity = capacity
        self._at = self._size = 0
        self._score: Tensor | None = None
        self._target: Tensor | None = None
        self._stratum: Tensor | None = None
        self._by_stratum: list[Tensor] | None = None

    def __len__(self) -> int:
        """Return the rows that are kept."""
        return self._size

    def push(
        self,
        score: Float[Tensor, "n ..."],
        target: Shaped[Tensor, "n ..."],
        *,
        strata: Integer[Tensor, " n"],
    ) -> None:
        """Take rows in; the oldest make room.

        Args:
            score: Without gradient.
            target: Of each row.
            strata: Code of each row, from 0.
        """
        most = self.capacity
        score, target, strata = score[-most:], target[-most:], strata[-most:]
        n = len(score)
        if n == 0:
            return
        if self._score is None or self._target is None or self._stratum is None:
            self._score = score.new_zeros((most, *score.shape[1:]))
            self._target = target.new_zeros((most, *target.shape[1:]))
            self._stratum = torch.full((most,), _NONE, device=score.device)
        is_usable = (score.abs() < _TOO_LARGE).reshape(n, -1).all(-1)
        for kept, new in (
            (self._score, score),
            (self._target, target),
            (self._stratum, torch.where(is_usable, strata.long(), _NONE)),
        ):
            self._write(kept, new)
        self._at = (self._at + n) % most
        self._size = min(self._size + n, most)
        self._by_stratum = None

    def counts(self) -> list[int]:
        """Return how many rows of each stratum can be drawn; waits."""
        return [len(rows) for rows in self._strata_rows()]

    def rows(self) -> Sets:
        """Return all rows that can be drawn, as one set; waits.

        Raises:
            ValueError: If the queue is empty.
        """
        if self._score is None or self._target is None or self._stratum is None:
            raise ValueError("The queue is empty: nothing has been put in.")
        kept = self._stratum != _NONE
        return Sets(self._target[kept], self._score[kept])

    def draw(
        self, n_sets: int, layout: SetLayout, *, generator: torch.Generator
    ) -> Sets:
        """Return stratified sets, drawn with replacement.

        Args:
            n_sets: How many.
            layout: Of each set; all strata must be there.
            generator: Source of the draws, on the queue's device.
        """
        assert self._score is not None, "drawn from once all strata are there"
        assert self._target is not None, "as above"
        rows = self._strata_rows()
        places = draw_stratified(rows, n_sets, layout, generator=generator)
        return Sets(self._target[places], self._score[places], layout.weight)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, and where the next ones go."""
        return {
            "at": self._at,
            "size": self._size,
            "score": self._score,
            "target": self._target,
            "stratum": self._stratum,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`.

        Raises:
            ValueError: If the state is of a queue of another capacity.
        """
        score = state["score"]
        if score is not None and len(score) != self.capacity:
            raise ValueError(
                f"The state holds a queue of {len(score)} rows, this one has "
                f"{self.capacity}: make it with the same `queue_size`."
            )
        self._at, self._size = state["at"], state["size"]
        self._score, self._target = _copy(score), _copy(state["target"])
        self._stratum, self._by_stratum = _copy(state["stratum"]), None

    def to(self, device: torch.device) -> None:
        """Move the rows to a device, in place."""
        for name in ("_score", "_target", "_stratum"):
            rows = getattr(self, name)
            setattr(self, name, None if rows is None else rows.to(device))
        self._by_stratum = None

    def _write(self, kept: Tensor, new: Tensor) -> None:
        """Write rows where the next ones go; what is past the end, from the start."""
        end = self._at + len(new)
        if end <= self.capacity:
            kept[self._at : end] = new
            return
        n_first = self.capacity - self._at
        kept[self._at :], kept[: end - self.capacity] = new[:n_first], new[n_first:]

    def _strata_rows(self) -> list[Tensor]:
        """Return the numbers of each stratum's rows, once after each push."""
        if self._stratum is None:
            return []
        if self._by_stratum is None:
            n_strata = int(self._stratum.max()) + 1
            self._by_stratum = [
                torch.nonzero(self._stratum == code).squeeze(-1)
                for code in range(n_strata)
            ]
        return self._by_stratum


_NONE = -1
"""The stratum of an empty place, and of a row that is never drawn."""
_TOO_LARGE = 1e18
"""A set of such scores has no variance in single precision."""


def _copy(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows.clone()
