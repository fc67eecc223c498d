"""The training loop: any objective, the best weights on validation rows kept."""

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from losslearn._fast.descent import ClippedAdam
from losslearn._fast.fused import FusedModel
from losslearn.metrics import TrueLoss
from losslearn.metrics.columns import NO_COLUMNS, Columns, take_rows
from losslearn.models.networks import gather_rows, row_scorer, score_rows
from losslearn.surrogate.objective import Objective, fused_parts, on_rows
from losslearn.training.algorithm import (
    DrawnSets,
    ScoreRows,
    SurrogateLearner,
    model_step,
)
from losslearn.training.recipe import BilevelConfig
from losslearn.training.sampling import SetsAhead, SetSampler
from losslearn.training.trust import Balance, Reading


class TrainingData(NamedTuple):
    """Rows to train on and rows to choose by, on one device."""

    x: Float[Tensor, "table features"]
    y_true: Integer[Tensor, " rows"]
    x_valid: Float[Tensor, "valid_table features"]
    y_valid: Integer[Tensor, " valid"]
    rows: Integer[Tensor, " rows"] | None = None
    """Which rows of `x` the targets belong to; None for all, in order."""
    valid_rows: Integer[Tensor, " valid"] | None = None
    """The same for `x_valid`, which may be the table of `x`."""
    columns: Columns = NO_COLUMNS
    """What the true loss needs to know of each row of `x` besides."""
    valid_columns: Columns = NO_COLUMNS
    """The same of each validation row, in the order of `y_valid`."""

    def without_training_rows(self) -> "TrainingData":
        """Return the validation rows alone."""
        return self._replace(
            x=self.x_valid[:0],
            y_true=self.y_valid[:0],
            rows=None,
            columns=NO_COLUMNS,
        )


class Record(NamedTuple):
    """One look at the validation rows."""

    method: str
    """Whose objective the model follows, "cross_entropy" or "surrogate"."""
    iteration: int
    """Iterations done; the warm-up counts."""
    seconds: float
    """Time this method has trained for, its warm-up included."""
    validation_loss: float
    """True loss of the validation rows."""
    surrogate_error: float
    """Mean gap of the last turn's surrogate steps; NaN without any."""
    health: Reading = Reading()
    """How it stood with the learned loss; NaN where nothing was read."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, those of the health among them."""
        fields = self._asdict()
        health = fields.pop("health")
        return {**fields, **health._asdict()}


Watcher = Callable[[Record], None]
"""Called after each look; what a progress bar or a log hangs on."""

Observer = Callable[[int, Tensor], None]
"""Called at each look with the iterations done and the scores of the validation rows;
what keeps the best weights by further losses."""

_NO_ERROR = torch.tensor(math.nan)
"""The surrogate error where there is no surrogate."""


@dataclass
class Run:
    """What one method's training has come to."""

    method: str
    n_iter: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_iter: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    history: list[Record] = field(default_factory=list)
    n_adopted: int = 0
    """How often another run's weights took the place of this one's."""
    interrupted: bool = False

    @property
    def last_loss(self) -> float:
        """Validation loss at the last look."""
        return self.history[-1].validation_loss if self.history else math.inf

    @property
    def looks_since_best(self) -> int:
        """Looks at the validation rows since the best one."""
        return sum(record.iteration > self.best_iter for record in self.history)

    def branch(self, method: str) -> "Run":
        """Return a copy that goes on as another method from what was done."""
        history = [record._replace(method=method) for record in self.history]
        return replace(self, method=method, history=history)

    def adopt(self, other: "Run") -> None:
        """Go on from another run, which has done as many iterations, in place."""
        self.n_adopted += 1
        if other.best_loss < self.best_loss:
            self.best_loss, self.best_iter = other.best_loss, other.best_iter
            self.best_state = other.best_state
        self.history.append(other.history[-1]._replace(method=self.method))


class Snapshot(NamedTuple):
    """Everything needed to train on from here again."""

    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    draws: Tensor
    """State of the generator of the sets."""
    ahead: SetsAhead
    """Sets that it has drawn already."""
    noise: Tensor
    """State of PyTorch's own generator, which dropout draws from."""


