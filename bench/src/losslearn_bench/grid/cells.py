"""Cells of a grid, and the jobs that fill them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from losslearn.metrics import get_true_loss
from losslearn_bench.checks import check_at_least
from losslearn_bench.grid.methods import get_method
from losslearn_bench.harness.budget import Budget


class Cell(NamedTuple):
    """One number of a table: a method's loss on one split of one data set."""

    dataset: str
    tier: str
    method: str
    metric: str
    repetition: int

    def __str__(self) -> str:
        """Return the axes in one line."""
        return " ".join(map(str, self))


Selection = frozenset[tuple[str, str, str]]
"""Tiers, methods and metrics."""


@dataclass(frozen=True)
class Job:
    """Cells that one call of a method fills."""

    group: tuple[object, ...]
    """What is trained: jobs of one group and budget must not run at the same time."""
    cells: tuple[Cell, ...]
    budget: Budget

    @property
    def name(self) -> str:
        """What a progress line calls it."""
        dataset, tier, method, _, repetition = self.cells[0]
        metrics = " ".join(cell.metric for cell in self.cells)
        return f"{dataset} {tier} {method} {metrics} #{repetition}"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Data sets x tiers x methods x metrics x repetitions, and the budget of each.

    Example:
        >>> grid = Grid(
        ...     datasets=("a9a",),
        ...     tiers=("linear",),
        ...     methods=("sl_r", "pairwise_hinge"),
        ...     metrics=("f1", "auc"),
        ...     repetitions=1,
        ...     budget=Budget(),
        ... )
        >>> [str(cell) for cell in grid.cells()]
        ['a9a linear sl_r f1_loss 0', 'a9a linear sl_r roc_auc_loss 0',
         'a9a linear pairwise_hinge roc_auc_loss 0']
    """

    datasets: tuple[str, ...]
    tiers: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    repetitions: int
    budget: Budget
    first_repetition: int = 0
    """Number of the first of the repetitions; splits go by it."""
    only: Selection | None = None
    """What to run; None runs all that a method is meant for."""

    def __post_init__(self) -> None:
        """Check that something can be run."""
        for method in self.methods:
            get_method(method)
        names = tuple(get_true_loss(metric).name for metric in self.metrics)
        object.__setattr__(self, "metrics", names)
        check_at_least(1, "repetitions", self.repetitions)

    def cells(self) -> list[Cell]:
        """Return every cell, those of one data set and repetition together."""
        first = self.first_repetition
        return [
            Cell(dataset, tier, method, metric, repetition)
            for repetition in range(first, first + self.repetitions)
            for dataset in self.datasets
            for tier in self.tiers
            for method in self.methods
            for metric in self.metrics
            if self._has(tier, method, metric)
        ]

    def _has(self, tier: str, method: str, metric: str) -> bool:
        found = get_method(method)
        asked = self.only is None or (tier, method, metric) in self.only
        meant = found.metrics is None or metric in found.metrics
        return asked and meant and tier in found.tiers


def make_jobs(cells: Iterable[Cell], budget: Budget) -> list[Job]:
    """Return the jobs for some cells: one per training, in the order of the cells."""
    groups: defaultdict[tuple[Any, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        metric = None if get_method(cell.method).trains_once else cell.metric
        key = (cell.dataset, cell.tier, cell.method, cell.repetition, metric)
        groups[key].append(cell)
    return [Job(group, tuple(members), budget) for group, members in groups.items()]
