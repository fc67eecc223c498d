"""What no metric can be, or be given, is refused with a word on why."""

import numpy as np
import pytest
import torch

from losslearn import as_true_loss
from losslearn.metrics import MetricError, Sets, TrueLoss, get_true_loss
from losslearn.metrics.columns import TextColumns
from losslearn.metrics.confusion import fbeta_loss
from losslearn.metrics.interval import loss_interval
from losslearn.metrics.other_names import refuse_no_aim
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.trying import tried, tried_on
from losslearn.metrics.ranking import (
    partial_auc_loss,
    precision_at_k,
    recall_at_precision,
)
from losslearn.metrics.sets import TargetRows

Y, SCORE = torch.tensor([0, 1, 0, 1]), torch.tensor([0.1, 0.4, 0.2, 0.9])
SETS = Sets(Y, SCORE)
ROWS = TargetRows(Y, {})
F1, AUC = get_true_loss("f1"), get_true_loss("auc")


def never(y_true, y_score):
    return float("nan") * len(y_true) * len(y_score)


def says_text(y_true, y_score):
    return f"{len(y_true)} of {len(y_score)}"


def of_amount(y_true, y_score, *, amount):
    return float((y_true * y_score * amount).mean())


def mean(y_true, y_score):
    return float((y_true * y_score).mean())


def of_x(y_true, x):
    return float((y_true * x).mean())


def loss_of(metric) -> TrueLoss:
    return untried(metric, greater_is_better=False)


def one_interval(**settings):
    return loss_interval(AUC, SETS, generator=torch.Generator(), **settings)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: fbeta_loss(Y, SCORE, beta=0.0), ValueError, "`beta` must be"),
        (lambda: partial_auc_loss(Y, SCORE, max_fpr=0.0), ValueError, "`max_fpr` must"),
        (lambda: partial_auc_loss(Y, SCORE, max_fpr=1.1), ValueError, "`max_fpr` must"),
        (
            lambda: recall_at_precision(Y, SCORE, precision=0.0),
            ValueError,
            "`precision` must be",
        ),
        (lambda: precision_at_k(Y, SCORE, k=0), ValueError, "`k` must be"),
        (lambda: precision_at_k(Y, SCORE, k=1.5), ValueError, "`k` must be"),
        (lambda: get_true_loss("speed"), ValueError, "Unknown metric `speed`"),
        (lambda: get_true_loss("auc@0.5"), ValueError, "takes no parameter"),
        (lambda: get_true_loss("fbeta@-1"), ValueError, "after the `@`"),
        (lambda: one_interval(level=1.0), ValueError, "`level` must be"),
        (lambda: one_interval(n_resamples=0), ValueError, "`n_resamples` must be"),
        (lambda: refuse_no_aim("precision"), ValueError, "`precision` alone is no aim"),
        (lambda: AUC.with_threshold(0.5), ValueError, "has no threshold"),
        (lambda: loss_of(mean).check_takes_weight(), ValueError, "not take weights"),
        (
            lambda: loss_of(mean)(SETS._replace(weight=SCORE)),
            ValueError,
            "not take weights",
        ),
        (lambda: loss_of(of_amount)(SETS), ValueError, r"needs.*\['amount'\]"),
        (lambda: loss_of(of_amount).further(None), ValueError, r"\['amount'\] are not"),
        (lambda: untried("speed"), ValueError, "Unknown metric `speed`"),
        (lambda: untried(mean), ValueError, "greater value of `mean` better"),
        (lambda: untried(F1, greater_is_better=True), ValueError, "a loss already"),
        (lambda: loss_of(of_x), ValueError, "take as its second argument"),
        (lambda: untried(3), ValueError, "`metric` must be a name"),
        (lambda: as_true_loss("speed"), ValueError, "Unknown metric `speed`"),
        (
            lambda: as_true_loss(never, greater_is_better=True),
            MetricError,
            "finite value, got nan at call 1 on generated rows",
        ),
        (
            lambda: as_true_loss(says_text, greater_is_better=True),
            MetricError,
            "must return one number",
        ),
        (lambda: tried(loss_of(never)), MetricError, "on generated rows"),
        (lambda: loss_of(never)(SETS), MetricError, "finite value, got nan at call 1"),
        (lambda: loss_of(says_text)(SETS), MetricError, "must return one number"),
        (
            lambda: tried_on(loss_of(never), ROWS, ROWS),
            MetricError,
            "on the validation rows with made-up scores",
        ),
        (
            lambda: tried_on(loss_of(says_text), ROWS, ROWS),
            MetricError,
            "must return one number",
        ),
        (
            lambda: TextColumns().encode("era", np.array([[1], [2, 3]], dtype=object)),
            TypeError,
            "unhashable",
        ),
    ],
)
def test_each_refusal_says_why(use, error, message):
    with pytest.raises(error, match=message) as said:
        use()
    assert "\n" not in str(said.value)


def test_undefined_on_generated_columns_alone_is_a_warning():
    def wants_large(y_true, y_score, *, amount):
        return float("nan") if amount.max() < 2 else float((y_true * y_score).mean())

    with pytest.warns(RuntimeWarning, match="It is tried again on your rows"):
        as_true_loss(wants_large, greater_is_better=True)
