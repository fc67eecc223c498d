"""The real files."""

import numpy as np
import pandas as pd
import pytest

from losslearn_bench.datasets import (
    find_dataset,
    load_dataset,
)


@pytest.mark.parametrize(
    ("name", "state", "counts"),
    [
        ("a9a", "complete", (48_842, 123, 11_687)),
        ("ijcnn1", "complete", (141_691, 22, 13_565)),
        ("covtype", "complete", (581_012, 54, 283_301)),
        ("skin", "complete", (245_057, 3, 194_198)),
        ("keel_yeast4", "complete", (1_484, 8, 51)),
        ("higgs_sample", "complete", (7_500, 28, 3_988)),
        ("cod_rna", "partial", (331_152, 8, 110_384)),
        ("cc_fraud", "partial", (42_402, 29, 492)),
        ("porto_seguro", "partial", (10_000, 57, 379)),
        ("susy", "partial", (10_998, 18, 5_447)),
        ("santander", "not available here", None),
    ],
)
def test_the_real_files_have_these_counts(data_dir, name, state, counts):
    status = find_dataset(name, data_dir=data_dir)
    assert (status.state, status.found) == (state, counts)


@pytest.mark.parametrize("name", ["a9a", "cc_fraud", "keel_abalone19"])
def test_the_real_files_are_data_sets(data_dir, name):
    dataset = load_dataset(name, data_dir=data_dir)
    frame = pd.read_parquet(data_dir / f"{name}.parquet")
    status = find_dataset(name, data_dir=data_dir)
    assert status.found == (dataset.n_rows, dataset.n_features, dataset.y.sum())
    assert dataset.is_complete == (status.state == "complete")
    features = frame.drop(columns="target").to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(dataset.x, features)
    np.testing.assert_array_equal(dataset.y, frame["target"])
