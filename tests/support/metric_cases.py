"""Generated sets, and each built-in loss beside its oracle and scikit-learn."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import oracles
import sklearn.metrics as sk
import torch
from hypothesis import strategies as st
from torch import Tensor

from losslearn.metrics import Sets


@dataclass(frozen=True)
class LabelledSet:
    """One set: targets of both classes, scores with ties, weights or None."""

    y_true: np.ndarray
    y_score: np.ndarray
    weight: np.ndarray | None

    def sets(self) -> Sets:
        return Sets(*self.arguments(), self.weights().get("sample_weight"))

    def arguments(self) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self.y_true), torch.from_numpy(self.y_score)

    def weights(self) -> dict[str, Tensor]:
        if self.weight is None:
            return {}
        return {"sample_weight": torch.from_numpy(self.weight)}

    def lists(self) -> tuple[list[int], list[float], list[float]]:
        weight = np.ones(len(self.y_true)) if self.weight is None else self.weight
        return self.y_true.tolist(), self.y_score.tolist(), weight.tolist()


@st.composite
def labelled_sets(draw, *, weighted: bool | None = None, max_size: int = 30):
    """Sets of both classes; some have one row only of a class, most have ties."""
    n = draw(st.integers(2, max_size))
    few = draw(st.sampled_from(["positive", "negative", "neither"]))
    if few == "neither":
        y_true = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
        y_true[:2] = 0, 1
    else:
        y_true = np.full(n, int(few == "negative"))
        y_true[draw(st.integers(0, n - 1))] = int(few == "positive")
    levels = draw(st.sampled_from([1, 3, 100]))
    score = st.integers(-levels, levels)
    y_score = np.array(draw(st.lists(score, min_size=n, max_size=n)), dtype=float) / 4
    if not (draw(st.booleans()) if weighted is None else weighted):
        return LabelledSet(y_true, y_score, None)
    one = st.sampled_from([0.0, 0.1, 0.3, 1.0, 2.5, 1000.0])
    weight = np.array(draw(st.lists(one, min_size=n, max_size=n)))
    for label in (0, 1):  # no class may vanish
        rows = np.flatnonzero(y_true == label)
        weight[rows[0]] = max(weight[rows[0]], 0.1)
    return LabelledSet(y_true, y_score, weight)


def random_sets(n_sets: int, n: int, *, pos_rate: float = 0.3, seed: int = 0) -> Sets:
    """A batch of sets that hold both classes, with some ties."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n_sets, n, generator=generator) < pos_rate).long()
    y_true[:, 0], y_true[:, 1] = 0, 1
    noise = torch.randn(n_sets, n, generator=generator, dtype=torch.float64)
    return Sets(y_true, ((noise + y_true) * 8).round() / 8)


def _quietly(score: Callable[..., float], **kwargs: object) -> Callable[..., float]:
    """Call scikit-learn without its warnings on 0/0, which are what is compared."""

    def call(
        y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None
    ) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(score(y_true, y_pred, sample_weight=weight, **kwargs))

    return call


def _one_minus(score: Callable[..., float], **kwargs: object) -> Callable[..., float]:
    call = _quietly(score, **kwargs)
    return lambda *args: 1 - call(*args)


def _half(score: Callable[..., float]) -> Callable[..., float]:
    call = _quietly(score)
    return lambda *args: (1 - call(*args)) / 2


def _sk_equal_error_rate(y_true, y_score, weight):
    fpr, tpr, _ = sk.roc_curve(y_true, y_score, sample_weight=weight)
    # The curve as a function of FPR - FNR, read where that is 0.
    return float(np.interp(0.0, fpr + tpr - 1, fpr))


def _sk_recall_at_precision(y_true, y_score, weight, *, precision):
    found, recall, _ = sk.precision_recall_curve(y_true, y_score, sample_weight=weight)
    return 1 - recall[found > precision - 1e-9].max()


# name: (oracle of labels, the same by scikit-learn, which has no geometric mean)
OF_LABELS = {
    "error_rate": (oracles.error_rate, _one_minus(sk.accuracy_score)),
    "f1_loss": (oracles.f1_loss, _one_minus(sk.f1_score, zero_division=0.0)),
    "fbeta_loss": (
        oracles.fbeta_loss,
        _one_minus(sk.fbeta_score, beta=2.0, zero_division=0.0),
    ),
    "fbeta_loss@0.5": (
        partial(oracles.fbeta_loss, beta=0.5),
        _one_minus(sk.fbeta_score, beta=0.5, zero_division=0.0),
    ),
    "jaccard_loss": (
        oracles.jaccard_loss,
        _one_minus(sk.jaccard_score, zero_division=0.0),
    ),
    "mcc_loss": (oracles.mcc_loss, _half(sk.matthews_corrcoef)),
    "balanced_error": (oracles.balanced_error, _one_minus(sk.balanced_accuracy_score)),
    "gmean_loss": (oracles.gmean_loss, None),
    "kappa_loss": (oracles.kappa_loss, _half(sk.cohen_kappa_score)),
}

# name: (oracle of scores, the same by scikit-learn)
OF_SCORES = {
    "roc_auc_loss": (oracles.roc_auc_loss, _one_minus(sk.roc_auc_score)),
    "partial_auc_loss": (
        oracles.partial_auc_loss,
        _one_minus(sk.roc_auc_score, max_fpr=0.1),
    ),
    "partial_auc_loss@0.4": (
        partial(oracles.partial_auc_loss, max_fpr=0.4),
        _one_minus(sk.roc_auc_score, max_fpr=0.4),
    ),
    "average_precision_loss": (
        oracles.average_precision_loss,
        _one_minus(sk.average_precision_score),
    ),
    "equal_error_rate": (oracles.equal_error_rate, _sk_equal_error_rate),
    "recall_at_precision": (
        oracles.recall_at_precision,
        partial(_sk_recall_at_precision, precision=0.8),
    ),
    "recall_at_precision@0.5": (
        partial(oracles.recall_at_precision, precision=0.5),
        partial(_sk_recall_at_precision, precision=0.5),
    ),
    "precision_at_k": (oracles.precision_at_k, None),
    "precision_at_k@0.4": (partial(oracles.precision_at_k, k=0.4), None),
    "precision_at_k@3": (partial(oracles.precision_at_k, k=3), None),
}
