"""Products of the compiled kernels against NumPy's, worked out in double precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

products = pytest.importorskip(
    "losslearn._fast.kernels.products", reason="numba is missing"
)

FEW, MANY = st.integers(1, 11), st.integers(1, 70)


def draw(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def untouched(*shape: int) -> NDArray[np.float32]:
    return np.full(shape, 7, np.float32)


@given(units=FEW, inputs=FEW, n=MANY, seed=st.integers(0, 2**16))
def test_weights_times_rows(units, inputs, n, seed):
    weight, rows = draw(seed, units, inputs), draw(seed + 1, inputs, n)
    out = untouched(units, n)
    products.multiply(weight, rows, out)
    np.testing.assert_allclose(out, weight.astype(float) @ rows, atol=1e-5)


@given(units=FEW, inputs=FEW, n=MANY, seed=st.integers(0, 2**16))
def test_rows_times_rows(units, inputs, n, seed):
    left, right = draw(seed, units, n), draw(seed + 1, inputs, n)
    out = untouched(units, inputs)
    products.multiply_by_rows(left, right, out)
    np.testing.assert_allclose(out, left.astype(float) @ right.T, atol=5e-5)


def test_what_is_not_a_number_is_seen():
    weight, rows = draw(0, 4, 5), draw(1, 5, 20)
    rows[4, 3] = np.nan
    out = untouched(4, 20)
    products.multiply(weight, rows, out)
    assert np.isnan(out[:, 3]).all()
    assert not np.isnan(np.delete(out, 3, axis=1)).any()
    out = untouched(4, 5)
    products.multiply_by_rows(draw(2, 4, 20), rows, out)
    assert np.isnan(out[:, 4]).all()
    assert not np.isnan(out[:, :4]).any()
