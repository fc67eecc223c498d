"""The training loop: any objective, the best weights on validation rows kept."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from losslearn.metrics import Loss, MetricError, Sets, TrueLoss
from losslearn.models.predictor import Predictor, PredictorState
from losslearn.models.rows import Rows
from losslearn.tasks.task import Task, UsualLoss
from losslearn.training.algorithm import NO_ERROR, draw_moved, draw_scored, turn
from losslearn.training.lower import DrawSets, SurrogateLearner
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import Sampler, SetsAhead, SetSampler, UnitSampler
from losslearn.training.trust import STRENGTH, Balance, Reading


class Record(NamedTuple):
    """One look at the validation rows."""

    method: str
    """Whose objective the model follows."""
    iteration: int
    """Iterations done; the warm-up counts."""
    seconds: float
    """Time this method has trained for, its warm-up included."""
    validation_loss: float
    """True loss of the validation rows."""
    surrogate_error: float
    """Mean gap of the last turn's surrogate steps; NaN without any."""
    max_iter: int = 0
    """Iterations that the run is to have."""
    fold: tuple[int, int] = (1, 1)
    """In which fold of how many, from 1."""
    health: Reading = Reading()
    """How it stood with the learned loss; NaN where nothing was read."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, those of the health among them."""
        fields = self._asdict()
        health = fields.pop("health")
        return {**fields, "fold": self.fold[0], **health._asdict()}


class Best(NamedTuple):
    """The best look at the validation rows."""

    loss: float
    n_iter: int


Watcher = Callable[[Record], None]
"""Called after each look; what a progress bar or a log hangs on."""

Observer = Callable[[int, Tensor], None]
"""Called at each look with the iterations done and the scores of the validation rows;
what keeps the best weights by further losses."""


