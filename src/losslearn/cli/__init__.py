"""The `losslearn` command."""

import gc
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import typer

from losslearn.cli.commands import app

_UsageError: type[Exception] = typer.BadParameter.__mro__[2]
"""ClickException, whose home differs between versions of typer."""
_WRONG_USE, _INTERRUPTED = 2, 130


def main(args: Sequence[str] | None = None) -> int:
    """Run the `losslearn` command as `run_app` does."""
    return run_app(app, "losslearn", args)


def run_process() -> NoReturn:
    """Run the command as a process of its own, which ends with it.

    Looking for garbage among what is being loaded, and taking all of it down at the
    end, piece by piece, would take as long as the rest of `losslearn predict`.
    """
    gc.set_threshold(500_000, 20, 100)
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or _WRONG_USE
    except OSError as error:  # what was held back for a disk that is full
        code = code or _WRONG_USE
        os.write(2, f"losslearn: {_message(error)}\n".encode())
    os._exit(code)


def run_app(app: typer.Typer, name: str, args: Sequence[str] | None) -> int:
    """Run a command and return its exit code; what a user did wrong is one line.

    The words after its name are `args`; None takes those of the process.
    """
    words = list(sys.argv[1:] if args is None else args) or ["--help"]
    message = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            code = app(words, prog_name=name, standalone_mode=False)
    except (_UsageError, ImportError, OSError, OverflowError, ValueError) as error:
        code, message = _WRONG_USE, _message(error)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        message = "interrupted."
    if message is not None:
        sys.stderr.write(f"losslearn: {' '.join(message.split())}\n")
    return code if isinstance(code, int) else 0


def _show_warning(message: Warning | str, *_place: object, **_more: object) -> None:
    """Write a warning as a line, without the place in the code."""
    sys.stderr.write(f"losslearn: {' '.join(str(message).split())}\n")


def _message(error: Exception) -> str:
    """Return a file's error with its name, and a usage error with its option's."""
    if isinstance(error, OSError) and None not in (error.filename, error.strerror):
        return f"{str(error.filename)!r}: {error.strerror}"
    return str(getattr(error, "format_message", error.__str__)())
