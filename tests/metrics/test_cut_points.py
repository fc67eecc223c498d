"""Both ways to count above cut points, against each other and against a plain count."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn._fast import kernels
from losslearn.metrics import Sets, get_true_loss, roc_auc_loss
from losslearn.metrics import cut_points as module
from losslearn.metrics.cut_points import cut_points

KINDS = st.sampled_from([torch.float32, torch.float64])
WEIGHTS = st.sampled_from(["none", "rows", "places"])


@st.composite
def sets(draw):
    """Sets with ties, and here and there a score that is no number."""
    shape = draw(st.sampled_from([(1,), (7,), (3, 5), (2, 2, 4), (1, 40)]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    score = torch.randint(-3, 4, shape, generator=generator).to(draw(KINDS))
    odd = draw(st.sampled_from([0.0, math.nan, math.inf, -math.inf]))
    score = torch.where(torch.rand(shape, generator=generator) < 0.1, odd, score)
    y_true = torch.randint(0, 2, shape[-1:], generator=generator).expand(shape)
    # thirds, which no type holds exactly, beside zeros
    weight = torch.randint(0, 4, shape, generator=generator).to(score.dtype) / 3
    one_set = weight[(0,) * (len(shape) - 1)].expand([1] * (len(shape) - 1) + [-1])
    kind = draw(WEIGHTS)
    return Sets(y_true, score, {"none": None, "rows": weight, "places": one_set}[kind])


def both_ways(given, *, of=cut_points):
    compiled = of(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "is_available", lambda: False)
        plain = of(given)
    return compiled, plain


@given(sets())
@settings(max_examples=200, deadline=None)
def test_the_compiled_count_is_the_plain_one(case):
    compiled, plain = both_ways(case)
    numbers = ~case.score.isnan().any(-1)  # of no other set is the count of use
    for name in compiled._fields:
        ours, theirs = getattr(compiled, name), getattr(plain, name)
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if name == "undefined":
            assert torch.equal(ours.isnan(), theirs.isnan())
        else:
            assert torch.allclose(ours[numbers], theirs[numbers], rtol=0, atol=1e-12)


@given(sets())
@settings(max_examples=200, deadline=None)
def test_the_compiled_auc_is_the_plain_one(case):
    compiled, plain = both_ways(case, of=get_true_loss("auc"))
    assert compiled.dtype == plain.dtype
    assert compiled.shape == plain.shape
    assert torch.allclose(compiled, plain, rtol=0, atol=1e-7, equal_nan=True)


def test_the_compiled_auc_forms_no_cut_points(monkeypatch):
    monkeypatch.setattr(module, "cut_points", None)  # to call it would fail
    y_true, y_score = torch.tensor([[0, 1, 0, 1]]), torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    assert roc_auc_loss(y_true, y_score).tolist() == [0.25]


def test_rows_that_are_not_contiguous_are_counted_as_they_stand():
    score = torch.randn(6, 9, generator=torch.Generator().manual_seed(0)).T[::2]
    y_true = (torch.arange(12) % 3 == 0).long()[::2].expand(5, 6)
    compiled, plain = both_ways(Sets(y_true, score, torch.rand(12)[::2]))
    assert torch.equal(compiled.tp, plain.tp)
    assert torch.equal(compiled.fp, plain.fp)


def test_counts_are_those_of_a_loop():
    y_true = torch.tensor([0, 1, 1, 0, 1])
    y_score = torch.tensor([0.3, 0.9, 0.3, 0.1, 0.5])
    for counts in both_ways(Sets(y_true, y_score)):
        # 0.9, then 0.5, then both of 0.3, then 0.1
        assert counts.tp.tolist() == [0, 1, 2, 3, 3, 3]
        assert counts.fp.tolist() == [0, 0, 0, 1, 1, 2]
