"""Real tables."""

import subprocess
import sys
import time

import numpy as np
import pytest
from table_cases import BINARY_SETS

from losslearn.encoding import TableEncoder
from losslearn.tables.reading import read_table
from losslearn.tables.target import take_target
from losslearn.tasks.labels import BinaryLabels
from losslearn.training.splitting import split_rows


@pytest.mark.parametrize("name", BINARY_SETS)
def test_real_tables(data_dir, tmp_path, name):
    path = data_dir / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    frame, column = take_target(read_table(path), "target")
    labels = BinaryLabels.of(column)
    y = labels.encode(column)
    assert labels.names == [0, 1]
    parts = split_rows(y, seed=0)
    train = frame.iloc[parts.train]
    start = time.perf_counter()
    encoder = TableEncoder().fit(train)
    matrix = encoder.transform(frame)
    assert time.perf_counter() - start < 10  # several times what it takes
    assert np.isfinite(matrix).all()
    shares = [y[part].mean() for part in parts]
    np.testing.assert_allclose(shares, y.mean(), atol=0.5 / len(parts.test) * 3)
    encoded = matrix[parts.train].astype(np.float64)
    np.testing.assert_allclose(encoded.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(encoded.std(0), 1.0, atol=1e-5)
    encoder.dump(tmp_path / "encoder")
    again = TableEncoder.load(tmp_path / "encoder").transform(frame.iloc[:1_000])
    assert again.tobytes() == matrix[:1_000].tobytes()


def test_import_is_light():
    code = (
        "import sys, losslearn.tables.reading, losslearn.tables.target; "
        "print({'pandas', 'sklearn', 'scipy', 'pyarrow', 'torch'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"
