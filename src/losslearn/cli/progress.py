"""Live progress of a fit: one bar a method, on stderr."""

import math
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
)

from losslearn.report.methods import method_name
from losslearn.training.comparison import LEARNED
from losslearn.training.loop import Record
from losslearn.training.recipe import Recipe

_SURROGATE_TURN = 3.0
"""Guess of how much dearer than a turn of the usual loss, until it has been seen."""


class FitDisplay:
    """Shows where a fit stands; a context manager.

    `watch` and `fit_progress` are what `SurrogateClassifier` asks for. Nothing is
    written where stderr is not a terminal.
    """

    def __init__(
        self, console: Console, config: Recipe, *, max_time: float | None = None
    ) -> None:
        """Make the bars for a fit with these settings.

        Args:
            console: Writes to stderr.
            config: Settings of the fit.
            max_time: Seconds it may take, which may lower `max_iter`.
        """
        self._config, self._max_time = config, max_time
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_interactive,
        )
        self._stage: TaskID | None = None
        self._bars: dict[str, TaskID] = {}
        self._best: dict[str, float] = {}
        self._latest: dict[str, Record] = {}
        self._max_iter = config.max_iter

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bars as they stand."""
        self._end_stage()
        self._progress.stop()

    def stage(self, name: str) -> None:
        """Show what is being done before the training starts."""
        self._end_stage()
        self._stage = self._progress.add_task(name, total=None, note="")

    def _end_stage(self) -> None:
        if self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None

    def fit_progress(self, step: int, n_steps: int, error: float) -> None:
        """Show how far a universal surrogate is that is fitted first."""
        if "universal" not in self._bars:
            self._end_stage()
            self._bars["universal"] = self._progress.add_task(
                "universal surrogate", total=n_steps, note=""
            )
        self._progress.update(
            self._bars["universal"],
            completed=step,
            total=n_steps,
            note=f"surrogate error {format_loss(error)}",
        )

    def watch(self, record: Record) -> None:
        """Show a look at the validation rows."""
        method = record.method
        if method not in self._bars:
            self._start_bar(record)
        self._max_iter = max(self._max_iter, record.iteration)
        self._latest[method] = record
        best = min(record.validation_loss, self._best.get(method, math.inf))
        self._best[method] = best
        self._progress.update(
            self._bars[method],
            completed=record.iteration,
            total=self._max_iter,
            note=(
                f"validation loss {format_loss(record.validation_loss)}, "
                f"best {format_loss(best)}{_cosine(record)}{self._time_left()}"
            ),
        )
        for name in self._latest:  # the other bar may have to learn the new total
            self._progress.update(self._bars[name], total=self._max_iter)

    def _start_bar(self, record: Record) -> None:
        self._end_stage()
        if self._max_time is not None:
            self._max_iter = min(self._guess_max_iter(record), self._config.max_iter)
        self._bars[record.method] = self._progress.add_task(
            method_name(record.method), total=self._max_iter, note=""
        )

    def _guess_max_iter(self, record: Record) -> int:
        """Return how many iterations there is time for, as the looks show it."""
        control = self._control
        if control is not None and self._config.warm_up > 0:
            return round(control.iteration / self._config.warm_up)  # it just ended
        return record.iteration * self._config.n_evals  # looks are evenly spaced

    @property
    def _control(self) -> Record | None:
        """The latest look of the method beside the learned one."""
        latest = [look for name, look in self._latest.items() if name != LEARNED]
        return latest[0] if latest else None

    def _time_left(self) -> str:
        """Return the time until both methods are through, by their speed so far."""
        control, ours = self._control, self._latest.get(LEARNED)
        shared = self._config.warm_up * self._max_iter
        left = 0.0
        if control is not None:
            turn = control.seconds / control.iteration
            left += turn * (self._max_iter - control.iteration)
            if ours is None:
                left += _SURROGATE_TURN * turn * (self._max_iter - shared)
            else:
                own = ours.seconds - turn * shared
                turn = max(own, 0.0) / max(ours.iteration - shared, 1)
                left += turn * (self._max_iter - ours.iteration)
        elif ours is not None:
            turn = ours.seconds / ours.iteration
            left = turn * (2 * self._max_iter - ours.iteration)
        return f", {_clock(left)} left" if left > 0 else ""


def _cosine(record: Record) -> str:
    cosine = record.health.cosine
    return "" if math.isnan(cosine) else f", gradient cosine {cosine:.2f}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


def format_loss(value: float | None) -> str:
    """Return a loss with four decimals, or digits where its size asks for it."""
    if value is None or math.isnan(value):
        return "-"
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.5g}"
