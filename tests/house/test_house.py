"""What holds the house together: rooms, their words, their docstrings."""

import ast
import re
from pathlib import Path

import pytest

import losslearn

ROOT = Path(losslearn.__file__).parent
ROOMS = sorted(
    path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"
)
WITHOUT_A_TASK = ["training", "surrogate", "criterion", "report", "cli"]
WORDS = re.compile(
    r"binary|positive|threshold|cross.entropy"
    r"|\b(y|y_true|targets?|labels?|strata)\S* == 1\b",
    re.IGNORECASE,
)
ALLOWED = {"gc.set_threshold"}
"""Of the interpreter's, not of a task's."""


def files_without_a_task() -> list[Path]:
    rooms = [ROOT / room for room in WITHOUT_A_TASK]
    found = [path for room in rooms for path in sorted(room.rglob("*.py"))]
    shared = ("base", "features", "kept", "parameters", "time_limit")
    return [*found, *(ROOT / "estimators" / f"{name}.py" for name in shared)]


@pytest.mark.parametrize(
    "path", files_without_a_task(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_word_of_a_task(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(lines, 1)
        if WORDS.search(line) and not any(word in line for word in ALLOWED)
    ]
    assert not found


def test_about_ten_rooms_each_said_in_one_line():
    assert len(ROOMS) <= 12
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
        assert text, room
        assert len(text.splitlines()[0]) <= 88


@pytest.mark.parametrize("asked", ["can_compile", "kernels"])
def test_nobody_but_the_door_asks_what_is_compiled(asked):
    outside = [path for path in ROOT.rglob("*.py") if "_fast" not in path.parts]
    assert not [path.name for path in outside if asked in path.read_text()]
