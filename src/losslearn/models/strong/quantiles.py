"""Features with a normal distribution, by quantiles taken once from the data."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

_NOISE = 1e-5
"""Deviation of what is added to the rows before quantiles are taken, so that a value
that many rows share takes the middle of the ranks that it covers."""
_MOST_VALUES = 2**24
"""Of a table that quantiles are taken from; of a larger one rows are left out."""
_EDGE = 1e-7
"""Rows as near as this to the smallest or the largest value count as beyond it."""


class QuantileNormal(nn.Module):
    r"""Each feature by its quantile, as a standard normal variable.

    .. math::
        x \mapsto \Phi^{-1}(\hat F(x))

    with the distribution function :math:`\hat F` interpolated between quantiles, and
    the ends cut off at 5.2 deviations: what scikit-learn's `QuantileTransformer` does
    with `output_distribution="normal"`. All that is kept are the quantiles,
    `[features, quantiles]`, of which a module that is loaded takes as many as there
    are.
    """

    values: Tensor

    def __init__(self, n_features: int) -> None:
        """Start from quantiles that are all alike, which maps every row to an end."""
        super().__init__()
        self.register_buffer("values", torch.zeros(n_features, 2))

    def fit(self, x: Tensor, *, rows: Tensor | None = None) -> Self:
        """Take the quantiles of `x`, `[n, features]`, or of its `rows`; return itself.

        As many as TabM's authors take: one for each 30 rows, from 10 to 1,000.
        """
        numbers = torch.arange(len(x), device=x.device) if rows is None else rows.long()
        step = -(-len(numbers) * x.shape[1] // _MOST_VALUES) or 1
        taken = x[numbers[::step]].double().cpu().numpy()
        noise = np.random.default_rng(0).normal(0.0, _NOISE, taken.shape)
        n = max(min(len(taken) // 30, 1_000), 10)
        shares = np.linspace(0, 1, max(min(n, len(taken)), 2))
        found = np.quantile(taken + noise, shares, axis=0)
        # interpolation may go back by a rounding
        found = np.maximum.accumulate(found, axis=0).T.copy()
        self.values = torch.from_numpy(found).to(self.values)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the features `[..., features]` as normal variables."""
        values, flat = self.values, x.reshape(-1, x.shape[-1]).T.contiguous()
        low, high = values[:, :1], values[:, -1:]
        # of a value that several quantiles share, the middle of their shares
        share = (self._share(flat, side="left") + self._share(flat, side="right")) / 2
        normal = torch.special.ndtri(share)
        normal = torch.where(flat - _EDGE < low, -torch.inf, normal)
        normal = torch.where(flat + _EDGE > high, torch.inf, normal)
        return normal.clamp(-_END, _END).T.reshape(x.shape)

    def _share(self, x: Tensor, *, side: str) -> Tensor:
        """Return the share of rows below each value, `[features, n]`."""
        values, n = self.values, self.values.shape[1]
        place = torch.searchsorted(values, x, side=side)
        upper = place.clamp(1, n - 1)
        low, high = values.gather(1, upper - 1), values.gather(1, upper)
        within = ((x - low) / (high - low)).clamp(0, 1)
        beyond = (x >= high if side == "right" else x > high).to(x.dtype)
        return (upper - 1 + torch.where(high > low, within, beyond)) / (n - 1)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        *further: Any,  # noqa: ANN401 - torch's
    ) -> None:
        """Take any number of quantiles."""
        found = state_dict.get(f"{prefix}values")
        if found is not None and found.ndim == 2 and len(found) == len(self.values):
            self.values = self.values.new_empty(found.shape)
        super()._load_from_state_dict(state_dict, prefix, *further)


_END = float(torch.special.ndtri(torch.tensor(1 - _EDGE, dtype=torch.float64)))
"""Where the normal variable is cut off."""
