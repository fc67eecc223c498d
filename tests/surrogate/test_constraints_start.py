"""What a learned loss of a metric with constraints sees, and how long it is fitted."""

import pytest
import torch

from losslearn import subject_to
from losslearn.surrogate.universal import initial_surrogate
from losslearn.surrogate.universal.fit import TOP_HEAVY, WITH_COLUMNS
from losslearn.tasks.binary import Binary
from losslearn.tasks.task import TargetRows

ROWS = TargetRows(torch.arange(40) % 2, {"sex": (torch.arange(40) // 20).double()})
TOP = (0.3, 0.1, 0.03, 0.01)


@pytest.mark.parametrize(
    ("bound", "shares", "columns"),
    [
        ("precision >= 0.8", TOP, ()),
        ("fpr <= 0.01", TOP, ()),
        ("recall >= 0.9", (), ()),
        ("gap(tpr, by=sex) <= 0.1", (), ("sex",)),
    ],
)
def test_bounds_on_the_highest_scores_are_seen_by_a_view_of_them(
    bound, shares, columns, monkeypatch
):
    loss, asked = subject_to("accuracy", bound), []

    def noted(_, config, **__):
        asked.append(config)
        raise InterruptedError

    found = initial_surrogate(loss, Binary(), mode="scratch", seed=0, rows=ROWS)
    assert found.view.top_shares == shares
    assert found.view.column_names == columns
    monkeypatch.setattr("losslearn.surrogate.universal.store.fit_problem", noted)
    with pytest.raises(InterruptedError):
        initial_surrogate(loss, Binary(), mode="refined", seed=0, rows=ROWS)
    kind = WITH_COLUMNS if columns else TOP_HEAVY
    assert asked[0].max_iter == kind.max_iter
    assert asked[0].set_sizes == TOP_HEAVY.set_sizes  # small sets hold few of a group
