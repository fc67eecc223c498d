"""What a change costs: iterations and start-up of two checkouts, in turns.

    python bench/studies/two_checkouts.py BEFORE_CHECKOUT [--rounds N]

Every round times, in new processes pinned to one core, iterations of the built-in
models and of any module at the paper's size, `losslearn predict` of 2,000 rows, and a
fit of 500 rows and 40 iterations; once with the other checkout, once with this one.
Both run in the environment of this process. Prints medians and their ratio, and writes
every reading to `results/two_checkouts.jsonl`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from shared import RESULTS, make_parser

HERE = Path(__file__).parents[2]
ITERATIONS = """
import statistics, sys, time, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
import speed
setting = speed.make_setting(sys.argv[2])
for _ in range(60):
    setting.iterate()
readings = []
for _ in range(25):
    begin = time.perf_counter()
    for _ in range(60):
        setting.iterate()
    readings.append((time.perf_counter() - begin) / 60)
print(statistics.median(readings))
"""
TABLE = """
import sys
from sklearn.datasets import make_classification
import pandas as pd
x, y = make_classification(2_000, random_state=0)
frame = pd.DataFrame(x).add_prefix("x").assign(target=y)
frame.to_csv("rows.csv", index=False)
frame.head(500).to_csv("few.csv", index=False)
"""
FIT = ("fit", "few.csv", "--target", "target", "--metric", "f1", "--max-iter", "40")
COMMANDS = {
    "fit of 500 rows, 40 iterations": (*FIT, "--out", "model"),
    "predict of 2,000 rows": ("predict", "model", "rows.csv", "--out", "out.csv"),
}


def run(words: list[str], checkout: Path, folder: Path) -> tuple[float, str]:
    """Run a Python process with a checkout's package; return its seconds and output."""
    sources = (checkout / "src", checkout / "bench" / "src")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, sources)),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "LOSSLEARN_CACHE": str(folder / "cache"),
    }
    timed = "import sys,time,subprocess as s;b=time.perf_counter();"
    timed += "p=s.run(sys.argv[1:],capture_output=True,text=True);"
    timed += "print(time.perf_counter()-b);print(p.stdout);sys.exit(p.returncode)"
    pinned = ["taskset", "-c", "0", sys.executable, "-c", timed, sys.executable, *words]
    shown = subprocess.check_output(pinned, cwd=folder, env=environment, text=True)
    seconds, _, printed = shown.partition("\n")
    return float(seconds), printed


def readings(checkout: Path, folder: Path) -> dict[str, float]:
    """Return one reading of everything, in seconds."""
    studies = checkout / "bench" / "studies"
    if not studies.is_dir():  # its place before the experiments were a distribution
        studies = checkout / "benchmarks"
    found = {}
    for kind in ("linear", "mlp", "module"):
        _, printed = run(["-c", ITERATIONS, str(studies), kind], checkout, folder)
        found[f"iteration, {kind}"] = float(printed)
    for name, words in COMMANDS.items():
        found[name], _ = run(["-m", "losslearn", *words], checkout, folder)
    return found


def main() -> None:
    """Time both checkouts in turns."""
    file = RESULTS / "two_checkouts.jsonl"
    parser = make_parser(__doc__, rounds=5, out=file)
    parser.add_argument("before", type=Path)
    asked = parser.parse_args()
    checkouts = {"before": asked.before.resolve(), "after": HERE}
    lines = []
    with tempfile.TemporaryDirectory() as made:
        folders = {name: Path(made) / name for name in checkouts}
        for name, checkout in checkouts.items():
            folders[name].mkdir()
            run(["-c", TABLE], checkout, folders[name])
            readings(checkout, folders[name])  # compiles, and fills the caches
        for turn in range(asked.rounds):
            for name, checkout in checkouts.items():
                found = readings(checkout, folders[name])
                lines.append({"round": turn, "checkout": name, **found})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    asked.out.write_text(text, encoding="utf-8")
    for what in list(lines[0])[2:]:
        before, after = (
            statistics.median(line[what] for line in lines if line["checkout"] == name)
            for name in checkouts
        )
        sys.stdout.write(
            f"{what:32} {before * 1e3:9.3f} ms {after * 1e3:9.3f} ms "
            f"{after / before:5.2f} x\n"
        )


if __name__ == "__main__":
    main()
