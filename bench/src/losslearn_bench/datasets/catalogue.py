"""What is known of the data sets of the paper's Table 1, and of a few more."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """A data set, what it holds when it is complete, and where it comes from."""

    name: str
    title: str
    n_rows: int
    """Rows of the complete set."""
    n_features: int
    n_positives: int
    """Rows of the complete set with target 1."""
    origin: str
    """Canonical source."""
    licence: str
    openml_id: int | None = None
    """Where OpenML has a copy; None if no complete copy is known."""
    positive_label: str = "1"
    """Label of OpenML's copy that becomes target 1; all others become 0."""
    drop: tuple[str, ...] = ()
    """Columns that are no features, left out where they occur."""
    repeats_rows: bool = False
    """Whether OpenML's copy may hold rows twice, of which the original has none."""
    terms: str | None = None
    """Where terms must be accepted by hand first; then nothing is downloaded."""
    recipe: str | None = None
    """How to get the Parquet file by hand; FILE stands for its path."""
    notes: str = ""

    @property
    def pos_rate(self) -> float:
        """Share of positive rows of the complete set."""
        return self.n_positives / self.n_rows

    @property
    def is_downloaded(self) -> bool:
        """Whether the set is fetched from OpenML where it is not at hand."""
        return self.openml_id is not None and self.terms is None

    def matches(self, n_rows: int, n_features: int, n_positives: int) -> bool:
        """Return whether these are the counts of the complete set."""
        expected = (self.n_rows, self.n_features, self.n_positives)
        return (n_rows, n_features, n_positives) == expected


_PORTO_RULES = "https://www.kaggle.com/c/porto-seguro-safe-driver-prediction"
_SANTANDER_RULES = "https://www.kaggle.com/c/santander-customer-transaction-prediction"
_FROM_KAGGLE = (
    "Accept the rules at {rules}, download train.csv, then run: "
    "pandas.read_csv('train.csv').to_parquet('FILE')"
)
_LIBSVM = "LIBSVM data page"
_UCI = "UCI Machine Learning Repository"
_CC_BY = "CC BY 4.0"
_COMPETITION = "Kaggle competition rules, no open licence"
_UNKNOWN = "not stated"

_PAPER = (
    DatasetInfo(
        name="a9a",
        title="Adult income, binarised",
        n_rows=48_842,
        n_features=123,
        n_positives=11_687,
        origin=f"{_UCI}: Adult; {_LIBSVM}: a9a and a9a.t",
        licence=_CC_BY,
        openml_id=1430,
        notes="All features are 0 or 1. Many rows are copies of each other.",
    ),
    DatasetInfo(
        name="cc_fraud",
        title="Credit-card fraud",
        n_rows=284_807,
        n_features=29,
        n_positives=492,
        origin="Machine Learning Group, Université Libre de Bruxelles",
        licence="ODbL 1.0 (database), DbCL 1.0 (contents)",
        openml_id=1597,
        drop=("Time",),
    ),
    DatasetInfo(
        name="cod_rna",
        title="Non-coding RNA detection",
        n_rows=488_565,
        n_features=8,
        n_positives=162_855,
        origin=f"Uzilov, Keegan and Mathews (2006); {_LIBSVM}: cod-rna",
        licence=_UNKNOWN,
        openml_id=351,
        notes="Training, test and remaining part. Many rows are copies of each other.",
    ),
    DatasetInfo(
        name="covtype",
        title="Forest cover, lodgepole pine against the rest",
        n_rows=581_012,
        n_features=54,
        n_positives=283_301,
        origin=f"{_UCI}: Covertype (Blackard)",
        licence=_CC_BY,
        openml_id=1596,
        positive_label="2",
        notes="Of the seven cover types, 2 is positive.",
    ),
    DatasetInfo(
        name="ijcnn1",
        title="IJCNN 2001 challenge",
        n_rows=141_691,
        n_features=22,
        n_positives=13_565,
        origin=f"IJCNN 2001 neural network competition; {_LIBSVM}: ijcnn1",
        licence=_UNKNOWN,
        openml_id=1575,
        repeats_rows=True,
        notes=(
            "Table 1 counts the 14,990 validation rows twice (156,681): they are a "
            "part of the training file already, and copies would straddle the split."
        ),
    ),
    DatasetInfo(
        name="porto_seguro",
        title="Porto Seguro, insurance claims",
        n_rows=595_212,
        n_features=57,
        n_positives=21_694,
        origin="Kaggle: Porto Seguro's Safe Driver Prediction",
        licence=_COMPETITION,
        openml_id=42742,
        drop=("id",),
        terms=_PORTO_RULES,
        recipe=_FROM_KAGGLE.format(rules=_PORTO_RULES),
        notes="-1 stands for a missing value.",
    ),
    DatasetInfo(
        name="santander",
        title="Santander, customer transactions",
        n_rows=200_000,
        n_features=200,
        n_positives=20_098,
        origin="Kaggle: Santander Customer Transaction Prediction",
        licence=_COMPETITION,
        openml_id=45566,
        drop=("ID_code",),
        terms=_SANTANDER_RULES,
        recipe=_FROM_KAGGLE.format(rules=_SANTANDER_RULES),
    ),
    DatasetInfo(
        name="skin",
        title="Skin segmentation, non-skin is positive",
        n_rows=245_057,
        n_features=3,
        n_positives=194_198,
        origin=f"{_UCI}: Skin Segmentation (Bhatt and Dhall)",
        licence=_CC_BY,
        openml_id=1502,
        positive_label="2",
        notes="Sorted by class. Most rows are copies of each other.",
    ),
    DatasetInfo(
        name="susy",
        title="SUSY, signal against background",
        n_rows=5_000_000,
        n_features=18,
        n_positives=2_287_827,
        origin=f"{_UCI}: SUSY (Baldi, Sadowski and Whiteson, 2014)",
        licence=_CC_BY,
        recipe=(
            "Download SUSY.csv.gz from https://archive.ics.uci.edu/dataset/279/susy, "
            "then run: pandas.read_csv('SUSY.csv.gz', header=None, dtype='float32')"
            ".rename(columns=lambda i: f'f{i}' if i else 'target').to_parquet('FILE')"
        ),
    ),
)


def _keel(
    name: str, title: str, n_rows: int, n_features: int, n_positives: int
) -> DatasetInfo:
    return DatasetInfo(
        name=f"keel_{name}",
        title=title,
        n_rows=n_rows,
        n_features=n_features,
        n_positives=n_positives,
        origin="KEEL repository",
        licence=_UNKNOWN,
    )


_EXTRAS = (
    DatasetInfo(
        name="higgs_sample",
        title="HIGGS, a sample",
        n_rows=7_500,
        n_features=28,
        n_positives=3_988,
        origin=f"{_UCI}: HIGGS; examples of LightGBM",
        licence=f"{_CC_BY}; MIT",
        notes="7,000 training rows, then 500 test rows.",
    ),
    _keel("abalone19", "Abalone, 19 rings against the rest", 4_174, 10, 32),
    _keel(
        "kddcup_buffer_overflow",
        "KDD Cup 1999, buffer_overflow against back",
        2_233,
        48,
        30,
    ),
    _keel("page_blocks0", "Page blocks, text against any other", 5_472, 10, 559),
    _keel("yeast4", "Yeast, class 4 against the rest", 1_484, 8, 51),
)

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {info.name: info for info in _PAPER + _EXTRAS}
)
"""The data sets that have a name: first the nine of Table 1, then the extras."""
