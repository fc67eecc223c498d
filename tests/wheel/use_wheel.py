"""Builds the wheel, installs it where nothing else is, and uses it as a user would.

    python tests/wheel/use_wheel.py

The environment is new and holds what the wheel asks for, without any extra; a CSV file
is fitted, predicted and evaluated there by the command.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str | Path, folder: Path) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(
        [str(word) for word in words],
        check=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def main() -> None:
    """Raise if anything fails."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
        build = (sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", folder)
        run(*build, ROOT, folder=folder)
        (wheel,) = folder.glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
        there = folder / "venv" / "bin"
        constraints = ("--constraint", ROOT / "constraints.txt")
        run(there / "python", *pip, "install", wheel, *constraints, folder=folder)
        rows = [f"{i % 7},{'ab'[i % 2]},{i % 7 > 4}" for i in range(200)]
        (folder / "table.csv").write_text("\n".join(["size,kind,label", *rows]) + "\n")
        words = ("table.csv", "--target", "label", "--metric", "f1")
        quick = ("--max-iter", "40", "--out", "model", "--json")
        fitted = json.loads(
            run(there / "losslearn", "fit", *words, *quick, folder=folder)
        )
        predicted = run(
            there / "losslearn", "predict", "model", "table.csv", folder=folder
        )
        evaluate = ("evaluate", "model", "table.csv", "--target", "label", "--json")
        measured = json.loads(run(there / "losslearn", *evaluate, folder=folder))
        assert fitted["task"] == "binary", fitted
        assert len(predicted.splitlines()) == len(rows) + 1, predicted[:200]
        assert 0 <= measured["value"] <= 1, measured
        sys.stdout.write(f"the wheel works alone: {wheel.name}, {measured}\n")


if __name__ == "__main__":
    main()
