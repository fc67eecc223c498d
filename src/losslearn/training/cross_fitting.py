"""All rows in the end: chosen and decided by parts of the rows, then fitted to all."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from losslearn.metrics import MetricError, Sets
from losslearn.metrics.columns import Columns
from losslearn.models.global_draws import own_draws
from losslearn.models.predictor import Predictor
from losslearn.models.rows import Rows
from losslearn.training.carrying import carried, some_rows
from losslearn.training.comparison import Comparison, judge
from losslearn.training.loop import Record, Run, Watcher
from losslearn.training.parts import Mapper
from losslearn.training.refit import Plan, refit
from losslearn.training.setup import Setup
from losslearn.training.trained import Keeper, Trained, train_both

_SHARE = 0.4
"""Of the iterations, for each of several folds: all of them and the fit on all rows
take no more than three times as long as one fit."""
_REFIT = 1.2
"""Time of the fit on all rows, in times of a part's, at most."""


class Part(NamedTuple):
    """Rows to train on, and others to choose and to decide by."""

    train: Rows
    valid: Rows


def compare_on_all(
    make_predictor: Callable[[Rows], Predictor],
    parts: Sequence[Part],
    every: Rows,
    setup: Setup,
    *,
    max_time: float | None = None,
    watch: Watcher | None = None,
    checkpoint: Keeper | None = None,
    map_parts: Mapper | None = None,
) -> tuple[Comparison, Predictor]:
    """Compare as `compare` does, and fit both methods to every row.

    With several parts, which are folds, method and decision are chosen by the rows of
    all, each scored by a model that was not trained on it; each part has fewer
    iterations. Then both are trained on all rows, as long as the parts' best weights
    were in the median, and the decision is carried over; where that leaves no step to
    the learned loss, the control is used. Where the fit is ended early, the first
    part's model is what there is.

    Args:
        make_predictor: Makes the model of some rows.
        parts: Rows to train on, and others to choose by, of each.
        every: The rows of one part together.
        setup: Of each part as of `compare`, but that the surrogate is left as it is.
        max_time: Seconds for all of it.
        watch: Called after each look; of parts that are sent away, after each part.
        checkpoint: Keeps the state.
        map_parts: Sends the parts away, which come to the same there; None trains them
            here, one after the other.

    Returns:
        The comparison by the parts' validation rows, with the runs on all rows, and the
        predictor with the chosen method's weights.

    Raises:
        ValueError: As `compare`; likewise what it raises before there are weights.
    """
    if len(parts) > 1:
        max_iter = max(round(_SHARE * setup.recipe.max_iter), 1)
        setup = setup._replace(recipe=replace(setup.recipe, max_iter=max_iter))
    fits = _Fits(make_predictor, parts, setup)
    deadline = time.perf_counter() + (math.inf if max_time is None else max_time)
    kept = _Kept(checkpoint)
    done = fits.known(kept.done)
    try:
        left = range(len(done), len(parts))
        if map_parts is None or len(left) < 2:
            results = fits.here(left, deadline=deadline, watch=watch, kept=kept)
        else:
            results = fits.away(left, map_parts, deadline=deadline, watch=watch)
        for trained in results:
            done.append(trained)
            if trained.is_stopped:
                return fits.first(done[0], trained.stop)
            kept.done.append(trained.state_dict())
            if map_parts is not None:
                kept.keep(dict)  # of none under way
        return fits.on_all(every, done)
    except (KeyboardInterrupt, MetricError) as stop:
        if not done:
            raise
        return fits.first(done[0], stop)


class _Kept:
    """The state of the part under way, and of those that are done, as one."""

    def __init__(self, whole: Keeper | None) -> None:
        self._whole = whole
        state = None if whole is None else whole.load()
        self.done: list[dict[str, Any]] = [] if state is None else state["done"]
        self._now = None if state is None else state["now"]

    def load(self) -> dict[str, Any] | None:
        """Return the state of the part under way, once."""
        now, self._now = self._now, None
        return now or None

    def keep(
        self, state: Callable[[], dict[str, Any]], *, is_last: bool = False
    ) -> None:
        """Keep it beside the others."""

        def whole() -> dict[str, Any]:
            return {"done": self.done, "now": state()}

        if self._whole is not None:
            self._whole.keep(whole, is_last=is_last)


