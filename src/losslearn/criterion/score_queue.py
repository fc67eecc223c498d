"""The latest rows of a stream of scores, from which sets are drawn."""

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from losslearn.training.sampling import SetLayout, pick_rows


class ScoreQueue:
    """A ring of the latest (score, target) rows.

    What a row is, is settled by the first ones that are put in: scores and targets may
    have any further axes. Rows belong to classes, so that stratified sets can be drawn:
    to class 1 where any target is not 0. Rows with a score that is not finite, or too
    large to be squared, take a place, but are never drawn.

    Attributes:
        capacity: Most rows kept.

    Example:
        >>> import torch
        >>> queue = ScoreQueue(3)
        >>> queue.push(torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0, 1, 0, 1]))
        >>> queue.rows()[0].tolist(), queue.n_per_class()
        ([0.2..., 0.3..., 0.4...], (1, 2))
    """

    def __init__(self, capacity: int) -> None:
        """Start empty.

        Raises:
            ValueError: If `capacity` is below 2: a set needs a row of each class.
        """
        if capacity < 2:
            raise ValueError(
                f"A queue needs room for at least 2 rows, got {capacity}: "
                "a set holds a row of each class."
            )
        self.capacity = capacity
        self._at = self._size = 0
        self._score: Tensor | None = None
        self._target: Tensor | None = None
        self._class: Tensor | None = None
        self._by_class: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return the rows that are kept."""
        return self._size

    def push(
        self, y_score: Float[Tensor, "n ..."], y_true: Shaped[Tensor, "n ..."]
    ) -> None:
        """Take rows in; the oldest make room.

        Args:
            y_score: Scores, without gradient.
            y_true: Targets, 0 or 1.
        """
        if len(y_score) > self.capacity:
            y_score, y_true = y_score[-self.capacity :], y_true[-self.capacity :]
        n = len(y_score)
        if n == 0:
            return
        if self._score is None or self._target is None or self._class is None:
            shape = (self.capacity, *y_score.shape[1:])
            self._score = y_score.new_zeros(shape)
            self._target = y_true.new_zeros((self.capacity, *y_true.shape[1:]))
            self._class = torch.full(
                (self.capacity,), _NONE, dtype=torch.long, device=y_score.device
            )
        is_usable, is_pos = y_score.abs() < _TOO_LARGE, y_true != 0
        if is_usable.ndim > 1:
            is_usable = is_usable.reshape(n, -1).all(-1)
        if is_pos.ndim > 1:
            is_pos = is_pos.reshape(n, -1).any(-1)
        kinds = torch.where(is_usable, is_pos.long(), _NONE)
        for kept, new in (
            (self._score, y_score),
            (self._target, y_true),
            (self._class, kinds),
        ):
            self._write(kept, new)
        self._at = (self._at + n) % self.capacity
        self._size = min(self._size + n, self.capacity)
        self._by_class = None

    def n_per_class(self) -> tuple[int, int]:
        """Return how many negative and positive rows can be drawn; waits."""
        if self._class is None:
            return 0, 0
        negatives, positives = self._rows_by_class()
        return len(negatives), len(positives)

    def rows(self) -> tuple[Tensor, Tensor]:
        """Return scores and targets of all rows that can be drawn; waits.

        Raises:
            ValueError: If the queue is empty.
        """
        if self._score is None or self._target is None or self._class is None:
            raise ValueError("The queue is empty: nothing has been put in.")
        kept = self._class < _NONE
        return self._score[kept], self._target[kept]

    def draw(
        self, n_sets: int, layout: SetLayout, *, generator: torch.Generator
    ) -> Float[Tensor, "n_sets n ..."]:
        """Return scores of stratified sets, drawn with replacement.

        Args:
            n_sets: How many.
            layout: Of each set; positives come first. Both classes must be there.
            generator: Source of the draws, on the queue's device.
        """
        assert self._score is not None, "drawn from once both classes are there"
        negatives, positives = self._rows_by_class()
        places = [
            pick_rows(rows, (n_sets, n), generator=generator)
            for rows, n in ((positives, layout.n_pos), (negatives, layout.n_neg))
        ]
        return self._score[torch.cat(places, dim=-1)]

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, and where the next ones go."""
        return {
            "at": self._at,
            "size": self._size,
            "score": self._score,
            "target": self._target,
            "class": self._class,
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
        self._class, self._by_class = _copy(state["class"]), None

    def to(self, device: torch.device) -> None:
        """Move the rows to a device, in place."""
        for name in ("_score", "_target", "_class"):
            rows = getattr(self, name)
            setattr(self, name, None if rows is None else rows.to(device))
        self._by_class = None

    def _write(self, kept: Tensor, new: Tensor) -> None:
        """Write rows where the next ones go; what is past the end, from the start."""
        end = self._at + len(new)
        if end <= self.capacity:
            kept[self._at : end] = new
            return
        n_first = self.capacity - self._at
        kept[self._at :], kept[: end - self.capacity] = new[:n_first], new[n_first:]

    def _rows_by_class(self) -> tuple[Tensor, Tensor]:
        """Return the negative and the positive rows' numbers, once after each push."""
        assert self._class is not None, "there are rows"
        if self._by_class is None:
            negatives, positives = (
                torch.nonzero(self._class == kind).squeeze(-1) for kind in (0, 1)
            )
            self._by_class = negatives, positives
        return self._by_class


_NONE = 2
"""The class of an empty place, and of a row that is never drawn."""
_TOO_LARGE = 1e18
"""A set of such scores has no variance in single precision."""


def _copy(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows.clone()
