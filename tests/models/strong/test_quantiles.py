"""Features by their quantiles, against scikit-learn's transformer."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import QuantileTransformer

from losslearn.models.strong import quantiles
from losslearn.models.strong.quantiles import QuantileNormal


def table(n: int = 700) -> np.ndarray:
    draws = np.random.default_rng(1)
    return np.column_stack(
        [
            draws.normal(size=n),
            draws.exponential(size=n) * 1e4,
            draws.integers(0, 2, n),  # two values
            draws.integers(0, 40, n) / 8,  # tied values
            np.full(n, 3.0),  # a constant
        ]
    )


def theirs(x: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return what TabM's authors make of `given`, by the rows `x`."""
    noise = np.random.default_rng(0).normal(0.0, 1e-5, x.shape)
    n_quantiles = max(min(len(x) // 30, 1000), 10)
    transformer = QuantileTransformer(
        n_quantiles=n_quantiles, output_distribution="normal", subsample=10**9
    )
    return transformer.fit(x + noise).transform(given)


@pytest.mark.parametrize("n", [12, 700])
def test_features_are_normal_as_scikit_learn_has_them(n):
    x = table(n)
    given = np.concatenate([x, 1.5 * table(90), x - 1e9])
    ours = QuantileNormal(5).double().fit(torch.from_numpy(x))
    found = ours(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(found, theirs(x, given), atol=1e-5)


def test_single_precision_comes_close():
    x = table()
    expected = theirs(x, x)
    ours = QuantileNormal(5).fit(torch.from_numpy(x).float())
    found = ours(torch.from_numpy(x).float()).numpy()
    # the noise is below a rounding of 1e4
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_value_of_several_quantiles_takes_their_middle(monkeypatch):
    monkeypatch.setattr(quantiles, "_NOISE", 0.0)
    x = np.random.default_rng(0).integers(0, 4, (700, 1)).astype(float)
    given = np.linspace(-1, 4, 41)[:, None]
    expected = QuantileTransformer(
        n_quantiles=23, output_distribution="normal", subsample=10**9
    ).fit(x)
    found = QuantileNormal(1).double().fit(torch.from_numpy(x))
    np.testing.assert_allclose(
        found(torch.from_numpy(given)).numpy(), expected.transform(given), atol=1e-5
    )


def test_rows_are_taken_by_number_and_other_axes_stay():
    x = torch.from_numpy(table())
    rows = torch.arange(0, 700, 2)
    some = QuantileNormal(5).double().fit(x, rows=rows)
    alone = QuantileNormal(5).double().fit(x[rows])
    torch.testing.assert_close(some.values, alone.values, rtol=0, atol=0)
    nested = some(x.reshape(7, 100, 5))
    torch.testing.assert_close(nested.reshape(700, 5), alone(x), rtol=0, atol=0)


def test_a_module_takes_as_many_quantiles_as_are_loaded():
    fitted = QuantileNormal(5).fit(torch.from_numpy(table()).float())
    fresh = QuantileNormal(5)
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh.values, fitted.values)
    with pytest.raises(RuntimeError, match="size mismatch"):
        QuantileNormal(4).load_state_dict(fitted.state_dict())
