"""True losses: what is trained for, exact and batched over sets."""

from losslearn.metrics.confusion import (
    balanced_error,
    error_rate,
    f1_loss,
    fbeta_loss,
    gmean_loss,
    jaccard_loss,
    kappa_loss,
    mcc_loss,
)
from losslearn.metrics.own.as_true_loss import as_true_loss, declare_metric
from losslearn.metrics.own.black_box import MetricError
from losslearn.metrics.own.sources import ResponseMethod
from losslearn.metrics.ranking import (
    average_precision_loss,
    equal_error_rate,
    partial_auc_loss,
    precision_at_k,
    recall_at_precision,
    roc_auc_loss,
)
from losslearn.metrics.registry import get_true_loss, list_true_losses
from losslearn.metrics.sets import Loss, Sets
from losslearn.metrics.true_loss import TrueLoss

__all__ = [
    "Loss",
    "MetricError",
    "ResponseMethod",
    "Sets",
    "TrueLoss",
    "as_true_loss",
    "average_precision_loss",
    "balanced_error",
    "declare_metric",
    "equal_error_rate",
    "error_rate",
    "f1_loss",
    "fbeta_loss",
    "get_true_loss",
    "gmean_loss",
    "jaccard_loss",
    "kappa_loss",
    "list_true_losses",
    "mcc_loss",
    "partial_auc_loss",
    "precision_at_k",
    "recall_at_precision",
    "roc_auc_loss",
]
