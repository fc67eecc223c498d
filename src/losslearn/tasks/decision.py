"""The public decision: learned for any metric, for anybody's probabilities."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import TextColumns, as_columns, by_name, take_rows
from losslearn.metrics.own.as_true_loss import untried
from losslearn.tasks.choice import choose_rule
from losslearn.tasks.rules.candidates import Candidates, n_resamples, restore_rule

_LARGEST = 36.0
"""Log-odds of probabilities nearer to 0 or 1 than double precision tells apart."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A learned decision: what `tune_decision` returns.

    Attributes:
        rule: "nobody", "everybody", "threshold", "threshold by group" or "flip".
        columns: What must be known of each row to decide, besides its probability.
        metric: What it was learned for.
        loss: The metric as a loss, of decisions on rows that they were not learned on.
        tried: Each candidate, the simplest first: its name, that loss, and how it
            differs from the rule that stood before it, with its standard error.
    """

    metric: str
    loss: float
    tried: list[dict[str, Any]]
    _rule: Any = field(repr=False)
    _texts: Mapping[str, list[Any]] = field(default_factory=dict, repr=False)

    @property
    def rule(self) -> str:  # noqa: D102 - as above
        return str(self._rule.to_dict()["kind"])

    @property
    def columns(self) -> tuple[str, ...]:  # noqa: D102 - as above
        return tuple(self._rule.columns)

    def decide(
        self, probabilities: ArrayLike, columns: object = None
    ) -> NDArray[np.int64]:
        """Return the decision on each row, 0 or 1, shape `[rows]`.

        Args:
            probabilities: Of the positive class, shape `[rows]` or `[rows, 2]`.
            columns: What the rule needs of each row besides (see `columns`): a mapping
                or a table, which may hold more; None where it needs nothing.

        Raises:
            ValueError: If a probability is none, or a column is missing.
        """
        score = _log_odds(probabilities)
        there = by_name(columns, "columns")
        given = {name: there[name] for name in self.columns if name in there}
        text = TextColumns.of(self._texts)
        found = as_columns(
            given,
            self.columns,
            n_rows=len(score),
            metric=f"decision for {self.metric}",
            argument="columns",
            text=text,
        )
        decided: NDArray[np.int64] = self._rule.decide(score, found).numpy()
        return decided

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON knows it."""
        return {
            "metric": self.metric,
            "loss": self.loss if math.isfinite(self.loss) else None,
            "tried": self.tried,
            "rule": self._rule.to_dict(),
            "texts": {name: list(values) for name, values in self._texts.items()},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Decision":
        """Undo `to_dict`.

        Raises:
            ValueError: If it is not what `to_dict` returned.
        """
        try:
            loss = state["loss"]
            return cls(
                metric=str(state["metric"]),
                loss=math.nan if loss is None else float(loss),
                tried=[dict(one) for one in state["tried"]],
                _rule=restore_rule(state["rule"]),
                _texts={name: list(values) for name, values in state["texts"].items()},
            )
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"This is not what `to_dict` returned: {error}") from error


