"""Files and folders are there as a whole, whenever the process is killed."""

import errno
import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest

from losslearn import _files
from losslearn._files import check_replaceable, followed, replacing, write_whole

STEPS = [
    (_files, "_sweep"),
    (_files, "_flush"),
    (_files, "_swap"),
    (_files, "_remove"),
    (Path, "mkdir"),
    (Path, "rename"),
    (Path, "replace"),
    (Path, "write_text"),
]
NAMES = ("settings", "weights")


def write(path: Path, content: str, *, is_folder: bool) -> None:
    with replacing(path) as part:
        if is_folder:
            part.mkdir()
        for name in NAMES if is_folder else [""]:
            (part / name if name else part).write_text(content)


def read(path: Path) -> set[str]:
    files = [path / name for name in NAMES] if path.is_dir() else [path]
    return {file.read_text() for file in files}


def killed_at(step: int, write_new, *, can_swap: bool) -> bool:
    """Write in a process that is killed before one of its steps; False if none was."""
    process = os.fork()
    if process == 0:
        left = iter(range(step))

        def stepping(function):
            def call(*args, **options):
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **options)

            return call

        if not can_swap:
            _files._swap = lambda *_paths: False
        for home, name in STEPS:
            setattr(home, name, stepping(getattr(home, name)))
        write_new()
        os._exit(0)
    return os.waitpid(process, 0)[1] != 0


@pytest.mark.parametrize("can_swap", [True, False])
@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_kill_at_any_step_loses_nothing(tmp_path, is_folder, is_there, can_swap):
    step, was_killed = 0, True
    while was_killed:
        path = tmp_path / str(step) / "model"
        path.parent.mkdir()
        if is_there:
            write(path, "old", is_folder=is_folder)
        was_killed = killed_at(
            step,
            lambda path=path: write(path, "new", is_folder=is_folder),
            can_swap=can_swap,
        )
        if is_there and (can_swap or not is_folder):  # else a moment is without any
            assert path.exists()
        _files._sweep(path)
        assert list(path.parent.glob(".*")) == []
        if is_there or path.exists():
            assert read(path) in ({"old"}, {"new"})
        write(path, "last", is_folder=is_folder)
        assert read(path) == {"last"}
        step += 1
    assert step > 3


@pytest.mark.parametrize(
    ("number", "content"),
    [(errno.ENOSPC, "old"), (errno.EIO, "old"), (errno.EINVAL, "new")],
)
def test_what_the_disk_did_not_take_does_not_replace(
    tmp_path, monkeypatch, number, content
):
    write(tmp_path / "file", "old", is_folder=False)

    def fail(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    refused = pytest.raises(OSError, match=os.strerror(number))
    with nullcontext() if content == "new" else refused:
        write(tmp_path / "file", "new", is_folder=False)
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]


def test_parts_of_living_processes_and_of_other_machines_stay(tmp_path):
    path = tmp_path / "model"
    ours = f".model.{_files._HOST}-{os.getpid()}-00000000.part"
    theirs = ".model.deadbeef-1-00000000.part"
    for name in (ours, theirs):
        (tmp_path / name).touch()
    write(path, "new", is_folder=False)
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"model", ours, theirs}


def linked_in_a_circle(folder: Path) -> Path:
    """Return a path whose links lead to each other alone."""
    one, other = folder / "one", folder / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    return one


@pytest.mark.parametrize(
    ("use", "place"),
    [
        (followed, linked_in_a_circle),
        (check_replaceable, linked_in_a_circle),
        (check_replaceable, lambda folder: folder / "file" / "model"),
        (lambda path: write_whole(path, b"new"), lambda folder: folder / "file" / "x"),
    ],
)
def test_where_nothing_can_be_written_is_told_and_left_as_it_was(tmp_path, use, place):
    (tmp_path / "file").write_text("old")
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError):  # noqa: PT011 - the system's own words differ
        use(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "old"