@dataclass
class Run:
    """What one method's training has come to."""

    method: str
    n_iter: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_iter: int = 0
    bests: dict[int, "Best"] = field(default_factory=dict)
    """Of each schedule that was tried, by its iterations."""
    best_state: dict[str, Tensor] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)
    n_adopted: int = 0
    """How often another run's weights took the place of this one's."""
    interrupted: bool = False
    failure: MetricError | None = None
    """What the user's metric failed with, if that ended the run."""

    @property
    def is_stopped(self) -> bool:
        """Whether it was ended from outside."""
        return self.interrupted or self.failure is not None

    def stop(self, reason: KeyboardInterrupt | MetricError) -> None:
        """Note what ended it; raise that if nothing was done yet."""
        if self.n_iter == 0:
            raise reason
        if isinstance(reason, MetricError):
            self.failure = reason
        else:
            self.interrupted = True

    @property
    def last_loss(self) -> float:
        """Validation loss at the last look."""
        return self.history[-1].validation_loss if self.history else math.inf

    @property
    def looks_since_best(self) -> int:
        """Looks at the validation rows since the best one."""
        return sum(record.iteration > self.best_iter for record in self.history)

    def state_dict(self) -> dict[str, Any]:
        """Return the fields, of nothing but tensors and what JSON knows."""
        return {**vars(self), "history": [tuple(record) for record in self.history]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Run":
        """Undo `state_dict`."""
        history = [
            Record._make([*fields, tuple(fold), Reading(*health)])
            for *fields, fold, health in state["history"]
        ]
        bests = {length: Best(*best) for length, best in state["bests"].items()}
        return cls(**{**state, "history": history, "bests": bests})

    def branch(self, method: str) -> "Run":
        """Return a copy that goes on as another method from what was done."""
        history = [record._replace(method=method) for record in self.history]
        return replace(self, method=method, history=history, bests={**self.bests})

    def stand(self, until: int) -> Record:
        """Go on to an iteration with the best weights; return what a look finds."""
        self.n_iter = until
        seen = self.history[-1]._replace(iteration=until)
        self.history.append(seen._replace(validation_loss=self.best_loss))
        return self.history[-1]

    def adopt(self, other: "Run") -> None:
        """Go on from another run, which has done as many iterations, in place."""
        self.n_adopted += 1
        self.take_best(other)
        for length in {*self.bests} & {*other.bests}:
            self.bests[length] = min(self.bests[length], other.bests[length])
        self.history.append(other.history[-1]._replace(method=self.method))

    def take_best(self, other: "Run") -> None:
        """Keep the best weights of another run if they are better."""
        if other.best_loss < self.best_loss or not self.best_state:
            self.best_loss, self.best_iter = other.best_loss, other.best_iter
            self.best_state = other.best_state

    def put_back(self, before: "Run") -> None:
        """Take the best weights of an earlier state of this run again."""
        self.best_loss, self.best_iter = before.best_loss, before.best_iter
        self.best_state, self.bests = before.best_state, before.bests


class Snapshot(NamedTuple):
    """Everything needed to train on from here again."""

    predictor: PredictorState
    draws: Tensor
    """State of the generator of the sets."""
    ahead: SetsAhead
    """Sets that it has drawn already."""

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Snapshot":
        """Return a snapshot that was kept as plain sequences."""
        predictor, draws, ahead = state
        return cls(PredictorState(*predictor), draws, SetsAhead(*ahead))


@dataclass(eq=False)
class Trainer:
    """Trains one model on one data set; objectives may follow upon each other."""

    predictor: Predictor
    """The model, on the rows it is trained on."""
    valid: Rows | None
    """By which the true loss picks the weights to keep; None where nothing is picked,
    and each look's loss is NaN."""
    true_loss: TrueLoss
    task: Task
    recipe: Recipe
    """Exchanged where there is time for fewer iterations."""
    generator: torch.Generator
    """Source of the sets drawn, on the rows' device."""
    observe: Observer | None = None
    after_look: Callable[[], None] | None = None
    """Called where training could go on from later."""

    def __post_init__(self) -> None:
        """Make what draws the sets."""
        rows, draws = self.predictor.rows, self.generator
        self.sampler = make_sampler(
            rows, self.true_loss, self.task, self.recipe, generator=draws
        )

    @property
    def usual(self) -> tuple[str, UsualLoss]:
        """The task's first usual loss and its name: the control's."""
        return next(iter(self.task.usual_losses.items()))

    def snapshot(self) -> Snapshot:
        """Return a copy of the model, the optimiser and the state of the draws."""
        draws = self.generator.get_state()
        return Snapshot(self.predictor.state(), draws, self.sampler.ahead)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot."""
        self.predictor.restore(snapshot.predictor)
        self.generator.set_state(snapshot.draws)
        self.sampler.ahead = snapshot.ahead

    def train(
        self,
        run: Run,
        objective: Loss,
        until: int,
        *,
        learner: SurrogateLearner | None = None,
        balance: Balance | None = None,
        prepare: Callable[[DrawSets], None] | None = None,
        watch: Watcher | None = None,
        deadline: float = math.inf,
        is_resumed: bool = False,
    ) -> None:
        """Carry a run on until iteration `until`, earlier ones included, in place.

        Objective and learner are those of `turn`. Ctrl-C, a metric that fails, the
        deadline (of `time.perf_counter()`), `patience`, and a loss of 0 that can be no
        lower end it early; the last look is then taken at once, so that the run always
        holds weights. One that is to end before there are any raises what ended it. The
        model is left as it stands after the last step; the best weights are in
        `run.best_state`. A balance weighs the objective's parts, at the start and at
        each look. What is to be prepared at the start, before the surrogate catches up,
        gets what draws sets. A resumed run goes on from within, where `after_look` was
        called.
        """
        begin, error = time.perf_counter() - run.seconds, NO_ERROR
        try:
            if not is_resumed:
                learns = run.n_iter < until
                self._prepare(prepare, learner if learns else None, balance)
            while run.n_iter < until:
                progress = run.n_iter / self.recipe.max_iter
                error = self.iterate(objective, learner, progress=progress)
                run.n_iter += 1
                late = time.perf_counter() >= deadline
                if not (run.n_iter % self.recipe.eval_every == 0 or late):
                    continue
                self._read(balance)
                self.look(run, begin, watch, error=error, balance=balance)
                if late or self._is_done(run):
                    break
                if self.after_look is not None:
                    self.after_look()
        except (KeyboardInterrupt, MetricError) as stop:
            run.stop(stop)
        if not run.history or run.history[-1].iteration < run.n_iter:
            self._last_look(run, begin, watch, error=error, balance=balance)

    def _is_done(self, run: Run) -> bool:
        """Whether no further look can be, or is waited for to be, better."""
        is_least = self.true_loss.bounded and run.best_loss == 0
        return is_least or run.looks_since_best == self.recipe.patience

    def iterate(
        self,
        objective: Loss,
        learner: SurrogateLearner | None = None,
        *,
        progress: float = 0.0,
    ) -> Tensor:
        """Do one `turn`, where the share `progress` of the training is done."""
        is_cosine = self.recipe.schedule == "cosine"
        factor = 0.5 * (1 + math.cos(math.pi * progress)) if is_cosine else 1.0
        self.predictor.lr = self.recipe.rate * factor
        self.predictor.penalty = self.recipe.penalty or 0.0
        return turn(self.predictor, objective, learner, self.sampler, self.recipe)

    def _draw(self, n_sets: int) -> Sets:
        return draw_scored(self.predictor, self.sampler, n_sets)

    def _prepare(
        self,
        prepare: Callable[[DrawSets], None] | None,
        learner: SurrogateLearner | None,
        balance: Balance | None,
    ) -> None:
        if prepare is not None:
            prepare(self._draw)
        if learner is not None:
            self._catch_up(learner)
        self._read(balance)

    def _catch_up(self, learner: SurrogateLearner) -> None:
        """Fit the surrogate to the model it meets, before it is trusted with a step."""
        steps = max(self.recipe.surrogate_steps, 1)
        learner.forget_sets()  # the model may be another than they were scored by
        for _ in range(self.recipe.catch_up // steps):
            learner.learn(self._draw, steps=steps)

    def _read(self, balance: Balance | None) -> None:
        if balance is not None:
            what, draws = (self.predictor, self.sampler), self.generator
            balance.read(*draw_moved(*what, balance.n_sets, STRENGTH, generator=draws))

    def _last_look(self, run: Run, *given: Any, **further: Any) -> None:  # noqa: ANN401 - of `look`
        """Look once more; a metric that fails there loses nothing but the look."""
        try:
            self.look(run, *given, **further)
        except MetricError as error:
            run.failure = run.failure or error
            if not run.best_state:
                raise run.failure from None

    def look(
        self,
        run: Run,
        begin: float,
        watch: Watcher | None,
        *,
        error: Tensor = NO_ERROR,
        balance: Balance | None = None,
    ) -> None:
        """Value the validation rows; keep the weights if they are the best so far.

        The run began at `begin`, of `time.perf_counter()`.
        """
        loss = math.nan if self.valid is None else self._valued(run, self.valid)
        if loss < run.best_loss or not run.best_state:
            run.best_loss, run.best_iter = loss, run.n_iter
        best = run.bests.get(self.recipe.max_iter)
        if best is None or loss < best.loss:
            run.bests[self.recipe.max_iter] = Best(loss, run.n_iter)
            run.best_state = self.predictor.weights()
        run.seconds = time.perf_counter() - begin
        health = Reading() if balance is None else balance.reading()
        record = Record(
            run.method,
            run.n_iter,
            run.seconds,
            loss,
            float(error),
            self.recipe.max_iter,
            health=health,
        )
        run.history.append(record)
        if watch is not None:
            watch(record)

    def _valued(self, run: Run, valid: Rows) -> float:
        score = self.predictor.predict(valid)
        loss = float(self.true_loss(valid.whole(score)))
        if self.observe is not None:
            self.observe(run.n_iter, score)
        return loss


def make_sampler(
    rows: Rows,
    true_loss: TrueLoss,
    task: Task,
    recipe: Recipe,
    *,
    generator: torch.Generator,
) -> Sampler:
    """Return what draws the sets of a fit: stratified rows, or whole units of them."""
    units = task.units(None if rows.groups is None else rows.own(rows.groups))
    if units is not None:
        return UnitSampler(units, numbers=rows.numbers, generator=generator)
    # a loss that takes no weights is right only on sets as the data are
    weighs = true_loss.takes_weight
    return SetSampler(
        task.strata(rows.own(rows.target)),
        batch_size=min(recipe.batch_size, rows.n_rows),
        numbers=rows.numbers,
        n_strata=task.n_strata,
        strata_shares=recipe.strata_shares if weighs else None,
        min_per_stratum=recipe.min_per_stratum if weighs else 1,
        weigh_back=recipe.weigh_back,
        generator=generator,
    )
