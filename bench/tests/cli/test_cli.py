import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from urllib.error import URLError

import pytest
from benchmark_cases import Scorer, constant_scores, one_job, write_rows

from losslearn_bench.cli import figures, main
from losslearn_bench.cli.running import GridOptions
from losslearn_bench.grid.job import run_job
from losslearn_bench.grid.results import ResultsFile, cell_of


@pytest.fixture
def dataset(tmp_path):
    return write_rows(tmp_path / "rows.parquet")


def words(dataset, out, *more, other="sl_u"):
    """Return the command for the quickest of grids."""
    part = ["--dataset", dataset, "--method", "cross_entropy", "--method", other]
    part += ["--metric", "f1", "--tier", "linear", "--repetitions", "2", "--jobs", "1"]
    return ["run", "smoke", *part, "--out", str(out), *more]


def options(**changes):
    preset = {"preset": "smoke", "size": "capped", "protocol": "honest"}
    return GridOptions(**{**preset, "repetitions": None, **changes})


@pytest.mark.slow
def test_a_grid_is_run_reported_and_not_run_again(dataset, tmp_path, capsys):
    out = tmp_path / "results"
    assert main(words(dataset, out)) == 0
    lines = ResultsFile(out / "lines.jsonl").lines()
    assert Counter(line["method"] for line in lines) == {"cross_entropy": 2, "sl_u": 2}
    table = (out / "smoke.md").read_text()
    assert "sl_u" in table
    assert "4 of 4 cells" in capsys.readouterr().err
    assert main(words(dataset, out)) == 0
    assert ResultsFile(out / "lines.jsonl").lines() == lines


@pytest.mark.slow
def test_a_part_run_later_leaves_the_table_whole(dataset, tmp_path):
    out = tmp_path / "results"
    assert main(words(dataset, out)) == 0
    table = (out / "smoke.md").read_text()
    part = ["--dataset", dataset, "--method", "cross_entropy", "--metric", "f1"]
    part += ["--tier", "linear", "--repetitions", "1", "--jobs", "1"]
    assert main(["run", "smoke", *part, "--out", str(out)]) == 0
    assert (out / "smoke.md").read_text() == table


@pytest.mark.slow
def test_a_grid_by_the_papers_rules_gets_its_own_table(dataset, tmp_path, capsys):
    out = tmp_path / "results"
    assert main(words(dataset, out, "--protocol", "paper", other="focal")) == 0
    table = (out / "smoke_paper.md").read_text()
    assert table.startswith("Test losses by the paper's protocol (oracle thresholds")
    assert not (out / "smoke.md").exists()
    folder = ["--data-dir", str(tmp_path)]
    assert main(["report", *folder, "--out", str(out)]) == 0
    page = (out / "index.html").read_text()
    assert "Smoke run: everything once, too short to judge by (the paper" in page
    assert "rows.parquet" in page
    assert "in no table" not in capsys.readouterr().err


def test_the_report_tells_lines_that_no_table_shows(tmp_path, capsys):
    line = {"dataset": "a9a", "tier": "mlp", "method": "sl_r", "metric": "f1_loss"}
    line |= {"repetition": 0, "budget": {"max_iter": 1}, "losses": {}}
    ResultsFile(tmp_path / "lines.jsonl").append([line])
    command = ["report", "--data-dir", str(tmp_path)]
    assert main([*command, "--out", str(tmp_path)]) == 0
    said = "1 line(s) of the budget {'max_iter': 1}, which is no preset's."
    assert f"in no table: {said}" in " ".join(capsys.readouterr().err.split())
    assert "which is no preset" in (tmp_path / "index.html").read_text()


def test_what_a_paper_table_has_no_place_for_is_refused_before_the_work(
    tmp_path, capsys
):
    out = tmp_path / "results"
    command = ["run", "table3", "--method", "focal", "--out", str(out)]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "The table of 'table3' has a place for every method of" in said
    assert "got focal" in said
    assert not out.exists()


def test_a_method_of_a_paper_table_runs_for_its_own_losses():
    grid = options(preset="table3", methods=("sl_r",)).grid()
    metrics = {cell.metric for cell in grid.cells()}
    assert metrics == {"error_rate", "roc_auc_loss", "jaccard_loss", "f1_loss"}


