"""Where the parts of a fit are trained: here, or wherever a mapper sends them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mapper(Protocol):
    """Applies a function to each of several items, which need nothing of each other."""

    n_at_once: int
    """How many it works on at a time."""

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[Result]:
        """Yield the results in the order of the items, as soon as they are there.

        The function, its items and its results can be pickled. What it raises is raised
        here; nothing goes on elsewhere once the iterator is closed.
        """
