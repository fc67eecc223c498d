"""Rows that stand in two tables."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from losslearn import fit_table
from losslearn.cli import main
from losslearn.tables.copies import count_copies
from losslearn.tables.reading import as_frame


def drawn(n: int, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=n), np.arange(n) % 3 == 0
    word = np.where(draw.random(n) < 0.2, None, draw.choice(["a", "1", "b c"], n))
    return pd.DataFrame({"x": x, "n": np.arange(n), "word": word, "y": y})


@given(n_copies=st.integers(0, 40), seed=st.integers(0, 99))
def test_copies_are_counted_in_any_file(tmp_path_factory, n_copies, seed):
    folder = tmp_path_factory.mktemp("copies")
    frame, others = drawn(60), drawn(30, seed=1).assign(n=range(100, 130))
    some = frame.sample(n_copies, random_state=seed)
    table = pd.concat([some, others]).sample(frac=1, random_state=seed)
    assert count_copies(table, frame) == n_copies
    table.to_csv(folder / "t.csv", index=False)
    table.to_parquet(folder / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert count_copies(as_frame(folder / name), frame) == n_copies
    assert count_copies(pd.read_csv(folder / "t.csv", dtype=str), frame) == n_copies


def test_validation_rows_of_the_table_are_said(tmp_path, capsys):
    frame, apart = drawn(120), drawn(40, seed=1).assign(n=range(500, 540))
    quick = {"model": "linear", "mode": "scratch", "max_iter": 2}
    for valid, expected in ((frame[:33], 33), (apart, 0)):
        report = fit_table(frame, "y", "f1", valid=valid, **quick).report
        assert report["validation_copies"] == expected
    for name, one in (("t", frame), ("v", frame[:33]), ("w", apart)):
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    options = ["--model", "linear", "--mode", "scratch", "--max-iter", "2"]
    for name, is_said in (("v", True), ("w", False)):
        valid = ["--valid", str(tmp_path / f"{name}.csv")]
        out = ["--out", str(tmp_path / name)]
        table = [str(tmp_path / "t.csv"), "--target", "y", "--metric", "f1"]
        main(["fit", *table, *valid, *out, *options])
        printed = " ".join(capsys.readouterr().out.split())
        said = "33 of the 33 validation rows are rows of another table as well"
        assert (said in printed) == is_said
