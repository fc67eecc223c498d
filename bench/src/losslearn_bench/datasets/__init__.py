"""Binary data sets by name, from files, and from functions of the user."""

from losslearn_bench.datasets.catalogue import DATASETS, DatasetInfo
from losslearn_bench.datasets.dataset import Dataset
from losslearn_bench.datasets.finding import DatasetStatus, find_dataset
from losslearn_bench.datasets.loading import load_dataset
from losslearn_bench.datasets.mapping import MappedTable, map_parquet

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetInfo",
    "DatasetStatus",
    "MappedTable",
    "find_dataset",
    "load_dataset",
    "map_parquet",
]
