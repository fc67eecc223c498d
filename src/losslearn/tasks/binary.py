"""The binary task: two classes, one score a row, one threshold."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from losslearn.metrics import Sets, TrueLoss, get_true_loss
from losslearn.metrics.columns import NO_COLUMNS, Columns
from losslearn.tasks.calibration import Platt
from losslearn.tasks.choice import Candidate
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.generated import (
    GaussianScores,
    WideScores,
    WithColumns,
    column_units,
)
from losslearn.tasks.labels import BinaryLabels
from losslearn.tasks.options import OPTIONS, Option
from losslearn.tasks.rules.candidates import Candidates, n_resamples, restore_rule
from losslearn.tasks.rules.simple import ThresholdRule
from losslearn.tasks.task import Frame, Rule, SetDistribution, TargetRows, UsualLoss
from losslearn.tasks.thresholds import best_threshold
from losslearn.tasks.tokens import ScoreTokens

_TOP_SHARES = (0.3, 0.1, 0.03, 0.01)
"""What h sees of a loss that the highest scores decide alone."""


class Binary:
    """Targets 0 or 1, one raw score a row, a threshold chosen on validation rows."""

    name: ClassVar[str] = "binary"
    rule_numbers: ClassVar[Sequence[str]] = ("threshold",)
    n_strata: ClassVar[int] = 2
    score_shape: ClassVar[tuple[int, ...]] = ()
    target_shape: ClassVar[tuple[int, ...]] = ()
    options: ClassVar[Sequence[Option]] = OPTIONS
    usual_losses: ClassVar[Mapping[str, UsualLoss]] = {"cross_entropy": CrossEntropy()}

    def labels(
        self,
        y: Any,  # noqa: ANN401 - an array or a series
        options: Mapping[str, Any],
        *,
        called: str = "`y`",
    ) -> BinaryLabels:
        """Return both classes, the one named `positive` last (see `BinaryLabels`)."""
        return BinaryLabels.of(y, positive=options.get("positive"), called=called)

    def restore_labels(self, state: Mapping[str, Any]) -> BinaryLabels:
        """Return both classes again."""
        return BinaryLabels.from_dict(state)

    def strata(self, target: Tensor) -> Tensor:
        """Return the class of each row."""
        return target

    def shares(
        self, prevalence: float | Sequence[float] | None
    ) -> tuple[float, ...] | None:
        """Return the shares of both classes; a number alone is that of the positives.

        Raises:
            ValueError: If it is not between 0 and 1.
        """
        if prevalence is None or not isinstance(prevalence, float | int):
            return None if prevalence is None else tuple(prevalence)
        if not 0 < prevalence < 1:
            raise ValueError(
                f"`prevalence` must be in (0, 1) or None, got {prevalence!r}."
            )
        return (1 - prevalence, float(prevalence))

    def units(self, groups: Tensor | None) -> None:
        """Return None: sets are of rows."""
        del groups

    def checked_rows(self, score: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and targets with one axis.

        Raises:
            ValueError: If the shapes do not fit or a target is not 0 or 1.
        """
        rows = score.squeeze(-1) if score.shape[1:] == (1,) else score
        labels = target.squeeze(-1) if target.shape[1:] == (1,) else target
        if rows.ndim != 1 or rows.shape != labels.shape:
            raise ValueError(
                "`SurrogateLoss` takes one score and one target a row, [n] or [n, 1], "
                f"got input {list(score.shape)} and target {list(target.shape)}."
            )
        is_pos = labels != 0
        if not torch.equal(labels, is_pos.to(labels.dtype)):
            strange = labels[is_pos & (labels != 1)].unique()[:5].tolist()
            raise ValueError(
                f"`target` must be 0 or 1 in each row, got {strange}. Map your labels "
                "to 0 and 1, 1 for the class that the metric calls positive."
            )
        return rows, is_pos.long()

    def settings(self, true_loss: TrueLoss) -> Mapping[str, Any]:
        """Return larger sets for constraints, which count few of a set's rows.

        For a user's loss of decisions, whose every value is a call, also half the sets;
        what columns do to it takes all of them to learn.
        """
        found = {"batch_size": 1_000} if true_loss.constraints else {}
        is_by_calls = true_loss.own is not None and true_loss.needs_threshold
        if is_by_calls and not true_loss.columns:
            found["replay"] = 8
        return found

    def view(
        self, true_loss: TrueLoss, *, standardize: bool, like: TargetRows | None = None
    ) -> ScoreTokens:
        """Return the tokens (target, score, *columns) (see `ScoreTokens`)."""
        return ScoreTokens(
            standardize=standardize,
            column_units=column_units(like) if true_loss.columns and like else None,
            top_shares=_TOP_SHARES if true_loss.is_top_heavy else (),
        )

    def generated(
        self, true_loss: TrueLoss, *, form: str, like: TargetRows | None = None
    ) -> SetDistribution:
        """Return the paper's Gaussian scores, or the wide form; see `generated`."""
        scores: SetDistribution = GaussianScores()
        rows = like if true_loss.columns else None
        if form != "gaussian":
            wide = WideScores()
            if true_loss.framed:
                wide = WideScores(cut=True)
            elif not true_loss.scale_invariant:
                # scales and shifts, where the loss depends on them
                wide = WideScores(scale_range=(0.3, 10.0), shift_range=(-2.0, 2.0))
            if rows is not None:
                wide = replace(wide, pos_rate=float(rows.target.double().mean()))
            scores = wide
        return scores if rows is None else WithColumns(scores=scores, rows=rows)

    def frame(self, true_loss: TrueLoss, sets: Sets) -> Frame:
        """Return the best threshold of these rows, and their scores' deviation."""
        most = true_loss.max_calls
        if true_loss.own is not None:
            most = min(true_loss.own.max_cuts, most)
        threshold, _ = best_threshold(
            replace(true_loss, max_calls=most),
            sets.target,
            sets.score,
            sample_weight=sets.weight,
            columns=sets.columns,
        )
        scale = float(sets.score.std())
        return Frame(threshold, scale if 0 < scale < math.inf else 1.0)

    def perturb(
        self,
        sets: Sets,
        strength: float,
        *,
        as_a_whole: bool,
        generator: torch.Generator,
    ) -> Sets:
        """Return scores with noise; a loss of raw scores also sees sets moved whole.

        The noise of each set has a strength of its own, log-uniform over a factor of
        25: strong noise shows the way from afar, weak noise the optimum.
        """
        score = sets.score
        per_set = torch.empty_like(score[..., :1])
        relative = strength * 25.0 ** -per_set.uniform_(generator=generator)
        noise = torch.empty_like(score).normal_(generator=generator)
        moved = score + relative * score.std(-1, keepdim=True) * noise
        if as_a_whole:
            shift, stretch = (
                relative * torch.empty_like(relative).normal_(generator=generator)
                for _ in range(2)
            )
            moved = moved * stretch.exp() + shift * score.std()
        return sets._replace(score=moved)

    def directions(
        self, sets: Sets, strength: float, *, generator: torch.Generator
    ) -> Tensor:
        """Return independent noise, in deviations of each set's scores."""
        noise = torch.empty_like(sets.score).normal_(generator=generator)
        return strength * sets.score.std(-1, keepdim=True) * noise

    def plain_rule(self, true_loss: TrueLoss, sets: Sets) -> ThresholdRule:
        """Return the best threshold; of the error rate for a loss that has none."""
        tuned = true_loss if true_loss.needs_rule else get_true_loss("error_rate")
        threshold, _ = best_threshold(
            tuned,
            sets.target,
            sets.score,
            sample_weight=sets.weight,
            columns=sets.columns,
        )
        return ThresholdRule(threshold)

    def candidates(self, true_loss: TrueLoss, sets: Sets) -> Sequence[Candidate]:
        """Return nobody, everybody, thresholds and flips (see `Candidates`)."""
        return Candidates(true_loss, sets, true_loss.known).listed()

    def other_target(self, target: Tensor) -> Tensor:
        """Return the other class of each row."""
        return 1 - target

    def n_resamples(self, true_loss: TrueLoss) -> int:
        """Return how many there are calls for."""
        return n_resamples(true_loss)

    def restore_rule(self, state: Mapping[str, Any]) -> Rule:
        """Return the rule again; `LookupError` for that of another task."""
        return restore_rule(state)

    def calibrate(self, sets: Sets) -> dict[str, float]:
        """Return slope and intercept of the log-odds over the score (see `Platt`)."""
        curve = Platt.fit(sets.score, sets.target, sample_weight=sets.weight)
        return curve.to_dict()

    def predictions(
        self,
        score: NDArray[np.float64],
        rule: Rule,
        labels: BinaryLabels,
        calibration: Mapping[str, float],
        columns: Columns = NO_COLUMNS,
    ) -> dict[str, NDArray[Any]]:
        """Return score, probability of the second class, and label."""
        decided = rule.decide(torch.from_numpy(score), columns).numpy()
        return {
            "score": score,
            "probability": Platt(**calibration).probability(score),
            "label": labels.decode(decided),
        }

    def pictures(
        self, true_loss: TrueLoss, sets: Sets, rule: Rule
    ) -> Sequence[Callable[[Any], None]]:
        """Return the drawings of both classes' scores and of the loss by threshold."""
        from losslearn.tasks import pictures  # needs NumPy alone until it draws

        threshold = getattr(rule, "threshold", None) if not rule.columns else None
        y, y_score = (values.cpu().numpy() for values in (sets.target, sets.score))
        return (
            lambda ax: pictures.draw_scores(ax, y, y_score, threshold=threshold),
            lambda ax: pictures.draw_thresholds(
                ax, true_loss, sets, rule, threshold=threshold
            ),
        )
