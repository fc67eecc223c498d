import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmark_cases import TINY, one_job

from losslearn_bench.grid.cells import Cell
from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.grid.results import ResultsFile, cell_of

CELL = Cell("a9a", "mlp", "sl_r", "f1_loss", 0)


def line(cell=CELL, budget=TINY, **more):
    return {**cell._asdict(), "budget": budget.as_dict(), "losses": {}, **more}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "lines.jsonl"


def test_what_is_appended_is_read_again(path):
    ResultsFile(path).append([line(threshold=0.5), line(threshold=None)])
    assert [one["threshold"] for one in ResultsFile(path).lines()] == [0.5, None]


def test_a_file_that_is_not_there_holds_nothing(path):
    assert ResultsFile(path).lines() == []
    assert not path.parent.exists()


def test_lines_of_other_writers_are_seen(path):
    ours, theirs = ResultsFile(path), ResultsFile(path)
    assert ours.lines() == []
    theirs.append([line()])
    assert len(ours.lines()) == 1
    theirs.append([line()])
    assert len(ours.lines()) == 2


def test_half_a_line_is_not_a_line_and_does_no_harm_to_the_next(path):
    results = ResultsFile(path)
    results.append([line(threshold=1.0)])
    with path.open("a") as file:
        file.write('{"dataset": "a9')  # killed while it wrote
    assert len(results.lines()) == 1
    results.append([line(threshold=2.0)])
    for reader in (results, ResultsFile(path)):
        assert [one["threshold"] for one in reader.lines()] == [1.0, 2.0]


def test_packed_lines_are_read_with_those_appended_since(path):
    ours = ResultsFile(path)
    ours.append([line(threshold=1.0), line(threshold=2.0)])
    assert len(ours.lines()) == 2
    JsonLines(path).pack()
    assert [file.name for file in path.parent.glob("lines*")] == ["lines.jsonl.gz"]
    ours.append([line(threshold=3.0)])
    for reader in (ours, ResultsFile(path), ResultsFile(path.with_suffix(".jsonl.gz"))):
        assert [one["threshold"] for one in reader.lines()] == [1.0, 2.0, 3.0]
    JsonLines(path).pack()
    assert [one["threshold"] for one in ours.lines()] == [1.0, 2.0, 3.0]


def test_a_packed_file_depends_on_its_lines_alone(path, tmp_path):
    other = tmp_path / "elsewhere.jsonl"
    for file in (path, other):
        JsonLines(file).append([line(threshold=1.0)])
        JsonLines(file).pack()
    packed = JsonLines(path).packed
    before = packed.stat().st_mtime_ns
    assert packed.read_bytes() == JsonLines(other).packed.read_bytes()
    JsonLines(path).pack()  # nothing to pack
    assert packed.stat().st_mtime_ns == before


def test_a_killed_packing_leaves_no_line_twice(path, monkeypatch):
    ResultsFile(path).append([line(threshold=1.0)])
    with path.open("a") as file:
        file.write('{"dataset": "a9')  # killed while it wrote
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    JsonLines(path).pack()
    assert path.exists()
    assert [one["threshold"] for one in ResultsFile(path).lines()] == [1.0]
    monkeypatch.undo()
    JsonLines(path).pack()
    assert not path.exists()
    assert [one["threshold"] for one in ResultsFile(path).lines()] == [1.0]


def test_a_damaged_line_is_an_error_that_shows_it(path):
    ResultsFile(path).append([line()])
    with path.open("a") as file:
        file.write("what is this\n")
    with pytest.raises(ValueError, match=r"Line 2 of .* not JSON .* b'what is this'"):
        ResultsFile(path).lines()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"a": 1}, "lacks `dataset`, .*`budget`"),
        ([1, 2], "is of type list"),
        (None, "is of type NoneType"),
        ({**line(), "budget": 3}, "its `budget` is 3"),
        ({**line(), "dataset": ["a9a"]}, r"its `dataset` is \['a9a'\]"),
    ],
    ids=["object", "list", "null", "budget", "dataset"],
)
def test_json_that_is_no_cell_is_an_error_that_names_the_line(path, wrong, why):
    results = ResultsFile(path)
    results.append([line()])
    assert len(results.lines()) == 1
    with path.open("a") as file:
        file.write(json.dumps(line()) + "\n" + json.dumps(wrong) + "\n")
    for reader in (results, ResultsFile(path)):
        with pytest.raises(ValueError, match=f"Line 3 of .*finished cell.*{why}"):
            reader.done(TINY)


def test_numbers_that_json_does_not_know_are_written_as_null(path):
    ResultsFile(path).append([line(losses={"test": float("nan"), "all": [1.0]})])
    assert json.loads(path.read_text())["losses"] == {"test": None, "all": [1.0]}


def test_a_cell_is_done_within_its_own_budget_alone(path):
    results = ResultsFile(path)
    results.append([line()])
    assert results.done(TINY) == {CELL}
    assert results.done(replace(TINY, max_iter=5)) == set()
    assert cell_of(line()) == CELL


def test_a_job_can_be_claimed_once(path):
    job = one_job("a9a")
    with ResultsFile(path).claim(job) as ours, ResultsFile(path).claim(job) as theirs:
        assert (ours, theirs) == (True, False)
    with ResultsFile(path).claim(job) as again:
        assert again


def test_other_jobs_and_budgets_can_be_claimed_meanwhile(path):
    results = ResultsFile(path)
    others = [one_job("ijcnn1"), one_job("a9a", budget=replace(TINY, max_iter=5))]
    with results.claim(one_job("a9a")):
        for job in others:
            with ResultsFile(path).claim(job) as held:
                assert held


def test_a_killed_process_gives_its_claims_back(path):
    code = f"""
import sys; sys.path.insert(0, "tests/support")
from pathlib import Path
from benchmark_cases import one_job
from losslearn_bench.grid.results import ResultsFile
with ResultsFile(Path({str(path)!r})).claim(one_job("a9a")) as held:
    print(held, flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        with ResultsFile(path).claim(one_job("a9a")) as ours:
            assert not ours
        process.kill()
        process.wait()
    with ResultsFile(path).claim(one_job("a9a")) as ours:
        assert ours
