"""Binary data sets by name, from files, and from functions of the user."""

from losslearn_bench.datasets.catalogue import DATASETS, DatasetInfo
from losslearn_bench.datasets.dataset import Dataset
from losslearn_bench.datasets.loading import (
    DatasetStatus,
    FileCounts,
    find_dataset,
    load_dataset,
)
from losslearn_bench.datasets.mapping import MappedTable, map_parquet
from losslearn_bench.datasets.shipped import SHIPPED

__all__ = [
    "DATASETS",
    "SHIPPED",
    "Dataset",
    "DatasetInfo",
    "DatasetStatus",
    "FileCounts",
    "MappedTable",
    "find_dataset",
    "load_dataset",
    "map_parquet",
]
