"""The command as a process of its own."""

import shlex
import subprocess
import sys

import pytest
from cli_cases import LOSSLEARN

from losslearn.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["fit", "people.csv", "--target", "churn", "--metric", "money.py:broken"],
            "ink",
        ),
        (["fit", "people.csv", "--nothing"], "--nothing"),
    ],
)
def test_the_process_exits_with_2_and_no_traceback(words, message):
    done = subprocess.run([*LOSSLEARN, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("losslearn: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_reader_that_stops_early_sees_no_traceback(fitted):
    model, data = fitted / "model", fitted / "people.csv"
    pipe = f"{shlex.join(LOSSLEARN)} predict {model} {data} | head -n 1"
    done = subprocess.run(pipe, shell=True, capture_output=True, text=True)
    assert done.stdout == "score,probability,label\n"
    assert done.stderr == ""


def test_help_loads_nothing_slow():
    code = (
        "import sys; from losslearn.cli import main; main(['fit', '--help']);"
        "print(sorted({'torch', 'pandas', 'sklearn', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "--max-time S" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_predict_loads_neither_scikit_learn_nor_what_only_a_fit_needs(fitted):
    words = ["predict", str(fitted / "model"), str(fitted / "people.csv")]
    code = (
        "import sys; from losslearn.cli import main; "
        f"main({[*words, '--out', 'out.csv']!r}); "
        "print(sorted({'sklearn', 'scipy', 'matplotlib', 'numba', 'rich', "
        "'torch._dynamo'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_no_words_show_the_help(capsys):
    assert main([]) == 0
    assert "predict" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("losslearn ")
