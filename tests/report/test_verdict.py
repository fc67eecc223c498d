import math

import pytest
import torch

from losslearn import Recipe, get_true_loss
from losslearn.metrics import as_true_loss
from losslearn.report.verdict import verdict
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.branches import LEARNED
from losslearn.training.comparison import Comparison
from losslearn.training.loop import Run
from losslearn.training.trust import GradientHealth
from losslearn.training.uncertainty import Difference

USUAL = "cross_entropy"


def health_of(
    cosine: float, dead_share: float = 0.0, true_loss: float = 0.3
) -> GradientHealth:
    health = GradientHealth(get_true_loss("f1"))
    health._sums = [cosine, 1.0, 1.0, 100 * dead_share, 100.0, 1.0, 100 * true_loss]
    return health


def sentence(
    ours: float,
    control: float,
    error: float,
    health: GradientHealth | None = None,
    metric: object = "f1",
    n_rarest: int | None = 83,
) -> str:
    runs = Run(LEARNED, best_loss=ours), Run(USUAL, best_loss=control)
    difference = Difference(ours - control, error)
    chosen = LEARNED if difference.is_clear_gain() else USUAL
    comparison = Comparison(
        *runs, chosen, SetSurrogate(ScoreTokens(standardize=True)), difference, health
    )
    decided = "with a tuned threshold" if metric == "f1" else None
    return verdict(
        comparison,
        as_true_loss(metric),
        n_rows=1_000,
        n_rarest=n_rarest,
        decided=decided,
    )


def test_a_gain_is_told_with_its_size_and_uncertainty():
    found = sentence(0.27, 0.36, 0.01, health_of(0.9))
    assert found == (
        "Training for f1 helped, 14.1% higher: f1 0.73 on the validation rows against "
        "0.64 of cross-entropy with a tuned threshold, difference +0.09 ± 0.01."
    )


def test_no_threshold_is_spoken_of_where_there_is_none():
    found = sentence(0.27, 0.36, 0.01, health_of(0.9), metric="auc")
    assert found == (
        "Training for auc helped, 14.1% higher: auc 0.73 on the validation rows "
        "against 0.64 of cross-entropy, difference +0.09 ± 0.01."
    )


def test_a_loss_is_told_as_one():
    assert sentence(0.27, 0.36, 0.01, health_of(0.9), metric="error_rate") == (
        "Training for error_rate helped, 25.0% lower: error_rate 0.27 on the "
        "validation rows against 0.36 of cross-entropy, difference -0.09 ± 0.01."
    )


def test_a_metric_of_another_scale_is_told_on_it():
    """Of Matthews' correlation the loss is half of one minus it."""
    found = sentence(0.3, 0.4, 0.01, health_of(0.9), metric="mcc")
    assert found.endswith(
        "helped, 100.0% higher: mcc 0.4 on the validation rows against 0.2 of "
        "cross-entropy, difference +0.2 ± 0.02."
    )


def test_a_gain_in_money_is_told_in_money():
    def profit(y_true, y_pred):
        return 100.0 * (y_true * y_pred).sum() - y_pred.sum()

    profit.greater_is_better = True
    found = sentence(-250.0, -200.0, 5.0, health_of(0.9), metric=profit)
    assert found == (
        "Training for profit helped, 25.0% higher: profit 250 on the validation rows "
        "against 200 of cross-entropy, difference +50 ± 5."
    )
    # nothing is no perfect profit
    same = sentence(0.0, 0.0, 0.0, health_of(0.9), metric=profit)
    assert "nothing to gain" not in same


def test_with_constraints_the_figures_are_said_to_be_losses_with_penalties():
    found = sentence(
        0.3, 0.4, 0.01, health_of(0.9), metric="recall subject to precision >= 0.8"
    )
    assert found.startswith(
        "Training for recall subject to precision >= 0.8 helped, 25.0% lower: loss "
        "with penalties 0.3 on the validation rows against 0.4 of cross-entropy"
    )


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ((0.30, 0.30, 0.0, health_of(0.0, 0.99)), "was not possible"),
        ((0.30, 0.31, 0.02, health_of(0.1)), "(cosine 0.10)"),
        ((0.0, 0.0, 0.0, health_of(0.0, 0.99)), "is 1 on the validation rows"),
        (
            (0.3, 0.3, 0.0, health_of(0.0, 1.0, 0.0)),
            "is 1 on the training rows",
        ),
        ((0.33, 0.30, 0.01, health_of(0.9)), "did not help: "),
        ((0.29, 0.30, 0.02), "cannot be told by 1,000 validation rows"),
        ((0.30, 0.30, 0.0, health_of(0.9)), "no round of it was better"),
        ((0.29, 0.30, math.nan), "cannot be told by 1,000 validation rows"),
        ((0.299, 0.30, 0.002, health_of(0.9)), "made no clear difference"),
    ],
)
def test_otherwise_the_reason_is_told_and_what_is_used(outcome, reason):
    found = sentence(*outcome)
    assert reason in found
    assert "The model trained by cross-entropy is used." in found
    assert "%" not in found or "99% of the directions" in found


def test_a_gain_below_two_standard_errors_is_probable():
    assert "probably helped, 2.1% higher" in sentence(0.285, 0.3, 0.01)
    assert "probably" not in sentence(0.279, 0.3, 0.01)


def test_too_few_rows_of_a_kind_show_nothing():
    found = sentence(0.29, 0.30, 0.02, n_rarest=12)
    assert "12 validation rows are of the rarest kind" in found
    assert "some 30" in found
    assert "some 30" not in sentence(0.29, 0.30, 0.02, n_rarest=30)
    assert "some 30" not in sentence(0.29, 0.30, 0.02, n_rarest=None)


def test_a_value_of_zero_has_no_share():
    found = sentence(0.4, 1.0, 0.1, metric="f1")
    assert found.startswith("Training for f1 helped: ")


def test_it_reads_what_a_fit_has_found():
    from losslearn import SurrogateClassifier

    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(600, generator=generator) < 0.3).long()
    x = torch.randn(600, 3, generator=generator) + y[:, None]
    clf = SurrogateClassifier(
        "f1", model="linear", recipe=Recipe(max_iter=20), random_state=0
    )
    report = clf.fit(x.numpy(), y.numpy()).report_
    assert report["verdict"].startswith(("Training for f1", "Whether training for f1"))
    assert report["chosen"] == (
        LEARNED if report["difference"] < -report["standard_error"] else USUAL
    )


def test_a_metric_without_a_gradient_is_warned_of():
    from losslearn import SurrogateClassifier, declare_metric

    @declare_metric(greater_is_better=False, batched=True)
    def constant(y_true, y_score):
        return 0.25 + 0 * (y_true * y_score).sum(-1)

    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(600, generator=generator) < 0.3).long()
    x = torch.randn(600, 3, generator=generator) + y[:, None]
    clf = SurrogateClassifier(
        constant,
        model="linear",
        recipe=Recipe(mode="scratch", max_iter=20),
        random_state=0,
    )
    with pytest.warns(RuntimeWarning, match="Training for constant was not possible"):
        clf.fit(x.numpy(), y.numpy())
    assert clf.report_["chosen"] == USUAL
