"""Scores of one model as those of another."""

import pytest
import torch

from losslearn.models.rows import Rows
from losslearn.training import carrying
from losslearn.training.carrying import carried, some_rows

DRAWS = torch.Generator().manual_seed(0)
BEFORE = torch.randn(400, generator=DRAWS)


@pytest.mark.parametrize("bend", [torch.exp, torch.tanh, lambda s: 3 * s - 5])
def test_a_model_of_the_same_order_decides_alike(bend):
    found = carried(BEFORE, BEFORE, bend(BEFORE))
    torch.testing.assert_close(found, bend(BEFORE))


def test_as_many_rows_are_called_whatever_the_shape_of_the_scores():
    after = torch.randn(400, generator=DRAWS).abs() ** 3  # another order, too
    threshold = carried(BEFORE[:1], BEFORE, after)
    n_called = int((BEFORE[0] <= BEFORE).sum())
    assert int((after >= threshold).sum()) == pytest.approx(n_called, abs=1)


def test_order_is_kept_beyond_the_rows_and_among_ties():
    before = torch.tensor([0.0, 1, 1, 1, 2])
    after = torch.tensor([10.0, 10, 12, 14, 20])
    found = carried(torch.tensor([-1.0, 0, 0.5, 1, 2, 3]), before, after)
    assert found[1:5].tolist() == [10, 11, 12, 20]
    assert (found.diff() > 0).all()
    scale = float(after.std() / before.std())
    assert float(found[1] - found[0]) == pytest.approx(scale)
    assert float(found[5] - found[4]) == pytest.approx(scale)


@pytest.mark.parametrize("constant", [(0, 1), (1, 0), (0, 0)])
def test_scores_stay_where_a_model_tells_no_rows_apart(constant):
    before, after = (BEFORE * one for one in constant)
    assert torch.equal(carried(BEFORE, before, after), BEFORE)


def test_each_score_of_a_row_is_carried_by_itself():
    before = torch.stack([BEFORE, -2 * BEFORE.flip(0)], -1)
    after = before * torch.tensor([2.0, 5.0]) + 1
    torch.testing.assert_close(carried(before, before, after), after)


def test_rows_are_compared_by_some_of_many(monkeypatch):
    monkeypatch.setattr(carrying, "_MOST", 10)
    rows = Rows(torch.zeros(30, 1), torch.zeros(30))
    assert some_rows(rows).numbers.tolist() == list(range(0, 30, 3))
    own = rows._replace(numbers=torch.tensor([7, 5, 9]))
    assert some_rows(own).numbers.tolist() == [7, 5, 9]
