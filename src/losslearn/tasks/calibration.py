"""Probabilities from scores."""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Platt:
    """A logistic curve of the score (Platt, 1999)."""

    slope: float
    """Of the log-odds over the score; at least 0, so that the order of scores stays."""
    intercept: float

    @classmethod
    def fit(
        cls,
        y_score: Float[Tensor, " rows"],
        y_true: Shaped[Tensor, " rows"],
        *,
        sample_weight: Float[Tensor, " rows"] | None = None,
    ) -> Self:
        """Return the curve of rows of both classes, 0 and 1, weighed if they are."""
        from sklearn.linear_model import LogisticRegression  # predicting needs none

        scores = y_score.cpu().double().numpy()
        shift, scale = float(scores.mean()), float(scores.std()) or 1.0
        # half of the memory, here and in what the solver makes of it
        scaled = np.empty(scores.shape, np.float32)
        np.subtract(scores, shift, out=scaled, casting="same_kind")
        scaled /= scale
        # a hint of regularisation: separable rows would ask for an infinite slope
        line = LogisticRegression(C=100.0).fit(
            scaled[:, None],
            y_true.cpu().to(torch.int8).numpy(),
            # in units of a row, of which the regularisation is so much
            sample_weight=None
            if sample_weight is None
            else (sample_weight / sample_weight.mean()).cpu().numpy(),
        )
        slope = max(float(line.coef_[0, 0]), 0.0) / scale
        return cls(slope, float(line.intercept_[0]) - slope * shift)

    def probability(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of the positive class."""
        log_odds = np.clip(self.slope * score + self.intercept, -700, 700)
        probability: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
        return probability

    def to_dict(self) -> dict[str, float]:
        """Return slope and intercept, by name."""
        return asdict(self)
