"""Probabilities from scores."""

import numpy as np
import torch
from torch import Tensor


def fit_platt(y_score: Tensor, y_true: Tensor) -> tuple[float, float]:
    """Return slope and intercept of the log-odds over the score (Platt, 1999).

    Args:
        y_score: Raw scores, shape `[rows]`.
        y_true: Targets, 0 or 1, both present.

    Returns:
        The slope, at least 0 so that the order of the scores stays, and the intercept.
    """
    from sklearn.linear_model import LogisticRegression  # predicting needs none

    scores = y_score.cpu().double().numpy()
    shift, scale = float(scores.mean()), float(scores.std()) or 1.0
    # half of the memory, here and in what the solver makes of it
    scaled = np.empty(scores.shape, np.float32)
    np.subtract(scores, shift, out=scaled, casting="same_kind")
    scaled /= scale
    # a hint of regularisation: separable rows would ask for an infinite slope
    line = LogisticRegression(C=100.0).fit(
        scaled[:, None], y_true.cpu().to(torch.int8).numpy()
    )
    slope = max(float(line.coef_[0, 0]), 0.0) / scale
    return slope, float(line.intercept_[0]) - slope * shift
