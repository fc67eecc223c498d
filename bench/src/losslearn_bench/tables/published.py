"""The numbers that the paper prints, and what they are.

Copied from Tables 1 to 3 of "Learning Surrogate Losses" (2019). They differ from a
result line of the honest protocol in four ways:

- The threshold of MCR, F1, MCC and JAC was chosen on the test rows (an oracle).
- JAC was computed as the accuracy, and so is an error rate: it is compared with our
  `error_rate`, never with our `jaccard_loss`.
- Models were trained on batches of 50 % positives without weighing the rows back, so
  that F1, AP, MCR, MCC and JAC of a batch are other metrics than those of the data.
- One random split into 80 % training and 20 % test rows, without a spread. The rows of
  IJCNN count its validation part twice, and copies lie on both sides of the split.

MCC is the loss (1 - MCC) / 2. The printed ranks of Table 2 are not those of the printed
losses, whichever way ties are broken; the printed wins of Table 3 are.
"""

import csv
from pathlib import Path
from typing import NamedTuple


class Statistics(NamedTuple):
    """A row of Table 1."""

    title: str
    n_classes: int
    n_train: int
    n_test: int
    n_features: int
    pos_rate: float


class Losses(NamedTuple):
    """A row of Table 2, by the paper's names of the losses."""

    auc: float
    eer: float
    ap: float
    mcr: float
    f1: float
    mcc: float
    jac: float
    """An error rate, see above."""


class Contest(NamedTuple):
    """A row of Table 3: the loss, and the method that was trained for it."""

    mcr_cross_entropy: float
    mcr_sl_r: float
    auc_pairwise_logistic: float
    """Pairwise Ranking; the paper does not say with which loss of a pair."""
    auc_global_auc_roc: float
    auc_sl_r: float
    jac_lovasz_softmax: float
    """An error rate, see above."""
    jac_sl_r: float
    f1_cost_sensitive: float
    f1_sl_r: float


PUBLISHED_AS = {
    "auc": "roc_auc_loss",
    "eer": "equal_error_rate",
    "ap": "average_precision_loss",
    "mcr": "error_rate",
    "f1": "f1_loss",
    "mcc": "mcc_loss",
    "jac": "error_rate",
}
"""The true loss that each column of the paper is compared with."""


def _printed(table: int) -> list[list[str]]:
    """Return the rows of a table as printed, by the fields of its tuple."""
    path = Path(__file__).parent / "printed" / f"table_{table}.csv"
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


TABLE_1 = {
    name: Statistics._make([title, *map(int, counts), float(pos_rate)])
    for name, title, *counts, pos_rate in _printed(1)
}
"""Statistics by data set, in the order of the paper."""

TABLE_2: dict[str, dict[str, Losses]] = {}
"""Test losses by data set and method: universal, refined, from scratch."""
for _name, _method, *_values in _printed(2):
    TABLE_2.setdefault(_name, {})[_method] = Losses(*map(float, _values))

TABLE_2_RANKS = TABLE_2.pop("ranks")
"""The average ranks as printed."""

TABLE_3 = {name: Contest(*map(float, values)) for name, *values in _printed(3)}
"""Test losses of the refined surrogate and of the baselines, by data set."""

TABLE_3_WINS = TABLE_3.pop("wins")
"""How often each was lowest of its loss; a tie counts half."""