class Trainer:
    """Trains one model on one data set; objectives may follow upon each other."""

    def __init__(
        self,
        model: nn.Module,
        data: TrainingData,
        true_loss: TrueLoss,
        config: BilevelConfig,
        *,
        generator: torch.Generator,
        parameters: Iterable[nn.Parameter] = (),
        observe: Observer | None = None,
    ) -> None:
        """Make the optimiser of alpha and the sampler of sets.

        Args:
            model: Maps `[n, features]` to `[n]` or `[n, 1]`.
            data: Training and validation rows.
            true_loss: Picks the weights to keep, on the validation rows.
            config: Settings.
            generator: Source of the sets drawn, on the data's device.
            parameters: An objective's own, trained along with the model's.
            observe: Sees the validation scores at each look.

        Raises:
            ValueError: If the training rows hold one class only.
        """
        self.model, self.data, self.config = model, data, config
        self.true_loss, self._observe = true_loss, observe
        # a metric without row weights can only be right on sets as the data are
        weighs = true_loss.takes_weight
        self.sampler = SetSampler(
            data.y_true,
            batch_size=min(config.batch_size, len(data.y_true)),
            rows=data.rows,
            pos_rate=config.pos_rate if weighs else None,
            min_per_class=config.min_per_class if weighs else 1,
            prevalence_weights=config.prevalence_weights,
            generator=generator,
        )
        self._generator = generator
        self._descent = ClippedAdam(
            model.parameters(),
            lr=config.model_lr,
            max_grad_norm=config.max_grad_norm,
            unclipped=parameters,
        )
        self._fused = FusedModel.of(model, self._descent, data.x)
        self._score_plainly = row_scorer(model, data.x)

    def snapshot(self) -> Snapshot:
        """Return a copy of the model, the optimiser and the state of the draws."""
        return Snapshot(
            copy.deepcopy(self.model.state_dict()),
            copy.deepcopy(self._descent.state_dict()),
            self._generator.get_state(),
            self.sampler.ahead,
            self._noise_state(),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot."""
        self.model.load_state_dict(snapshot.model)
        self._descent.load_state_dict(copy.deepcopy(snapshot.optimizer))
        self._generator.set_state(snapshot.draws)
        self.sampler.ahead = snapshot.ahead
        if self.data.x.is_cuda:
            torch.cuda.set_rng_state(snapshot.noise, self.data.x.device)
        else:
            torch.set_rng_state(snapshot.noise)

    def _noise_state(self) -> Tensor:
        """Return the state of the generator that dropout draws from."""
        if self.data.x.is_cuda:
            return torch.cuda.get_rng_state(self.data.x.device)
        return torch.get_rng_state()

    def train(
        self,
        run: Run,
        objective: Objective,
        until: int,
        *,
        learner: SurrogateLearner | None = None,
        balance: Balance | None = None,
        watch: Watcher | None = None,
        deadline: float = math.inf,
    ) -> None:
        """Carry a run on until iteration `until`, in place.

        Ctrl-C, the deadline and `patience` end it early; the last look is then taken
        at once, so that the run always holds weights. The model is left as it stands
        after the last step; the best weights are in `run.best_state`.

        Args:
            run: What has been done so far.
            objective: Minimised by the model.
            until: Iterations in all, earlier ones included.
            learner: The lower level; None for an objective that stays as it is.
            balance: Weighs the objective's parts, at the start and at each look; None
                leaves the weights as they are.
            watch: Called after each look at the validation rows.
            deadline: `time.perf_counter()` at which to stop.
        """
        begin = time.perf_counter() - run.seconds
        error = _NO_ERROR
        try:
            if learner is not None and run.n_iter < until:
                self._catch_up(learner)
            self._read(balance)
            while run.n_iter < until:
                progress = run.n_iter / self.config.max_iter
                error = self.iterate(objective, learner, progress=progress)
                run.n_iter += 1
                late = time.perf_counter() >= deadline
                if not (run.n_iter % self.config.eval_every == 0 or late):
                    continue
                self._read(balance)
                self._look(run, error, begin, watch, balance)
                if late or run.looks_since_best == self.config.patience:
                    break
        except KeyboardInterrupt:
            run.interrupted = True
        if not run.history or run.history[-1].iteration < run.n_iter:
            self._look(run, error, begin, watch, balance)

    def iterate(
        self,
        objective: Objective,
        learner: SurrogateLearner | None = None,
        *,
        progress: float = 0.0,
    ) -> Float[Tensor, ""]:
        """Do one turn of both levels (Algorithm 1, lines 3 to 13).

        Args:
            objective: Minimised by the model.
            learner: The lower level; None for an objective that stays as it is.
            progress: Share of the training done, in [0, 1), for the learning rate.

        Returns:
            The mean surrogate error; NaN without a learner.
        """
        if not self.model.training:
            self.model.train()
        error = _NO_ERROR
        if learner is not None:  # the lower level first, as in the authors' code
            steps = self.config.surrogate_steps
            error = self._learn(learner, steps)
        self._set_learning_rate(progress)
        self._descend(objective, self.sampler.draw(self.config.model_steps))
        return error

    def _current_fused(self) -> FusedModel | None:
        """Return the model's fast form, unless its parameters were exchanged."""
        if self._fused is None or not self._fused.is_current():
            return None
        return self._fused

    @property
    def _score_rows(self) -> ScoreRows:
        """The model as the surrogate meets it: in training mode, without gradient."""
        fused = self._current_fused()
        if fused is not None:
            return fused.scores
        return self._score_plainly

    def _descend(
        self, objective: Objective, sets: Integer[Tensor, "model_steps n"]
    ) -> None:
        """Take K_alpha steps (Algorithm 1, lines 4 to 7), one for each set of rows."""
        fused = self._current_fused()
        y_true, weight = self.sampler.y_set, self.sampler.weight
        if fused is not None:
            self._descend_fused(fused, objective, sets)
            return
        for rows in sets:
            model_step(
                self.model,
                on_rows(objective, self.data.columns, rows),
                self._descent,
                gather_rows(self.data.x, rows),
                y_true,
                sample_weight=weight,
            )

    def _descend_fused(
        self,
        fused: FusedModel,
        objective: Objective,
        sets: Integer[Tensor, "model_steps n"],
    ) -> None:
        y_true, weight = self.sampler.y_set, self.sampler.weight
        parts = fused_parts(objective)
        if parts is not None:
            fused.steps(sets, y_true, sample_weight=weight, **parts._asdict())
        elif not self.data.columns:
            fused.descend(objective, sets, y_true, sample_weight=weight)
        else:  # each set has columns of its own
            for rows in sets:
                here = on_rows(objective, self.data.columns, rows)
                fused.descend(here, rows.unsqueeze(0), y_true, sample_weight=weight)

    def _catch_up(self, learner: SurrogateLearner) -> None:
        """Fit the surrogate to the model it meets, before it is trusted with a step."""
        steps = max(self.config.surrogate_steps, 1)
        learner.forget_sets()  # the model may be another than they were scored by
        self.model.train()
        for _ in range(self.config.catch_up // steps):
            self._learn(learner, steps)

    def _learn(self, learner: SurrogateLearner, steps: int) -> Tensor:
        return learner.learn(
            self._score_rows, self.sampler, steps=steps, columns=self.data.columns
        )

    def _read(self, balance: Balance | None) -> None:
        """Let the objective's parts be weighed at the present model."""
        if balance is not None:
            self.model.train()
            balance.read(self._draw_sets, self.sampler, generator=self._generator)

    def _draw_sets(self, n_sets: int) -> DrawnSets:
        rows = self.sampler.draw(n_sets)
        return DrawnSets(self._score_rows(rows), take_rows(self.data.columns, rows))

    def _set_learning_rate(self, progress: float) -> None:
        if self.config.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * progress))
            self._descent.lr = self.config.model_lr * factor

    def _look(
        self,
        run: Run,
        error: Tensor,
        begin: float,
        watch: Watcher | None,
        balance: Balance | None,
    ) -> None:
        """Value the validation rows; keep the weights if they are the best so far."""
        y_score = score_rows(self.model, self.data.x_valid, rows=self.data.valid_rows)
        loss = float(
            self.true_loss(self.data.y_valid, y_score, columns=self.data.valid_columns)
        )
        if self._observe is not None:
            self._observe(run.n_iter, y_score)
        if loss < run.best_loss or not run.best_state:
            run.best_loss, run.best_iter = loss, run.n_iter
            run.best_state = copy.deepcopy(self.model.state_dict())
        run.seconds = time.perf_counter() - begin
        health = Reading() if balance is None else balance.reading()
        record = Record(run.method, run.n_iter, run.seconds, loss, float(error), health)
        run.history.append(record)
        if watch is not None:
            watch(record)
