"""The learned loss as a criterion for anybody's own network and loop."""

import copy
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from losslearn._wording import said
from losslearn.criterion.activation_checkpointing import own_graph, runs_again
from losslearn.criterion.fit_bar import fit_bar
from losslearn.criterion.gathering import gather_rows
from losslearn.criterion.queue import ScoreQueue
from losslearn.criterion.stream import StreamLearner
from losslearn.criterion.watch import Watch
from losslearn.metrics import Loss, ResponseMethod, Sets, as_true_loss
from losslearn.metrics.other_names import refuse_no_aim
from losslearn.models.global_draws import own_draws
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.registry import get_task
from losslearn.tasks.renamed import renamed
from losslearn.tasks.task import Rule, Task
from losslearn.training.recipe import Mode, Recipe

_MOST_STRETCH = 2.0
"""Times that the gradient of a batch's rows may count for the rest of their set: few
rows are a noisy sample of it."""


class _Rest(NamedTuple):
    """What completes the batch to the set that is valued."""

    score: Tensor
    target: Tensor
    n_joint: int
    """Rows of the batch, those of other processes among them."""
    n_processes: int


class SurrogateLoss(nn.Module):
    r"""A criterion that trains for a metric: used like `BCEWithLogitsLoss`.

    Between calls it keeps the latest scores and targets in a queue, and in every third
    call it fits a learned surrogate of the metric's true loss (Eq. 2, 5) to sets drawn
    from it, by an optimiser and a generator of its own. A call values the batch,
    completed from the queue to a set of `set_size` rows, and its gradient is that of

    .. math::
        a \, \hat\ell(y, \hat y; \beta) / s + \lambda \, \ell_{usual}(y, \hat y)

    for the rows of the batch alone, the learned part times the rows of the set over
    those of the batch, 2 at most: few rows are a noisy sample of their set. The share
    a starts at 0 (the usual loss alone) and moves towards 1 as far as the surrogate's
    gradient agrees with the true loss's (see `GradientHealth`); s is the spread of the
    true loss.

    In training the value returned is the learned estimate of the set's loss, on the
    scale of the metric's loss (lower is better); it carries the gradient above. In
    evaluation mode it is the true loss of the rows given, decided by `rule` where the
    metric judges decisions, without a gradient; NaN for rows it has no value of.
    Without gradients (`torch.no_grad`) and where activation checkpointing runs it
    again, nothing is learned and nothing kept. Within reentrant checkpointing, whose
    first pass has no gradients, it learns in the second, and the value of the first
    lags a step behind.

    It has no parameters and no buffers that an optimiser or a cast could touch; all it
    has learned is in its `state_dict`. In distributed training (DDP) the set is the
    batch of all processes: every one of them must call it in each step. Gradients are
    scaled for being averaged over the processes, as DDP does.

    Attributes:
        true_loss: The metric as a loss.
        task: What its targets and scores are.

    Shape:
        Scores and targets as the task has them, `[n]` or `[n, 1]` for two classes, to
        a scalar.

    Example:
        >>> import torch
        >>> from losslearn import SurrogateLoss
        >>> criterion = SurrogateLoss("f1")
        >>> logits = torch.randn(32, requires_grad=True)
        >>> loss = criterion(logits, (torch.rand(32) < 0.3).float())
        >>> loss.backward()
        >>> logits.grad.shape
        torch.Size([32])
    """

    def __init__(
        self,
        metric: object = "f1",
        *,
        greater_is_better: bool | None = None,
        response_method: ResponseMethod | None = None,
        task: Task | None = None,
        warm_up: int = 500,
        usual_weight: float = 1.0,
        set_size: int = 500,
        queue_size: int = 4_096,
        learn_every: int = 3,
        surrogate_steps: int = 10,
        surrogate_lr: float = 3e-3,
        n_sets: int = 2,
        replay: int = 4,
        perturbation: float = 0.5,
        mode: Mode = "refined",
        prevalence: float | Sequence[float] | None = None,
        process_group: distributed.ProcessGroup | None = None,
        random_state: int = 0,
        **old: Any,  # noqa: ANN401 - arguments of release 0.1
    ) -> None:
        """Start from the metric's universal surrogate and from the usual loss.

        A metric for which none is shipped gets its own first, with a progress bar; it
        is kept in the cache.

        Args:
            metric: The metric's name, or anything that `as_true_loss` takes.
            greater_is_better: Direction of a callable that does not declare its own.
            response_method: What a callable takes second, where its name does not tell.
            task: What targets and scores are; None takes the metric's.
            warm_up: Calls in which the learned loss comes in, a time constant.
            usual_weight: lambda.
            set_size: Rows of a set; a smaller batch is completed from the queue.
            queue_size: Latest rows kept.
            learn_every: Calls between fits of the surrogate; more for a slow metric.
            surrogate_steps: Updates of the surrogate in a fit.
            surrogate_lr: Adam's learning rate for the surrogate.
            n_sets: Sets of one surrogate update.
            replay: Fits in which a set that was valued once is used.
            perturbation: Strongest noise on scores fitted to, in deviations of a set's.
            mode: "refined" starts from the universal surrogate, "universal" keeps it as
                it is, "scratch" starts from nothing.
            prevalence: Shares of the strata (as classes) that the metric is meant for,
                or, of two, the second's alone; None takes the queue's. For loops that
                sample classes in other shares than the data's.
            process_group: Processes whose batches form one set; None takes all.
            random_state: Seed; the same in all processes.
            old: Arguments by their names of release 0.1, which warn.

        Raises:
            ValueError: If a setting or the metric cannot be used.
        """
        super().__init__()
        usual_weight = renamed(old, {"usual_weight": usual_weight})["usual_weight"]
        for name, value in (("learn_every", learn_every), ("warm_up", warm_up)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value!r}.")
        refuse_no_aim(metric)
        self.true_loss = as_true_loss(
            metric, greater_is_better=greater_is_better, response_method=response_method
        )
        self.task = task or get_task(self.true_loss.task)
        of_recipe: dict[str, Any] = {
            "usual_weight": usual_weight,
            "surrogate_steps": surrogate_steps,
            "surrogate_lr": surrogate_lr,
            "n_sets": n_sets,
            "replay": replay,
            "perturbation": perturbation,
            "mode": mode,
        }
        self._recipe = Recipe(batch_size=set_size, **of_recipe)
        if self.true_loss.columns:
            raise ValueError(
                f"`SurrogateLoss` is given scores and targets alone, and "
                f"`{self.true_loss.name}` needs {list(self.true_loss.columns)} of each "
                "row besides. Use `SurrogateClassifier`, whose `fit` takes them as "
                "`metric_columns`."
            )
        shares = self.task.shares(prevalence)
        self._settings = {  # by which a copy is made
            **of_recipe,
            "metric": self.true_loss,
            "task": self.task,
            "set_size": set_size,
            "queue_size": queue_size,
            "warm_up": warm_up,
            "learn_every": learn_every,
            "prevalence": shares,
            "process_group": process_group,
        }
        with own_draws(), fit_bar(self.true_loss.name) as show:
            surrogate = initial_surrogate(
                self.true_loss, self.task, mode=mode, seed=random_state, progress=show
            ).float()
        # no module, or its parameters would be this one's
        self._stream = StreamLearner(
            surrogate=surrogate,
            true_loss=self.true_loss,
            task=self.task,
            recipe=self._recipe,
            queue=ScoreQueue(queue_size),
            warm_up=warm_up,
            learn_every=learn_every,
            shares=shares,
            generator=torch.Generator().manual_seed(random_state),
        )
        self._rest: _Rest | None = None
        self._watch = Watch(self.true_loss.name)
        # whether the latest rows came without gradients: checkpointing that is
        # reentrant brings them so first, and once more, with gradients, as it goes back
        self._is_owed = False

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, input: Float[Tensor, "n ..."], target: Tensor) -> Tensor:
        """Return the loss of a batch of raw scores (logits), and learn from it.

        Raises:
            ValueError: If shapes do not fit, or the task knows no such target.
        """
        score, target = self.task.checked_rows(input, target)
        if not score.is_floating_point():
            raise ValueError(
                f"`input` must be raw scores of a floating type, got {score.dtype}."
            )
        if not self.training:
            return self._true_value(Sets(target, score.detach()))
        with torch.autocast(score.device.type, enabled=False):
            score = score.float()
            if not torch.is_grad_enabled():
                self._is_owed = True
            elif self._is_owed or not runs_again():
                with own_graph():
                    self._learn(score.detach(), target)
            return self._value(Sets(target, score))

    @property
    def rule(self) -> Rule | None:
        """The best decision rule on the rows of the queue; None for a loss of scores.

        Raises:
            ValueError: If the queue does not hold all strata.
        """
        return self._stream.rule() if self.true_loss.needs_rule else None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as `nn.Module`'s
        """Return a number of the task's rule by its name, or a part of the module."""
        numbers = self.__dict__.get("task")
        if numbers is not None and name in numbers.rule_numbers:
            rule = self.rule
            return None if rule is None else rule.to_dict()[name]
        return super().__getattr__(name)

    def metrics(self) -> dict[str, float]:
        """Return what a curve may show; waits for the device.

        `true_loss`, of the queue's rows, in the form that is trained for;
        `surrogate_error`, the mean gap between learned and true loss at the last fit;
        `cosine` of their gradients, in [-1, 1]; `dead_share`, of directions in which
        the true loss does not change; `blend`, the learned loss's part, in [0, 1]. NaN
        where nothing is known yet.
        """
        stream = self._stream
        return {
            "true_loss": stream.queue_loss(),
            "surrogate_error": float(stream.error),
            "cosine": stream.health.cosine,
            "dead_share": stream.health.dead_share,
            "blend": stream.blend,
        }

    def extra_repr(self) -> str:
        """Say what it trains for."""
        return f"{self.true_loss.name!r}, set_size={self._recipe.batch_size}"

    def get_extra_state(self) -> dict[str, Any]:
        """Return a copy of all that a resume needs; part of `state_dict`."""
        state = {
            "loss": self.true_loss.name,
            "stream": self._stream.state_dict(),
            "warned": sorted(self._watch.warned),
        }
        return copy.deepcopy(state)

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go back to a state; called by `load_state_dict`.

        Raises:
            ValueError: If the state is of another loss or another size of queue, or
                damaged; the criterion stays as it was.
        """
        before, rest = self.get_extra_state(), self._rest
        try:
            self._go_back_to(state)
            self._stream.check()
        except Exception as error:
            self._go_back_to(before)
            self._rest = rest
            if isinstance(error, ValueError):
                raise
            raise ValueError(
                "The criterion's state is damaged, or of another version: "
                f"{type(error).__name__}, {said(error)[:200]}."
            ) from error

    def _go_back_to(self, state: dict[str, Any]) -> None:
        if state["loss"] != self.true_loss.name:
            raise ValueError(
                f"The state is of a criterion for {state['loss']!r}, this one is for "
                f"{self.true_loss.name!r}: make it with the same metric."
            )
        self._stream.load_state_dict(state["stream"])
        self._watch.warned, self._rest = set(state["warned"]), None

    def _learn(self, score: Tensor, target: Tensor) -> None:
        """Take a batch in, and draw what completes it to the set that is valued."""
        begin, has_compiled = time.perf_counter(), self._stream.n_fits > 0
        self._is_owed = False
        self._stream.to(score.device)
        joint = gather_rows(score, target, group=self._settings["process_group"])
        self._stream.take(joint.score, joint.target)
        start, end = joint.start, joint.start + len(score)
        # the other processes' rows, and as many of the queue as a set wants
        drawn = self._stream.fill(len(joint.score)) or Sets(target[:0], score[:0])
        self._rest = _Rest(
            torch.cat([joint.score[:start], joint.score[end:], drawn.score]),
            torch.cat([joint.target[:start], joint.target[end:], drawn.target]),
            len(joint.score),
            joint.n_processes,
        )
        if has_compiled:  # the first fit's time says nothing of the next
            self._watch.add(time.perf_counter() - begin)
        self._watch.look(self._stream)

    def _value(self, batch: Sets) -> Tensor:
        """Return the learned loss on its own scale, with the objective's gradient."""
        score, n = batch.score, len(batch.score)
        rest = self._rest or _Rest(score[:0], batch.target[:0], n, 1)
        whole = Sets(
            torch.cat([batch.target, rest.target]),
            torch.cat([score.detach(), rest.score]),
        )
        if len(whole.score) == 0:
            return score.sum()
        blend = self._stream.blend if self._stream.is_ready else 0.0
        has_slope = blend > 0 and torch.is_grad_enabled()
        # at once, as the surrogate may have gone on learning before the model's
        # backward pass comes
        with own_graph():
            value, slope = self._stream.value(whole, with_slope=has_slope)
        # each row's share of the mean over all processes' rows, times their number,
        # which averaging the gradients takes away again
        per_row = rest.n_processes / max(rest.n_joint, 1)
        usual_loss = next(iter(self.task.usual_losses.values()))
        objective = self._recipe.usual_weight * per_row * usual_loss.total(batch)
        if slope is not None:
            # towards the gradient of a set of nothing but fresh rows
            stretch = min(len(whole.score) / max(rest.n_joint, 1), _MOST_STRETCH)
            along = (slope[:n] * score).sum()
            objective = objective + blend * rest.n_processes * stretch * along
        loss = value + (objective - objective.detach())
        # without a value there is no gradient either, which is what a scaler looks at
        return loss / loss.isfinite()

    def _true_value(self, sets: Sets) -> Tensor:
        """Return the true loss of rows, nothing learned."""
        score = sets.score
        loss: Loss = self.true_loss
        if len(score) == 0:
            return score.new_full((), math.nan)
        if self.true_loss.needs_rule and self._stream.is_ready:
            loss = self._stream.rule().judged(self.true_loss)
        exact = torch.promote_types(score.dtype, torch.float32)
        return loss(sets._replace(score=score.to(exact)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by settings and state: neither buffers nor generators can."""
        state = self.get_extra_state()
        return _rebuild, (type(self), self._settings, state, self.training)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy all but the metric and the processes, which cannot be or need not."""
        build, arguments = self.__reduce__()
        copied: Self = build(*arguments)
        memo[id(self)] = copied
        return copied


def _rebuild(
    kind: type[SurrogateLoss],
    settings: dict[str, Any],
    state: dict[str, Any],
    training: bool,
) -> SurrogateLoss:
    """Return a copy of a criterion, with all that it has learned."""
    criterion = kind(**settings)
    criterion.set_extra_state(state)
    return criterion.train(training)
