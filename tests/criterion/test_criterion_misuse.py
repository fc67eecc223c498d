"""Wrong use of the criterion is refused with a word on why."""

import pytest
import torch

from losslearn import SurrogateLoss
from losslearn.criterion.queue import ScoreQueue

SCORES, TARGETS = torch.arange(8.0), torch.tensor([0, 1] * 4)


def cost(y_true, y_pred, *, amount):
    return float((y_true * y_pred * amount).sum())


def filled(**changes) -> ScoreQueue:
    queue = ScoreQueue(4)
    queue.push(
        torch.arange(4.0), torch.tensor([0, 1, 0, 1]), strata=torch.arange(4) % 2
    )
    queue.load_state_dict({**queue.state_dict(), **changes})
    return queue


def resumed(**changes) -> None:
    criterion = SurrogateLoss("f1", mode="scratch")
    state = criterion.get_extra_state()
    state["stream"].update(changes)
    criterion.set_extra_state(state)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: SurrogateLoss("speed"), "Unknown metric `speed`"),
        (lambda: SurrogateLoss("f1", prevalence=1.0), "`prevalence` must be"),
        (lambda: SurrogateLoss("f1", set_size=1), "at least 2"),
        (lambda: SurrogateLoss("f1", queue_size=1), "at least 2 rows, got 1"),
        (lambda: SurrogateLoss("f1", warm_up=-1), "`warm_up` must be"),
        (lambda: SurrogateLoss("f1", learn_every=0), "`learn_every` must be at least"),
        (
            lambda: SurrogateLoss(cost, greater_is_better=True),
            "given scores and targets alone.*amount",
        ),
        (lambda: SurrogateLoss("f1")(SCORES, TARGETS[:7]), r"\[8\] and target \[7\]"),
        (lambda: SurrogateLoss("f1")(SCORES, TARGETS * 2), r"0 or 1 in each row"),
        (lambda: SurrogateLoss("f1")(TARGETS, TARGETS), "scores of a floating type"),
        (lambda: SurrogateLoss("f1").rule, "queue is empty"),
        (lambda: ScoreQueue(4).rows(), "queue is empty"),
        (lambda: filled(at=5).check(), "no 'at', but 5"),
        (lambda: filled(size=-1).check(), "no 'size', but -1"),
        (lambda: filled(target=torch.zeros(3)).check(), "rows that do not fit"),
        (lambda: filled(score=torch.zeros(3)), "a queue of 3 rows, this one has 4"),
        (lambda: resumed(batches=-1), "no count of batches, but -1"),
        (lambda: resumed(fits=0.5), "no count of fits, but 0.5"),
        (lambda: resumed(blend=2.0), r"no blend in \[0, 1\], but 2.0"),
    ],
)
def test_each_refusal_says_why(use, message):
    with pytest.raises(ValueError, match=message) as said:
        use()
    assert "\n" not in str(said.value)


def test_a_rule_needs_both_classes_in_the_queue():
    criterion = SurrogateLoss("f1", mode="scratch", warm_up=1)
    criterion(torch.zeros(4, requires_grad=True), torch.zeros(4))
    with pytest.raises(ValueError, match="both classes, got 0 positive rows of 4"):
        _ = criterion.rule
