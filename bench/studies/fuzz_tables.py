"""Whether any table is encoded as it was learned, or refused in one line.

    python bench/studies/fuzz_tables.py [--tables N] [--fits N]

Draws tables of odd columns. Of each hundred, one is learned from; the others are rows
of it in another order, format and type, some damaged. Each is the same features again,
one clear line, features that differ, or a traceback, which are counted; so are whole
fits by `losslearn fit`, with `predict` of the same table.
"""

import collections
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shared import RESULTS, make_parser, write

from losslearn.cli import main as losslearn
from losslearn.encoding import TableEncoder

Draw = np.random.Generator
ODD = ["", " ", "NA", "null", "?", "nan", "inf", "-", "0", "1e3", "+5", "01", "1,5"]
ODD += ["true", "FALSE", "7A", "$5", "5 %", "12:30", "2020-02-30", "é", "\U0001f600"]


def column(draw: Draw, n: int) -> object:
    """Return a column of a kind drawn at random."""
    number = draw.normal(size=n) * 10.0 ** draw.integers(-3, 6)
    kinds = [
        lambda: number,
        lambda: number.round().astype(int),
        lambda: [f"${value:,.2f}" for value in number],
        lambda: [f"{value:.1f}%".replace(".", ",") for value in number],
        lambda: draw.choice(np.array(ODD, dtype=object), n),
        lambda: draw.choice(np.array(["a", "b", "c d"], dtype=object), n),
        lambda: draw.random(n) < 0.5,
        lambda: (
            pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 9999, n), "h")
        ),
        lambda: [f"{d % 28 + 1}.{d % 12 + 1}.2021" for d in draw.integers(0, 999, n)],
        lambda: pd.to_timedelta(draw.integers(0, 10**6, n), "s"),
        lambda: [f"note {a} of {b}" for a, b in draw.integers(0, 60, (n, 2))],
        lambda: [f"{value:x}" for value in draw.integers(0, 2**60, n)],
        lambda: pd.Categorical(draw.choice(["x", "y"], n)),
        lambda: [None] * n,
        lambda: pd.array(draw.integers(0, 5, n), dtype="Int64"),
        lambda: np.full(n, 7),
    ]
    return kinds[draw.integers(len(kinds))]()


def table(draw: Draw, n: int) -> pd.DataFrame:
    """Return a table of two to nine such columns, with gaps."""
    names = [f"c{i}" for i in range(draw.integers(2, 10))]
    frame = pd.DataFrame({name: column(draw, n) for name in names})
    for name in frame:
        if draw.random() < 0.3:
            frame[name] = frame[name].mask(draw.random(n) < 0.1)
    return frame


def other_form(frame: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    """Return the same rows as another format gives them."""
    form = draw.integers(3)
    if form == 0:
        text = frame.to_csv(index=False)
        return pd.read_csv(io.StringIO(text), dtype=str, skip_blank_lines=False)
    if form == 1:
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        return pd.read_parquet(buffer)
    return frame[frame.columns[draw.permutation(frame.shape[1])]]


def outcome(
    encoder: TableEncoder, rows: pd.DataFrame, expected: NDArray[np.float32] | None
) -> str:
    """Return how rows came out; those that are damaged have nothing expected."""
    try:
        features = encoder.transform(rows)
    except ValueError as error:
        return "several lines" if "\n" in str(error) else "one line"
    except Exception as error:  # noqa: BLE001 - what is counted
        return f"traceback {type(error).__name__}: {error}"[:120]
    if expected is None:
        return "finite" if np.isfinite(features).all() else "NOT FINITE"
    return "as learned" if np.allclose(features, expected, atol=1e-5) else "DIFFERENT"


def count_encodings(n_tables: int, draw: Draw) -> collections.Counter[str]:
    """Return how often tables came out how."""
    found: collections.Counter[str] = collections.Counter()
    while found.total() < n_tables:
        learned = table(draw, 200)
        try:
            encoder = TableEncoder().fit(learned)
        except ValueError as error:
            found[
                "refused: several" if "\n" in str(error) else "refused: one line"
            ] += 1
            continue
        whole = encoder.transform(learned)
        for _ in range(99):
            places = draw.integers(0, 200, draw.integers(1, 20))
            rows = learned.iloc[places].reset_index(drop=True)
            is_damaged = draw.random() < 0.2
            if is_damaged:
                name = draw.choice(list(rows.columns))
                rows[name] = draw.choice(np.array(ODD, dtype=object), len(rows))
            expected = None if is_damaged else whole[places]
            what = outcome(encoder, other_form(rows, draw), expected)
            found[f"{'damaged' if is_damaged else 'whole'}: {what}"] += 1
    return found


def count_fits(n_fits: int, draw: Draw) -> collections.Counter[str]:
    """Return how often the whole command came out how."""
    found: collections.Counter[str] = collections.Counter()
    for _ in range(n_fits):
        frame = table(draw, 120)
        frame["y"] = draw.choice(["no", "yes"], 120)
        with tempfile.TemporaryDirectory() as folder:
            path, model = Path(folder) / "t.csv", Path(folder) / "m"
            frame.to_csv(path, index=False)
            words = ["--target", "y", "--metric", "f1", "--model", "linear"]
            words += ["--mode", "scratch", "--max-iter", "2", "--out", str(model)]
            shown, sys.stdout, sys.stderr = (
                (sys.stdout, sys.stderr),
                *(io.StringIO(),) * 2,
            )
            try:
                codes = [losslearn(["fit", str(path), *words, "--json"])]
                if codes == [0]:
                    codes.append(losslearn(["predict", str(model), str(path)]))
                found[f"exit codes {codes}"] += 1
            except Exception as error:  # noqa: BLE001 - what is counted
                found[f"traceback {type(error).__name__}: {error}"[:120]] += 1
            finally:
                sys.stdout, sys.stderr = shown
    return found


def main() -> None:
    """Count, print and write."""
    file = RESULTS / "fuzz_tables.json"
    parser = make_parser(__doc__, tables=10_000, fits=300, seed=0, out=file)
    asked = parser.parse_args()
    draw = np.random.default_rng(asked.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = count_encodings(asked.tables, draw)
        fits = count_fits(asked.fits, draw)
    counts = {"tables": dict(encodings), "fits": dict(fits)}
    write(asked.out, counts)
    sys.stdout.write(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
