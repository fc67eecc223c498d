"""What columns that say nothing, or are written for people, do to a fit.

    python bench/studies/odd_columns.py [--before CHECKOUT]

Real tables of 2,000 rows as they are, with a row id as text, with a clock time that
says nothing, with their amounts written as "$1,234.50", with a text of random words
that half of the rows share with another, and with their categories told in one text;
five further tables as they are; linear and MLP, five seeds; test F1 loss of the method
that the validation rows chose, lower is better. With `--before` the code of another
checkout as well. Stopped, it goes on where it was: lines are in
`results/odd_columns.jsonl`.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from shared import DATA_DIR, RESULTS, make_parser, report

TABLES = ("cost_bank_marketing", "cost_german_credit", "group_adult")
PLAIN_TABLES = ("a9a", "ijcnn1", "cod_rna", "covtype", "cc_fraud")
VARIANTS = ("plain", "row id", "clock", "money", "words", "sentence")
MODELS = ("linear", "mlp")
N_ROWS, N_SEEDS = 2_000, 5
HERE = Path(__file__).parents[2]


def variant(frame: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    """Return a table with a column more, or its amounts as text."""
    draw = np.random.default_rng(seed)
    if name == "row id":
        return frame.assign(row=[f"R{i:06d}" for i in draw.permutation(len(frame))])
    if name == "clock":
        seconds = draw.integers(0, 86_400, len(frame))
        clock = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds]
        return frame.assign(clock=clock)
    if name == "money":
        many = [c for c in frame if c != "target" and frame[c].nunique() > 100]
        return frame.assign(**{c: frame[c].map("${:,.2f}".format) for c in many})
    if name == "words":
        several = draw.integers(0, 300, (len(frame) // 2, 4))
        texts = [" ".join(f"word{word}" for word in words) for words in several]
        return frame.assign(remark=draw.choice(texts, len(frame)))
    if name == "sentence":
        told = [c for c in frame if "_" in c and frame[c].isin([0, 1]).all()]
        texts = frame[told].astype(bool).apply(lambda row: " ".join(row[row].index), 1)
        return frame.drop(columns=told).assign(told=texts)
    return frame


def test_loss(path: Path, checkout: Path, model: str, seed: int) -> float:
    """Return the chosen method's loss on the test rows of a fit."""
    sources = (checkout / "src", checkout / "bench" / "src")
    words = ["--target", "target", "--metric", "f1", "--max-iter", "300", "--json"]
    words += ["--model", model, "--seed", str(seed), "--out", f"{path}-model"]
    found = subprocess.check_output(
        [sys.executable, "-m", "losslearn", "fit", str(path), *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))},
        stderr=subprocess.DEVNULL,
        text=True,
    )
    fit = json.loads(found)
    losses = {one["method"]: one["test"] for one in fit["results"]}
    return float(losses[fit["chosen"]])


def main() -> None:
    """Fit what is missing, and print the means over the seeds."""
    file = RESULTS / "odd_columns.jsonl"
    parser = make_parser(__doc__, data_dir=DATA_DIR, before={"type": Path}, out=file)
    asked = parser.parse_args()
    checkouts = {"after": HERE}
    if asked.before is not None:
        checkouts["before"] = asked.before.resolve()
    names = ["checkout", "table", "variant", "model", "seed"]
    lines = []
    if asked.out.exists():
        lines = [json.loads(line) for line in asked.out.read_text().splitlines()]
    done = {tuple(line[name] for name in names) for line in lines}
    kinds = [*product(TABLES, VARIANTS), *product(PLAIN_TABLES, ["plain"])]
    cells = product(range(N_SEEDS), checkouts, kinds, MODELS)
    for seed, checkout, (table, name), model in cells:
        cell = checkout, table, name, model, seed
        if cell in done:
            continue
        frame = pd.read_parquet(asked.data_dir / f"{table}.parquet")
        frame = frame.sample(min(N_ROWS, len(frame)), random_state=seed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            variant(frame, name, seed).to_csv(path, index=False)
            loss = test_loss(path, checkouts[checkout], model, seed)
        lines.append({**dict(zip(names, cell, strict=True)), "loss": loss})
        with asked.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(lines[-1]) + "\n")
    table = pd.DataFrame(lines).pivot_table(
        index=["table", "model", "variant"], columns="checkout", values="loss"
    )
    shown = table.round(3).reset_index()
    rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    text = "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)
    heading = (
        "Test F1 loss of the chosen method, means over five splits, lower is better: "
        "before and after columns were read as what they say. The lines that are "
        "committed are of 2802417 and 2444b38; later ones have another control.\n\n"
    )
    report(text, asked.out, heading=heading)


if __name__ == "__main__":
    main()