@pytest.mark.slow
def test_a_failed_job_is_told_in_a_line_and_in_the_exit_code(tmp_path, capsys):
    out = tmp_path / "results"
    few = write_rows(tmp_path / "few.parquet", n=12)
    assert main(words(few, out)) == 1
    said = capsys.readouterr().err
    assert "failed and has no line: ValueError: 'few' must hold at least 5" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_grid_told_to_end_leaves_nothing_running(dataset, tmp_path):
    out = tmp_path / "results"
    command = words(dataset, out, "--repetitions", "40")
    code = (
        "import sys; from losslearn_bench.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, *command],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            while not (out / "lines.jsonl").exists() and process.poll() is None:
                time.sleep(0.05)
            process.terminate()
            # workers hold the other end of stderr: it is open while one lives
            said = process.communicate(timeout=30)[1]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert said.endswith("losslearn: interrupted.\n")
    assert "Traceback" not in said


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Leave neither data sets nor the internet; returns what was asked for."""
    asked = []

    class Nothing:
        def open(self, request, *_):
            asked.append(request.full_url)
            raise URLError("no route to host")

    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("LOSSLEARN_DATA", str(empty))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    urllib.request.install_opener(Nothing())
    yield asked
    urllib.request.install_opener(None)


@pytest.mark.slow
def test_data_that_cannot_be_downloaded_is_told_once_and_left_out(
    offline, dataset, tmp_path, capsys
):
    out = tmp_path / "results"
    assert main(words(dataset, out, "--dataset", "skin")) == 1
    said = capsys.readouterr().err
    assert said.count("skin is left out: `skin` is not on this machine") == 1
    assert "no route to host" in said
    assert "Traceback" not in said
    assert len({url.split("/data/")[1] for url in offline}) == 1
    lines = ResultsFile(out / "lines.jsonl").lines()
    assert {line["dataset"] for line in lines} == {dataset}


def test_without_any_data_no_worker_is_started(offline, tmp_path, capsys):
    out = tmp_path / "results"
    part = ["--dataset", "skin", "--dataset", "susy", "--out", str(out)]
    assert main(["run", "smoke", *part]) == 2
    said = capsys.readouterr().err
    assert "susy is left out: " in said
    assert "No data set of the grid is here" in said
    assert offline
    assert not out.exists()


def test_data_of_finished_cells_is_not_asked_for(offline, dataset, tmp_path, capsys):
    part = options(datasets=("skin",), methods=("cross_entropy",), metrics=("f1",))
    grid = part.grid()
    cells = grid.cells()
    (line,) = run_job(one_job(dataset), Scorer(constant_scores))
    out = tmp_path / "results"
    ResultsFile(out / "lines.jsonl").append(
        {**line, **cell._asdict(), "budget": grid.budget.as_dict()} for cell in cells
    )
    command = ["run", "smoke", "--dataset", "skin", "--metric", "f1"]
    assert main([*command, "--method", "cross_entropy", "--out", str(out)]) == 0
    assert offline == []
    assert f"{len(cells)} of {len(cells)} cells" in capsys.readouterr().err


@pytest.mark.slow
def test_the_smoke_grid_goes_once_through_everything(data_dir, tmp_path):
    out = tmp_path / "results"
    command = ["run", "smoke", "--data-dir", str(data_dir)]
    assert main([*command, "--out", str(out)]) == 0
    lines = ResultsFile(out / "lines.jsonl").lines()
    cells = options().grid().cells()
    assert Counter(map(cell_of, lines)) == dict.fromkeys(cells, 1)
    for line in lines:
        assert 0 <= line["losses"]["test"] <= 1
    table = (out / "smoke.md").read_text()
    assert all(f"| {method} |" in table for method in {cell.method for cell in cells})


def test_without_its_data_the_smoke_grid_takes_what_a_dependency_ships(
    offline, tmp_path, capsys
):
    out = tmp_path / "results"
    part = ["--method", "cross_entropy", "--metric", "f1", "--tier", "linear"]
    part += ["--repetitions", "1", "--jobs", "1", "--out", str(out)]
    assert main(["run", "smoke", *part]) == 0
    said = capsys.readouterr().err
    assert (
        "losslearn: the data are breast_cancer and digits_8, which come with "
        "scikit-learn, because keel_yeast4 and keel_page_blocks0 are not on this "
        "machine\n"
    ) in said
    assert offline == []
    lines = ResultsFile(out / "lines.jsonl").lines()
    assert {line["dataset"] for line in lines} == {"breast_cancer", "digits_8"}
    assert "| method | breast_cancer | digits_8 |" in (out / "smoke.md").read_text()


def test_a_study_is_run_with_its_own_options(capfd):
    assert main(["study", "two_runs", "--help"]) == 0
    assert "--method" in capfd.readouterr().out
    assert main(["study", "nothing"]) == 2
    assert "only ablation, " in capfd.readouterr().err


def test_finished_lines_are_packed(tmp_path):
    file = ResultsFile(tmp_path / "lines.jsonl")
    line = {"dataset": "a9a", "tier": "mlp", "method": "sl_r", "metric": "f1_loss"}
    file.append([line | {"repetition": 0, "budget": {}, "losses": {}}])
    lines = file.lines()
    assert main(["pack", str(file.path)]) == 0
    assert not file.path.exists()
    assert ResultsFile(file.path).lines() == lines


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--method", "sl_x"), "Unknown method 'sl_x'"),
        (("--metric", "f2score"), "Unknown metric `f2score`"),
        (("--tier", "deep"), "`tier` must be one of"),
        (("--jobs", "0"), "Invalid value for '--jobs'"),
        (("--backend", "cloud"), "Invalid value for '--backend'"),
        (("--dataset", "a9b"), "There is no data set `a9b`"),
    ],
    ids=["method", "metric", "tier", "jobs", "backend", "dataset"],
)
def test_a_wrong_option_is_one_line_and_writes_nothing(
    more, message, dataset, tmp_path, capsys
):
    out = tmp_path / "results"
    assert main(words(dataset, out, *more)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_methods_that_do_not_go_with_the_metrics_are_told(capsys, tmp_path):
    command = ["run", "honest", "--method", "pairwise_hinge"]
    out = str(tmp_path / "results")
    assert main([*command, "--metric", "f1", "--out", out]) == 2
    assert "No cell is left" in capsys.readouterr().err


def test_a_tier_that_a_preset_lacks_is_told(capsys, tmp_path):
    command = ["run", "smoke", "--tier", "trees"]
    assert main([*command, "--out", str(tmp_path / "results")]) == 2
    said = capsys.readouterr().err
    assert "`smoke` has the tiers linear, mlp, got trees" in said


def test_a_dead_ray_address_is_one_line_at_once(dataset, tmp_path, capsys):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.socket() as nobody:  # a port that is taken, where nobody listens
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        more = ("--backend", "ray", "--ray-address", address)
        assert main(words(dataset, tmp_path / "results", *more)) == 2
    said = capsys.readouterr().err
    assert f"must be a Ray cluster at '{address}', but nobody answers" in said
    assert said.count("\n") == 1


def test_a_ray_address_without_a_port_is_told(dataset, tmp_path, capsys):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    more = ("--backend", "ray", "--ray-address", "somewhere")
    assert main(words(dataset, tmp_path / "results", *more)) == 2
    assert "`HOST:PORT`, got 'somewhere'" in capsys.readouterr().err


def test_a_method_named_with_its_tier_is_run_whatever_the_preset_has():
    grid = options(preset="smoke", methods=("lightgbm",), tiers=("trees",)).grid()
    assert {cell.tier for cell in grid.cells()} == {"trees"}


def test_a_data_set_named_leaves_the_presets_cells_as_they_are():
    whole, part = options(preset="honest"), options(preset="honest", datasets=("a9a",))
    kept = {cell for cell in whole.grid().cells() if cell.dataset == "a9a"}
    assert set(part.grid().cells()) == kept


def test_a_damaged_results_file_is_told_before_any_work(dataset, tmp_path, capsys):
    out = tmp_path / "results"
    out.mkdir()
    (out / "lines.jsonl").write_text("no json\n")
    assert main(words(dataset, out)) == 2
    assert "not JSON" in capsys.readouterr().err


def test_a_report_without_lines_says_what_to_run(tmp_path, capsys):
    assert main(["report", "--out", str(tmp_path)]) == 2
    assert "Run `losslearn-bench run` first" in capsys.readouterr().err


def test_the_methods_are_listed(capsys):
    assert main(["methods"]) == 0
    said = capsys.readouterr().out
    assert "sl_r" in said
    assert "lightgbm" in said


def test_the_runtime_is_measured_and_written(tmp_path, monkeypatch, capsys):
    row = {
        "model_parameters": 100,
        "surrogate_parameters": 50,
        "model_steps": 1,
        "surrogate_steps": 2,
        "batch_size": 8,
        "seconds_per_iteration": 0.003,
        "cross_entropy_seconds_per_iteration": 0.001,
    }
    monkeypatch.setattr(figures, "DESIGNS", [None])
    monkeypatch.setattr(figures, "measure_iteration", lambda _: row)
    assert main(["runtime", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "runtime.jsonl").read_text()) == row
    assert (tmp_path / "runtime.md").read_text() in capsys.readouterr().out


def test_data_sets_are_listed_as_json(data_dir, capsys):
    assert main(["datasets", "--data-dir", str(data_dir), "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["a9a"]["state"] == "complete"
    assert found["santander"]["state"] == "not available here"
