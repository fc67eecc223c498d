"""The `losslearn-bench` command."""

from collections.abc import Sequence

from losslearn.cli import run_app
from losslearn_bench.cli.commands import app


def main(args: Sequence[str] | None = None) -> int:
    """Run the `losslearn-bench` command and return its exit code.

    Args:
        args: The words after `losslearn-bench`; None takes those of the process.
    """
    return run_app(app, "losslearn-bench", args)