@dataclass(frozen=True)
class _Fits:
    """The fits of a comparison, and what they share."""

    make_predictor: Callable[[Rows], Predictor]
    parts: Sequence[Part]
    setup: Setup

    def known(self, states: Sequence[dict[str, Any]]) -> list[Trained]:
        """Return what was trained before."""
        parts = self.parts[: len(states)]
        return [
            Trained.from_state(state, part.valid, copy.deepcopy(self.setup.surrogate))
            for state, part in zip(states, parts, strict=True)
        ]

    def here(
        self, places: range, *, deadline: float, watch: Watcher | None, kept: _Kept
    ) -> Iterator[Trained]:
        """Yield what parts come to, each in its share of the time that is left."""
        for place in places:
            left = max(deadline - time.perf_counter(), 0.0)
            share = left / (len(self.parts) - place + _REFIT)
            yield self.train(place, max_time=share, watch=watch, kept=kept)

    def away(
        self, places: range, mapped: Mapper, *, deadline: float, watch: Watcher | None
    ) -> Iterator[Trained]:
        """Yield what parts come to, trained wherever they are sent."""
        n_turns = math.ceil(len(places) / mapped.n_at_once)
        left = max(deadline - time.perf_counter(), 0.0)
        function = partial(self.train, max_time=left / (n_turns + _REFIT))
        for trained in mapped(function, places):
            if watch is not None:
                for run in trained.runs.values():
                    for look in run.history:
                        watch(look)
            yield trained

    def train(
        self,
        place: int,
        *,
        max_time: float,
        watch: Watcher | None = None,
        kept: _Kept | None = None,
    ) -> Trained:
        """Return what one part comes to."""
        fold, part = (place + 1, len(self.parts)), self.parts[place]

        def watch_fold(record: Record) -> None:
            if watch is not None:
                watch(record._replace(fold=fold))

        trained, predictor = train_both(
            partial(self.make_predictor, part.train),
            part.valid,
            self.setup._replace(surrogate=copy.deepcopy(self.setup.surrogate)),
            max_time=max_time,
            watch=watch_fold,
            checkpoint=kept,
        )
        for run in trained.runs.values():
            run.history = [look._replace(fold=fold) for look in run.history]
        if trained.is_stopped or not self.setup.true_loss.scale_invariant:
            return trained
        rows, seen = some_rows(part.train), {}
        for name, run in trained.runs.items():
            predictor.load_weights(run.best_state)
            seen[name] = predictor.predict(rows).cpu()
        return replace(trained, seen=seen)

    def on_all(
        self, every: Rows, done: Sequence[Trained]
    ) -> tuple[Comparison, Predictor]:
        """Fit to every row, and judge by the validation rows of all parts."""
        recipe = self.setup.recipe
        plan = Plan.of(done, recipe, share=self.parts[0].train.n_rows / every.n_rows)
        with own_draws(every.x.device):
            runs, predictor = refit(
                partial(self.make_predictor, every),
                self.setup._replace(surrogate=done[-1].surrogate),
                plan,
            )
        if self.setup.true_loss.scale_invariant and not predictor.separates:
            done = [
                self._carried(*each, runs, predictor)
                for each in zip(done, self.parts, strict=True)
            ]
        found = judge(_pooled(done), self.setup)
        chosen = found.chosen if plan.follows(recipe) else found.usual.method
        settled = plan.settled(done[-1].settled, chosen)
        found = replace(found, chosen=chosen, settled=settled)
        for name, run in found.runs.items():
            run.n_iter, run.best_state = runs[name].n_iter, runs[name].best_state
            run.seconds += runs[name].seconds
        predictor.load_weights(found.runs[found.chosen].best_state)
        return found, predictor

    def _carried(
        self,
        trained: Trained,
        part: Part,
        runs: Mapping[str, Run],
        predictor: Predictor,
    ) -> Trained:
        """Return a part with its scores as those of the models of all rows.

        A loss that does not care for units lets them drift.
        """
        rows, sets = some_rows(part.train), {}
        for name, own in trained.sets.items():
            predictor.load_weights(runs[name].best_state)
            score = carried(own.score, trained.seen[name], predictor.predict(rows))
            sets[name] = own._replace(score=score)
        return replace(trained, sets=sets)

    def first(
        self, trained: Trained, stop: KeyboardInterrupt | MetricError
    ) -> tuple[Comparison, Predictor]:
        """Return what the first part came to, where something ended the rest."""
        if not trained.is_stopped:
            trained.learned.stop(stop)
        rows = self.parts[0].train
        with own_draws(rows.x.device):
            predictor = self.make_predictor(rows)
        found = judge(trained, self.setup)
        predictor.load_weights(found.runs[found.chosen].best_state)
        return found, predictor


def _pooled(done: Sequence[Trained]) -> Trained:
    """Return the parts as one: their looks, and their validation rows."""
    if len(done) == 1:
        return done[0]
    last, learned, usual = (
        done[-1],
        *(
            Run(
                name,
                seconds=sum(part.runs[name].seconds for part in done),
                history=[look for part in done for look in part.runs[name].history],
                n_adopted=sum(part.runs[name].n_adopted for part in done),
            )
            for name in done[-1].runs
        ),
    )
    sets = {name: _joined([part.sets[name] for part in done]) for name in last.sets}
    return replace(last, learned=learned, usual=usual, sets=sets)


def _joined(each: Sequence[Sets]) -> Sets:
    """Return the rows of some sets as one set."""
    columns: Columns = {
        name: torch.cat([sets.columns[name] for sets in each])
        for name in each[0].columns
    }
    is_weighed = any(sets.weight is not None for sets in each)
    return Sets(
        torch.cat([sets.target for sets in each]),
        torch.cat([sets.score for sets in each]),
        torch.cat([_weight(sets) for sets in each]) if is_weighed else None,
        columns,
    )


def _weight(sets: Sets) -> Tensor:
    return torch.ones_like(sets.score) if sets.weight is None else sets.weight
