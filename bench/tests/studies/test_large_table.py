import json
import sys

import large_table
import pytest


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("model", ["linear", "lightgbm"])
def test_smoke_run_fits_from_disk_and_writes_its_results(tmp_path, capsys, model):
    results = tmp_path / "results.json"
    words = ["--smoke", "--folder", str(tmp_path), "--results", str(results)]
    large_table.main([*words, "--model", model])
    found = json.loads(results.read_text())
    by_source = {line["source"]: line for line in found["larger_than_memory"]}
    assert by_source["npy"]["test"] == by_source["parquet"]["test"]
    for line in by_source.values():
        assert 0 < line["peak_anonymous"] <= line["cap"]
        assert line["test"]["cross_entropy"] < 0.9
    assert bool(found["growth"]) is (model == "linear")
    for line in found["growth"]:
        assert line["validation_0.2"]["beyond_the_data"] < 200e6
    assert "parquet" in capsys.readouterr().out
    # the table is removed, the results are left
    left = {path.name for path in tmp_path.iterdir()} - {"losslearn-cache"}
    assert left == {"results.json"}
