"""The losses against their definitions, and one set of many rows, valued in parts.

The parts are of a few rows here, to be checked.
"""

import math

import oracles
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import OF_LABELS, OF_SCORES, LabelledSet, labelled_sets

from losslearn.metrics import Sets, cut_points, get_true_loss

TOLERANCE = 1e-9  # doubles, with weights up to a thousand


@pytest.fixture(params=[None, 1, 3, 100], autouse=True)
def rows_of_a_part(request, monkeypatch) -> None:
    if request.param is not None:
        monkeypatch.setattr(cut_points, "_MANY", 0)
        monkeypatch.setattr(cut_points, "_ROWS", request.param)


def expected_of(name: str, case: LabelledSet) -> float:
    if name in OF_SCORES:
        return OF_SCORES[name][0](*case.lists())
    return oracles.best_over_thresholds(OF_LABELS[name][0], *case.lists())


@pytest.mark.parametrize("name", [*OF_LABELS, *OF_SCORES])
@settings(max_examples=15)
@given(case=labelled_sets())
def test_the_loss_is_that_of_the_definition(name, case):
    got = get_true_loss(name)(case.sets()).item()
    assert got == pytest.approx(expected_of(name, case), abs=TOLERANCE)


@settings(max_examples=60)
@given(case=labelled_sets(), name=st.sampled_from(sorted(OF_LABELS)))
def test_each_cut_point_comes_once_and_in_order(case, name):
    loss = get_true_loss(name)
    distinct, losses = loss.at_cut_points(*case.arguments(), **case.weights())
    ranked = sorted(set(case.y_score.tolist()), reverse=True)
    assert distinct.tolist() == ranked
    expected = [
        loss.at_threshold(*case.arguments(), threshold=threshold, **case.weights())
        for threshold in [math.inf, *ranked]
    ]
    torch.testing.assert_close(losses, torch.stack(expected), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["f1", "auc", "average_precision", "eer"])
def test_a_set_of_one_class_or_with_a_score_that_is_none_has_no_value(name):
    loss = get_true_loss(name)
    assert loss(Sets(torch.zeros(5, dtype=torch.long), torch.rand(5))).isnan()
    y_score = torch.tensor([0.0, math.nan, 1.0])
    assert loss(Sets(torch.tensor([0, 1, 1]), y_score)).isnan()
