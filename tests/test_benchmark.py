"""The results table: its verdicts, and a smoke run that is stopped and goes on."""

import json
from pathlib import Path

import against_cross_entropy as benchmark
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("ours", "control", "expected"),
    [
        ([0.20, 0.21, 0.22], [0.30, 0.30, 0.32], "win"),
        ([0.30, 0.30, 0.32], [0.20, 0.21, 0.22], "loss"),
        ([0.20, 0.31, 0.20], [0.30, 0.30, 0.30], "tie"),  # one split disagrees
        ([0.10, 0.29, 0.29], [0.30, 0.30, 0.30], "tie"),  # one split alone makes it
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], "tie"),
    ],
)
def test_verdict(ours, control, expected):
    assert benchmark.verdict(np.array(ours), np.array(control)) == expected


def test_committed_table_is_made_from_the_committed_lines():
    lines = benchmark.read_lines(benchmark.RESULTS)
    table = benchmark.make_table(lines, benchmark.parse_args([]))
    assert benchmark.RESULTS.with_suffix(".md").read_text() == table
    readme = (ROOT / "README.md").read_text()
    assert table.strip() in readme


@pytest.mark.slow
def test_stopped_run_goes_on_where_it_was(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.random(400) < 0.3
    frame = pd.DataFrame({"f0": rng.normal(size=400) + y, "f1": rng.normal(size=400)})
    frame.assign(target=y.astype(np.int8)).to_parquet(tmp_path / "toy.parquet")
    results = tmp_path / "lines.jsonl"
    arguments = ["--data-dir", str(tmp_path), "--results", str(results)]
    arguments += ["--datasets", "toy", "--models", "linear", "--splits", "2"]
    arguments += ["--metrics", "f1", "roc_auc", "--max-iter", "8", "--jobs", "1"]
    benchmark.main(arguments)
    whole = results.read_text().splitlines()
    assert len(whole) == 4
    assert "| linear | toy |" in results.with_suffix(".md").read_text()
    assert results.with_suffix(".png").stat().st_size > 10_000
    results.write_text("\n".join(whole[:3]) + "\n")
    benchmark.main(arguments)
    again = results.read_text().splitlines()
    assert again[:3] == whole[:3]
    lost, redone = json.loads(whole[3]), json.loads(again[3])
    assert redone["results"]["surrogate"]["test"] == pytest.approx(
        lost["results"]["surrogate"]["test"]
    )
