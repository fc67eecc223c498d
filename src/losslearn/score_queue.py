"""The latest rows of a stream of scores, from which sets are drawn."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from losslearn.sampling import SetLayout


class ScoreQueue:
    """A ring of the latest (score, target) rows.

    What a row is, is settled by the first ones that are put in: scores and targets may
    have any further axes. Rows belong to classes, so that stratified sets can be drawn:
    to class 1 where any target is not 0. Rows with a score that is not finite, or too
    large to be squared, take a place, but are never drawn. Nothing here waits for the
    device but `n_per_class` and `rows`.

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
        self._order: _Order | None = None

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
        is_usable = (y_score.abs() < _TOO_LARGE).reshape(n, -1).all(-1)
        is_pos = (y_true != 0).reshape(n, -1).any(-1)
        kinds = torch.where(is_usable, is_pos.long(), _NONE)
        first = min(n, self.capacity - self._at)
        for part, to in ((slice(first), self._at), (slice(first, n), 0)):
            length = len(kinds[part])
            self._score[to : to + length] = y_score[part]
            self._target[to : to + length] = y_true[part]
            self._class[to : to + length] = kinds[part]
        self._at = (self._at + n) % self.capacity
        self._size = min(self._size + n, self.capacity)
        self._order = None

    def n_per_class(self) -> tuple[int, int]:
        """Return how many negative and positive rows can be drawn; waits."""
        if self._class is None:
            return 0, 0
        n_neg, n_pos = self._sorted_by_class().counts.tolist()
        return n_neg, n_pos

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
        order = self._sorted_by_class()
        kinds = layout.y_true
        share = torch.rand(
            (n_sets, len(kinds)),
            generator=generator,
            device=self._score.device,
            dtype=torch.float32,
        )
        # a row of its class each, without waiting for how many there are
        places = order.starts[kinds] + (share * order.counts[kinds]).long()
        return self._score[order.rows[places]]

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
        self._class, self._order = _copy(state["class"]), None

    def to(self, device: torch.device) -> None:
        """Move the rows to a device, in place."""
        for name in ("_score", "_target", "_class"):
            rows = getattr(self, name)
            setattr(self, name, None if rows is None else rows.to(device))
        self._order = None

    def _sorted_by_class(self) -> "_Order":
        """Return row numbers by class, worked out once after each push."""
        assert self._class is not None, "there are rows"
        if self._order is None:
            kinds = torch.arange(_NONE, device=self._class.device)
            counts = (self._class == kinds.unsqueeze(-1)).sum(-1)
            starts = counts.cumsum(-1) - counts
            self._order = _Order(self._class.argsort(stable=True), starts, counts)
        return self._order


class _Order(NamedTuple):
    """Rows sorted by class."""

    rows: Integer[Tensor, " capacity"]
    """Their numbers."""
    starts: Integer[Tensor, " classes"]
    """Where each class begins."""
    counts: Integer[Tensor, " classes"]
    """How many rows each class has."""


_NONE = 2
"""The class of an empty place, and of a row that is never drawn."""
_TOO_LARGE = 1e18
"""A set of such scores has no variance in single precision."""


def _copy(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows.clone()
