"""Live progress of a fit: one bar a method, on stderr."""

import math

from rich import progress
from rich.console import Console

from losslearn.metrics.as_written import AsWritten
from losslearn.report.verdict import method_name
from losslearn.training.branches import LEARNED
from losslearn.training.loop import Record
from losslearn.training.recipe import Recipe

_SURROGATE_TURN = 3.0
"""Guess of how much dearer than a turn of the usual loss, until it has been seen."""


class FitDisplay(progress.Progress):
    """Shows where a fit stands; a context manager, which `fit_table` reports to.

    Nothing is written where the console is no terminal.
    """

    def __init__(self, console: Console, recipe: Recipe) -> None:
        """Make the bars."""
        super().__init__(
            progress.SpinnerColumn(finished_text=" "),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_interactive,
        )
        self._recipe, self._max_iter = recipe, recipe.max_iter
        self._stage: progress.TaskID | None = None
        self._bars: dict[str, progress.TaskID] = {}
        self._best: dict[str, float] = {}
        self._fold = (1, 1)
        self._latest: dict[str, Record] = {}
        self._written = AsWritten("loss")

    def stop(self) -> None:
        """Leave the bars as they stand."""
        self._end_stage()
        super().stop()

    def metric(self, written: AsWritten) -> None:
        """Show losses as this metric is written from now on."""
        self._written = written

    def stage(self, name: str) -> None:
        """Show what is being done before the training starts."""
        self._end_stage()
        self._stage = self.add_task(name, total=None, note="")

    def _end_stage(self) -> None:
        if self._stage is not None:
            self.remove_task(self._stage)
            self._stage = None

    def _bar(self, name: str, total: int) -> progress.TaskID:
        """Return a bar; its first look ends the stage."""
        if name not in self._bars:
            self._end_stage()
            self._bars[name] = self.add_task(name, total=total, note="")
        return self._bars[name]

    def fit_progress(self, step: int, n_steps: int, error: float) -> None:
        """Show how far a universal surrogate is that is fitted first."""
        bar, note = self._bar("universal surrogate", n_steps), format_loss(error)
        self.update(bar, completed=step, note=f"surrogate error {note}")

    def watch(self, record: Record) -> None:
        """Show a look at the validation rows."""
        method, loss = record.method, record.validation_loss
        if record.fold != self._fold:
            self._fold = record.fold
            self._latest.clear()
            self._best.clear()
        self._max_iter = record.max_iter or self._recipe.max_iter
        self._latest[method] = record
        best = self._best[method] = min(loss, self._best.get(method, math.inf))
        cosine = record.health.cosine
        agreed = "" if math.isnan(cosine) else f", gradient cosine {cosine:.2f}"
        written = self._written
        now, top = (format_loss(written.value(one)) for one in (loss, best))
        note = f"validation {written.name} {now}, best {top}{agreed}"
        place, n_folds = record.fold
        fold = f", fold {place} of {n_folds}" if n_folds > 1 else ""
        self.update(
            self._bar(method_name(method), self._max_iter),
            completed=record.iteration,
            total=self._max_iter,
            description=method_name(method) + fold,
            note=note + self._time_left(),
        )

    @property
    def _control(self) -> Record | None:
        """The latest look of the method beside the learned one."""
        return next((self._latest[at] for at in self._latest if at != LEARNED), None)

    def _time_left(self) -> str:
        """Return the time until both methods are through, by their speed so far."""
        control, ours = self._control, self._latest.get(LEARNED)
        max_iter, shared = self._max_iter, self._recipe.warm_up * self._max_iter
        left = 0.0
        if control is not None:
            turn = control.seconds / control.iteration
            left += turn * (max_iter - control.iteration)
            if ours is None:
                left += _SURROGATE_TURN * turn * (max_iter - shared)
            else:
                own = ours.seconds - turn * shared
                turn = max(own, 0.0) / max(ours.iteration - shared, 1)
                left += turn * (max_iter - ours.iteration)
        elif ours is not None:
            left = ours.seconds / ours.iteration * (2 * max_iter - ours.iteration)
        minutes, seconds = divmod(round(left), 60)
        return f", {minutes}:{seconds:02d} left" if left > 0 else ""


def format_loss(value: float | None) -> str:
    """Return a loss with four decimals, or digits where its size asks for it."""
    if value is None or math.isnan(value):
        return "-"
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.5g}"