def tune_decision(
    y: ArrayLike,
    probabilities: ArrayLike,
    metric: object,
    *,
    columns: object = None,
    known: list[str] | None = None,
    greater_is_better: bool | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    random_state: int = 0,
) -> Decision:
    """Learn the decision that is best for a metric, from rows of known targets.

    Candidates are to call nobody or everybody positive, a threshold, a threshold for
    each group (columns of at most 10 values), and to call a row positive where that is
    expected to gain: `p x gain(1, columns) + (1 - p) x gain(0, columns) > 0`, with the
    gains found by trying what the decision on single rows does to the metric. They are
    compared by cross-fitting on these rows; the simplest stands where they cannot be
    told apart. A user's function is called some 1,500 times.

    Args:
        y: Targets, 0 or 1, shape `[rows]`, of rows that the model was not trained on.
        probabilities: Of class 1, shape `[rows]` or `[rows, 2]`, of any model.
        metric: What `as_true_loss` takes, of decisions: its name, or a function
            `f(y_true, y_pred, *, ...)`.
        columns: What the metric needs of each row besides, and what the decision may
            look at: a mapping of names to values, or a table.
        known: Which of the columns are known when deciding; None for all.
        greater_is_better: The metric's direction, where it does not say.
        sample_weight: Weight of each row, at least 0.
        groups: Which rows belong together: they stay in one fold.
        random_state: Of the folds.

    Raises:
        ValueError: If shapes differ, targets are not 0 or 1 or of one class, a
            probability is none, the metric judges scores, or a column is missing.

    Example:
        >>> def saved(y_true, y_pred, *, amount):
        ...     return (y_pred * (y_true * amount - 10)).sum()
        >>> draw = np.random.default_rng(0)
        >>> p, amount = draw.random(500), draw.exponential(20, 500)
        >>> y = (draw.random(500) < p).astype(int)
        >>> found = tune_decision(
        ...     y, p, saved, columns={"amount": amount}, greater_is_better=True
        ... )
        >>> found.rule, found.decide([0.5, 0.5], {"amount": [15, 50]})
        ('flip', array([0, 1]))
    """
    true_loss = untried(metric, greater_is_better=greater_is_better)
    if not true_loss.needs_rule:
        raise ValueError(
            f"`{true_loss.name}` judges scores: there is nothing to decide. Give a "
            "metric of decisions, `f(y_true, y_pred)`."
        )
    text = TextColumns() if true_loss.text is None else true_loss.text
    given, codes = _rows(
        true_loss, text, y, probabilities, columns, sample_weight, groups
    )
    names = list(given.columns)
    unknown = [name for name in known or [] if name not in names]
    if unknown:
        raise ValueError(f"`known` names {unknown}, which `columns` do not hold.")
    if given.weight is not None:
        true_loss.check_takes_weight()
    candidates = Candidates(true_loss, given, names if known is None else known)
    choice = choose_rule(
        candidates.listed(),
        given,
        true_loss.of_decisions().tried,
        given.target,
        n_resamples=n_resamples(true_loss),
        other_target=1 - given.target,
        groups=codes,
        seed=random_state,
    )
    return Decision(
        metric=true_loss.name,
        loss=choice.loss,
        tried=choice.tried,
        _rule=choice.rule,
        _texts={
            name: text.values(name) for name in choice.rule.columns if name in text
        },
    )


def _rows(
    true_loss: TrueLoss,
    text: TextColumns,
    y: ArrayLike,
    probabilities: ArrayLike,
    columns: object,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
) -> tuple[Sets, torch.Tensor | None]:
    """Return checked rows, without those of weight 0, and the number of their group."""
    target, score = _targets(y), _log_odds(probabilities)
    if len(score) != len(target):
        raise ValueError(
            f"`y` holds {len(target)} rows and `probabilities` {len(score)}. Give "
            "those of the same rows, in their order."
        )
    given = by_name(columns, "columns")
    further = [name for name in given if name not in true_loss.columns]
    found = as_columns(
        given,
        [*true_loss.columns, *further],
        n_rows=len(target),
        metric=true_loss.name,
        argument="columns",
        text=text,
    )
    weight, codes = _weights(sample_weight, len(target)), _codes(groups, len(target))
    if weight is not None and not bool(weight.all()):
        there = weight != 0
        target, score, weight = target[there], score[there], weight[there]
        found = take_rows(found, there)
        codes = None if codes is None else codes[there].unique(return_inverse=True)[1]
    if len(target.unique()) < 2:
        raise ValueError("A decision is learned from rows of both classes.")
    return Sets(target, score, weight, found), codes


def _log_odds(probabilities: ArrayLike) -> torch.Tensor:
    """Return log-odds; both columns of two classes may be given."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim == 2 and p.shape[1] == 2:
        p = p[:, 1]
    elif p.ndim == 2 and p.shape[1] == 1:
        p = p[:, 0]
    if p.ndim != 1:
        raise ValueError(
            "`probabilities` must be of shape [rows] or [rows, 2], got "
            f"{list(p.shape)}."
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            "`probabilities` must lie in [0, 1]. Turn scores into probabilities first, "
            "as `predict_proba` gives them."
        )
    with np.errstate(divide="ignore"):
        odds = np.log(p) - np.log1p(-p)
    return torch.from_numpy(odds.clip(-_LARGEST, _LARGEST))


def _targets(y: ArrayLike) -> torch.Tensor:
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 1 or not np.isin(given, (0, 1)).all():
        raise ValueError("`y` must hold one target a row, 0 or 1.")
    return torch.from_numpy(given.astype(np.int64))


def _weights(given: ArrayLike | None, n_rows: int) -> torch.Tensor | None:
    if given is None:
        return None
    weight = np.asarray(given, dtype=np.float64)
    if weight.shape != (n_rows,) or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(
            "`sample_weight` must hold a finite number of at least 0 for each row."
        )
    return torch.from_numpy(weight)


def _codes(groups: ArrayLike | None, n_rows: int) -> torch.Tensor | None:
    if groups is None:
        return None
    _, codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    if len(codes) != n_rows or codes.max() < 1:
        raise ValueError(
            f"`groups` must name the group of each of the {n_rows} rows, of two groups "
            "at least."
        )
    return torch.from_numpy(codes)
