"""What a task cannot take is refused with a word on why."""

import pytest
import torch

from losslearn import Recipe
from losslearn.metrics import Sets, get_true_loss
from losslearn.metrics.own.as_true_loss import untried
from losslearn.tasks.binary import Binary
from losslearn.tasks.labels import BinaryLabels
from losslearn.tasks.registry import get_task
from losslearn.tasks.renamed import renamed
from losslearn.tasks.thresholds import best_threshold, evaluate, tune_threshold
from losslearn.tasks.tokens import ScoreTokens

ZEROS, SCORES = torch.tensor([0, 1]), torch.tensor([0.0, 1.0])
SETS = Sets(ZEROS[None], SCORES[None])
LABELS = BinaryLabels.of(["no", "yes"])
AUC, F1 = get_true_loss("auc"), get_true_loss("f1")
AMOUNT = {"amount": (0.0, 1.0)}


def cost(y_true, y_pred, *, amount):
    return float((y_true * y_pred * amount).sum())


def plain(y_true, y_score):
    return float((y_true * y_score).mean())


cost.greater_is_better = plain.greater_is_better = True


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: get_task("tea"), ValueError, "`task` must be one of.*'tea'"),
        (lambda: Binary().shares(0.0), ValueError, r"`prevalence` must be in \(0, 1\)"),
        (lambda: Binary().shares(1), ValueError, r"`prevalence` must be in \(0, 1\)"),
        (
            lambda: Binary().checked_rows(SCORES, torch.zeros(3)),
            ValueError,
            r"got input \[2\] and target \[3\]",
        ),
        (
            lambda: Binary().checked_rows(SCORES, torch.tensor([0, 2])),
            ValueError,
            r"`target` must be 0 or 1 in each row, got \[2\]",
        ),
        (lambda: Binary().restore_rule({"kind": "none"}), LookupError, "kind 'none'"),
        (lambda: Binary().restore_rule({}), LookupError, "kind"),
        (lambda: BinaryLabels.of([1, 1]), ValueError, "one class only: 1 in all 2"),
        (lambda: BinaryLabels.of([1, 2, 3]), ValueError, "3 classes"),
        (
            lambda: BinaryLabels.of([1, 2], positive=3),
            ValueError,
            r"must be one of 1, 2; got 3",
        ),
        (lambda: BinaryLabels.from_dict({}), LookupError, "classes"),
        (lambda: BinaryLabels.from_dict({"classes": [1]}), ValueError, "unpack"),
        (lambda: BinaryLabels.from_dict({"classes": [1, 2, 3]}), ValueError, "unpack"),
        (lambda: LABELS.encode(["yes", "maybe"]), ValueError, "the labels 'maybe'"),
        (lambda: LABELS.encode(["yes", "yes"]), ValueError, "one class only"),
        (lambda: renamed({"speed": 1}, {}), TypeError, "argument 'speed'"),
        (lambda: renamed({"class_weight": 1}, {}), TypeError, "no `class_weight`"),
        (lambda: ScoreTokens(top_shares=[0.5]), ValueError, "between 0 and 0.5"),
        (lambda: ScoreTokens(top_shares=[0.0]), ValueError, "between 0 and 0.5"),
        (
            lambda: ScoreTokens(column_units=AMOUNT)(SETS),
            ValueError,
            r"sees the columns \['amount'\]",
        ),
        (lambda: best_threshold(AUC, ZEROS, SCORES), ValueError, "no threshold"),
        (lambda: best_threshold(F1, ZEROS * 0, SCORES), ValueError, "both classes"),
        (lambda: best_threshold(F1, ZEROS, SCORES * torch.nan), ValueError, "no value"),
        (lambda: evaluate(F1, ZEROS, SCORES), ValueError, "needs a `threshold`"),
        (
            lambda: evaluate(untried(plain), ZEROS, SCORES, sample_weight=SCORES / 2),
            ValueError,
            "does not take weights",
        ),
        (lambda: tune_threshold([0, 1], [0.0, 1.0], cost), ValueError, "`amount`"),
        (
            lambda: tune_threshold(
                [0, 1], [0.0, 1.0], "f1", metric_columns={"amount": [1, 2]}
            ),
            ValueError,
            "`amount`",
        ),
        (lambda: Recipe(strata_shares=(0.0, 1.0)), ValueError, "`strata_shares` must"),
    ],
)
def test_each_refusal_says_why(use, error, message):
    with pytest.raises(error, match=message) as said:
        use()
    assert "\n" not in str(said.value)
