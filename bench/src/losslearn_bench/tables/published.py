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

TABLE_1: dict[str, Statistics] = {
    "a9a": Statistics("A9A", 2, 39_073, 9_769, 123, 0.2379),
    "cc_fraud": Statistics("CC-Fraud", 2, 227_845, 56_962, 29, 0.0015),
    "cod_rna": Statistics("Cod-RNA", 2, 390_852, 97_713, 8, 0.3346),
    "covtype": Statistics("CoverType", 2, 464_809, 116_203, 54, 0.4867),
    "ijcnn1": Statistics("IJCNN", 2, 125_344, 31_337, 22, 0.0954),
    "porto_seguro": Statistics("Porto-Seguro", 2, 476_169, 119_043, 57, 0.0368),
    "santander": Statistics("Santander", 2, 160_000, 40_000, 200, 0.1004),
    "skin": Statistics("Skin", 2, 196_045, 49_012, 3, 0.7919),
    "susy": Statistics("Susy", 2, 4_000_000, 1_000_000, 18, 0.4577),
}
"""Statistics by data set, in the order of the paper."""

TABLE_2: dict[str, dict[str, Losses]] = {
    "a9a": {
        "sl_u": Losses(0.0968, 0.1897, 0.2629, 0.2165, 0.4557, 0.2164, 0.1819),
        "sl_r": Losses(0.0983, 0.1807, 0.2584, 0.1502, 0.3134, 0.2085, 0.1512),
        "sl_s": Losses(0.0969, 0.1782, 0.2585, 0.1508, 0.3115, 0.2069, 0.1529),
    },
    "cc_fraud": {
        "sl_u": Losses(0.0245, 0.1512, 0.2530, 0.0093, 0.7774, 0.3975, 0.0099),
        "sl_r": Losses(0.0284, 0.0914, 0.1650, 0.0088, 0.7693, 0.3293, 0.0088),
        "sl_s": Losses(0.0209, 0.0814, 0.1902, 0.0088, 0.9970, 0.3293, 0.0089),
    },
    "cod_rna": {
        "sl_u": Losses(0.0107, 0.0513, 0.0293, 0.0510, 0.1430, 0.0514, 0.1272),
        "sl_r": Losses(0.0110, 0.0422, 0.0273, 0.0430, 0.0632, 0.0476, 0.0426),
        "sl_s": Losses(0.0101, 0.0428, 0.0275, 0.0418, 0.0619, 0.0474, 0.0422),
    },
    "covtype": {
        "sl_u": Losses(0.1450, 0.3019, 0.1730, 0.3466, 0.2699, 0.2349, 0.2886),
        "sl_r": Losses(0.1463, 0.2220, 0.1663, 0.2198, 0.2102, 0.2165, 0.2192),
        "sl_s": Losses(0.1468, 0.2233, 0.1635, 0.2207, 0.2109, 0.2203, 0.2219),
    },
    "ijcnn1": {
        "sl_u": Losses(0.0048, 0.0378, 0.0537, 0.1045, 0.5486, 0.1923, 0.0609),
        "sl_r": Losses(0.0030, 0.0268, 0.0224, 0.0161, 0.0806, 0.0422, 0.0152),
        "sl_s": Losses(0.0028, 0.0260, 0.0219, 0.0153, 0.0777, 0.0427, 0.0161),
    },
    "porto_seguro": {
        "sl_u": Losses(0.3745, 0.4348, 0.9376, 0.0461, 0.8990, 0.4901, 0.0459),
        "sl_r": Losses(0.3737, 0.4110, 0.9361, 0.0449, 0.8867, 0.4606, 0.0448),
        "sl_s": Losses(0.3744, 0.4127, 0.9367, 0.0446, 0.8939, 0.4614, 0.0446),
    },
    "santander": {
        "sl_u": Losses(0.1453, 0.2349, 0.5027, 0.1082, 0.5800, 0.3012, 0.0951),
        "sl_r": Losses(0.1465, 0.2300, 0.4996, 0.0864, 0.5166, 0.2863, 0.0863),
        "sl_s": Losses(0.1470, 0.2314, 0.4945, 0.0871, 0.5083, 0.2857, 0.0861),
    },
    "skin": {
        "sl_u": Losses(0.0001, 0.0648, 0.0001, 0.0075, 0.0036, 0.0836, 0.0889),
        "sl_r": Losses(0.0006, 0.0044, 0.0003, 0.0073, 0.0085, 0.0031, 0.0115),
        "sl_s": Losses(0.0009, 0.0143, 0.0001, 0.0047, 0.0017, 0.0035, 0.0031),
    },
    "susy": {
        "sl_u": Losses(0.1316, 0.2269, 0.1312, 0.4596, 0.2507, 0.2133, 0.2461),
        "sl_r": Losses(0.1334, 0.2156, 0.1288, 0.2046, 0.2289, 0.2050, 0.2031),
        "sl_s": Losses(0.1324, 0.2140, 0.1291, 0.2043, 0.2294, 0.2062, 0.2050),
    },
}
"""Test losses by data set and method: universal, refined, from scratch."""

TABLE_2_RANKS: dict[str, Losses] = {
    "sl_u": Losses(1.78, 2.89, 2.67, 2.78, 2.67, 2.89, 2.78),
    "sl_r": Losses(2.22, 1.67, 1.67, 1.78, 1.78, 1.44, 1.56),
    "sl_s": Losses(1.89, 1.44, 1.67, 1.22, 1.67, 1.67, 1.67),
}
"""The average ranks as printed."""

TABLE_3: dict[str, Contest] = {
    "a9a": Contest(
        0.1520, 0.1502, 0.1019, 0.1028, 0.0983, 0.1539, 0.1512, 0.3177, 0.3134
    ),
    "cc_fraud": Contest(
        0.0088, 0.0088, 0.0437, 0.0369, 0.0284, 0.0088, 0.0088, 0.7652, 0.7693
    ),
    "cod_rna": Contest(
        0.0462, 0.0430, 0.0122, 0.0129, 0.0110, 0.0438, 0.0426, 0.0652, 0.0632
    ),
    "covtype": Contest(
        0.2149, 0.2198, 0.1786, 0.1504, 0.1463, 0.2594, 0.2192, 0.2305, 0.2102
    ),
    "ijcnn1": Contest(
        0.0364, 0.0161, 0.0168, 0.0258, 0.0030, 0.0322, 0.0152, 0.1959, 0.0806
    ),
    "porto_seguro": Contest(
        0.0446, 0.0449, 0.3814, 0.3815, 0.3737, 0.0445, 0.0448, 0.8851, 0.8867
    ),
    "santander": Contest(
        0.0842, 0.0864, 0.1406, 0.1427, 0.1465, 0.0850, 0.0863, 0.4990, 0.5166
    ),
    "skin": Contest(
        0.0482, 0.0073, 0.0364, 0.0473, 0.0006, 0.0432, 0.0115, 0.0278, 0.0085
    ),
    "susy": Contest(
        0.2146, 0.2046, 0.1524, 0.1508, 0.1334, 0.2022, 0.2031, 0.2420, 0.2289
    ),
}
"""Test losses of the refined surrogate and of the baselines, by data set."""

TABLE_3_WINS = Contest(3.5, 5.5, 1.0, 0.0, 8.0, 3.5, 5.5, 3.0, 6.0)
"""How often each was lowest of its loss; a tie counts half."""
