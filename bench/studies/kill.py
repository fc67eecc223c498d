"""What is lost when fits and predictions are killed at any moment: nothing.

    python bench/studies/kill.py [--kills N]

Processes that run `losslearn fit` over and over into the same folder, and `predict`
into the same file, are killed at random moments. After each kill the folder holds no
model or a whole one, and the file the old predictions or the new ones; now and then the
same command is left alone, ends, and has to give the model of an uninterrupted fit to
the bit, with nothing left beside it. Counts go to `results/kill.json`.
"""

import collections
import contextlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from shared import RESULTS, make_parser, write

from losslearn import load_model
from losslearn.cli import main as losslearn
from losslearn.training import checkpoint

FIT = ["--target", "y", "--metric", "f1", "--max-iter", "300", "--out", "m"]
PREDICT = ["predict", "m", "t.csv", "--out", "p.csv", "--force"]


def quiet(words: list[str]) -> int:
    """Run a command without what it prints."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        return losslearn(words)


def killed(action: Callable[[], int], within: float) -> bool:
    """Do something in a process that is killed by then; False if it was done before."""
    child = os.fork()
    if child == 0:
        os._exit(action())
    clock = threading.Timer(random.uniform(0, within), os.kill, (child, signal.SIGKILL))
    clock.start()
    status = os.waitpid(child, 0)[1]
    clock.cancel()
    return status == signal.SIGKILL


def facts(folder: Path) -> tuple[bytes, object, list[object]]:
    """Return what of a model does not depend on the clock."""
    settings = json.loads((folder / "settings.json").read_text())
    looks = json.loads((folder / "history.json").read_text())
    plain = [{**look, "seconds": 0} for look in looks]
    return (folder / "weights.safetensors").read_bytes(), settings["rule"], plain


def count(n_kills: int) -> collections.Counter[str]:
    """Kill, look, and count what was found."""
    found: collections.Counter[str] = collections.Counter()
    quiet(["fit", "t.csv", *FIT[:-1], "whole"])
    expected, wanted = facts(Path("whole")), load_model("whole").predict("t.csv")
    model, scores = Path("m"), Path("p.csv")
    while found["fits killed"] + found["predictions killed"] < n_kills:
        if killed(lambda: quiet(["fit", "t.csv", *FIT]), 3.0):
            found["fits killed"] += 1
            if model.exists():
                same = load_model(model).predict("t.csv").equals(wanted)
                found["model whole" if same else "MODEL DAMAGED"] += 1
        else:
            is_same = facts(model) == expected and not Path("m.checkpoint").exists()
            found["ended as uninterrupted" if is_same else "ENDED OTHERWISE"] += 1
        if not model.exists():
            continue
        if killed(lambda: quiet(PREDICT), 0.3):
            found["predictions killed"] += 1
        if scores.exists():
            is_whole = len(pd.read_csv(scores)) == len(wanted)
            found["file whole" if is_whole else "FILE DAMAGED"] += 1
    quiet(["fit", "t.csv", *FIT])
    quiet(PREDICT)
    found["LEFT BEHIND"] = len([*Path().glob(".*")])
    return found


def main() -> None:
    """Count in a folder of its own, print and write."""
    asked = make_parser(
        __doc__, kills=200, seed=0, out=RESULTS / "kill.json"
    ).parse_args()
    random.seed(asked.seed)
    checkpoint._FIRST = 0.0
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 5))
    frame = pd.DataFrame(x).add_prefix("x").assign(y=(x[:, 0] > 0.5).astype(int))
    out, here = asked.out.resolve(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        frame.to_csv("t.csv", index=False)
        found = count(asked.kills)
        os.chdir(here)
    write(out, dict(found))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
