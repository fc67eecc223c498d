"""The latest rows of a stream of scores, from which sets are drawn."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from losslearn.metrics import Sets
from losslearn.tasks.strata import draw_stratified, strata_rows
from losslearn.training.sampling import SetLayout

_NONE = -1
"""The stratum of an empty place, and of a row that is never drawn."""
_TOO_LARGE = 1e18
"""A set of such scores has no variance in single precision."""


class _Ring(NamedTuple):
    """What is kept, one place a row."""

    score: Tensor
    target: Tensor
    stratum: Tensor


class ScoreQueue:
    """A ring of the latest (score, target) rows.

    What a row is, is settled by the first ones that are put in: scores and targets may
    have any further axes. Rows belong to strata (as classes), so that stratified sets
    can be drawn. Rows with a score that is not finite, or too large to be squared, take
    a place, but are never drawn.

    Example:
        >>> import torch
        >>> queue, target = ScoreQueue(3), torch.tensor([0, 1, 0, 1])
        >>> queue.push(torch.tensor([0.1, 0.2, 0.3, 0.4]), target, strata=target)
        >>> queue.rows().score.tolist(), queue.counts()
        ([0.2..., 0.3..., 0.4...], [1, 2])
    """

    def __init__(self, capacity: int) -> None:
        """Start empty; `capacity` is the most rows that are kept, at least 2."""
        if capacity < 2:
            raise ValueError(
                f"A queue needs room for at least 2 rows, got {capacity}: "
                "a set holds a row of each stratum, as of each class."
            )
        self.capacity = capacity
        self._at = self._size = 0
        self._ring: _Ring | None = None
        self._by_stratum: list[Tensor] | None = None

    def push(
        self,
        score: Float[Tensor, "n ..."],
        target: Shaped[Tensor, "n ..."],
        *,
        strata: Integer[Tensor, " n"],
    ) -> None:
        """Take rows in; the oldest make room. Scores carry no gradient."""
        most = self.capacity
        score, target, strata = score[-most:], target[-most:], strata[-most:]
        n = len(score)
        if n == 0:
            return
        if self._ring is None:
            self._ring = _Ring(
                score.new_zeros((most, *score.shape[1:])),
                target.new_zeros((most, *target.shape[1:])),
                torch.full((most,), _NONE, device=score.device),
            )
        is_usable = (score.abs() < _TOO_LARGE).reshape(n, -1).all(-1)
        rows = _Ring(score, target, torch.where(is_usable, strata.long(), _NONE))
        n_first = min(n, most - self._at)  # what is past the end goes to the start
        for kept, new in zip(self._ring, rows, strict=True):
            kept[self._at : self._at + n_first] = new[:n_first]
            kept[: n - n_first] = new[n_first:]
        self._at = (self._at + n) % most
        self._size = min(self._size + n, most)
        self._by_stratum = None

    def counts(self) -> list[int]:
        """Return how many rows of each stratum can be drawn; waits."""
        return [len(rows) for rows in self._strata_rows()]

    def rows(self) -> Sets:
        """Return all rows that can be drawn, as one set; waits."""
        if self._ring is None:
            raise ValueError("The queue is empty: nothing has been put in.")
        kept = self._ring.stratum != _NONE
        return Sets(self._ring.target[kept], self._ring.score[kept])

    def draw(self, n: int, layout: SetLayout, *, generator: torch.Generator) -> Sets:
        """Return n stratified sets, drawn with replacement, if all strata are there."""
        assert self._ring is not None, "drawn from once all strata are there"
        rows = self._strata_rows()
        places = draw_stratified(rows, n, layout.sizes, generator=generator)
        score, target, _ = self._ring
        return Sets(target[places], score[places], layout.weight)

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, and where the next ones go."""
        score, target, stratum = self._ring or (None, None, None)
        rows = {"score": score, "target": target, "stratum": stratum}
        return {"at": self._at, "size": self._size, **rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state of `state_dict`, of a queue of the same capacity."""
        score = state["score"]
        if score is not None and len(score) != self.capacity:
            raise ValueError(
                f"The state holds a queue of {len(score)} rows, this one has "
                f"{self.capacity}: make it with the same `queue_size`."
            )
        self._at, self._size = state["at"], state["size"]
        self._ring = self._by_stratum = None
        if score is not None:
            self._ring = _Ring(*(state[name].clone() for name in _Ring._fields))

    def check(self) -> None:
        """Check that it can go on from what was loaded.

        Raises:
            ValueError: If a place is out of range, or the rows do not fit together.
        """
        for name, place in {"at": self._at, "size": self._size}.items():
            if type(place) is not int or not 0 <= place <= self.capacity:
                raise ValueError(f"The state's queue has no {name!r}, but {place!r}.")
        if self._ring is None:
            return
        lengths = {len(rows) for rows in self._ring}
        is_real = self._ring.score.is_floating_point()
        if lengths != {self.capacity} or not is_real or _has_fractions(self._ring):
            raise ValueError("The state's queue holds rows that do not fit together.")

    def to(self, device: torch.device) -> None:
        """Move the rows to a device, in place."""
        if self._ring is not None:
            self._ring = _Ring(*(rows.to(device) for rows in self._ring))
        self._by_stratum = None

    def _strata_rows(self) -> list[Tensor]:
        """Return the numbers of each stratum's rows, once after each push."""
        if self._ring is None:
            return []
        if self._by_stratum is None:
            self._by_stratum = strata_rows(self._ring.stratum)
        return self._by_stratum


def _has_fractions(ring: _Ring) -> bool:
    """Whether the strata are not whole numbers."""
    return ring.stratum.is_floating_point() or ring.stratum.is_complex()
