"""Rows that a model was fitted to are known again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn.estimators import seen
from losslearn.estimators.seen import SeenRows


def numbers(n: int, seed: int, n_values: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (draw.integers(-n_values, n_values, (n, 3)) / 7).astype(np.float32)


@given(
    sizes=st.tuples(*[st.integers(1, 60)] * 3),
    n_values=st.integers(2, 9),
    seed=st.integers(0, 99),
)
def test_rows_of_a_small_table_are_counted_exactly(sizes, n_values, seed):
    train, valid, others = (
        numbers(n, seed + place, n_values) for place, n in enumerate(sizes)
    )
    fitted = set(map(tuple, [*train.tolist(), *valid.tolist()]))
    found = SeenRows.of(train, valid)
    if 2 * len(fitted) < len(train) + len(valid):
        assert found is None
        return
    table = np.concatenate([others, valid])
    expected = sum(tuple(row) in fitted for row in table.tolist())
    assert found.count(table) == (expected, len(table))


@settings(max_examples=20)
@given(n_seen=st.integers(0, 2_000), seed=st.integers(0, 99))
def test_rows_of_a_large_table_are_counted_by_a_sample(n_seen, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "_KEPT", 1_000)
        draw = np.random.default_rng(seed)
        fitted, others = draw.normal(size=(2, 4_000, 2)).astype(np.float32)
        known = SeenRows.of(fitted)
        assert len(known.hashes) == 1_000
        table = np.concatenate([fitted[:n_seen], others[n_seen:]])
        found = known.count(table)
    # a share of 1 in 4 rows: five deviations of the draws
    assert found.compared == pytest.approx(1_000, abs=5 * 27 + 5 * 14)
    assert found.rows == pytest.approx(n_seen, abs=5 * 55)
    if n_seen == 0:
        assert found.rows == 0


def test_signs_of_zero_order_and_place_of_the_values():
    known = SeenRows.of(np.array([[0.0, 1.0], [2.0, -0.0]], np.float32))
    for row, is_known in (((-0.0, 1), 1), ((2, 0), 1), ((1, 0), 0), ((0, 2), 0)):
        assert known.count(np.array([row], np.float32)).rows == is_known
