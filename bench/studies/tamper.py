"""Count what becomes of model directories that were tampered with.

    python bench/studies/tamper.py --n 2000 --seed 0

Each time one file of a model is changed: bytes, digits, keys, types, nesting; in half
of the cases the fingerprints are made to fit again, as by somebody who knows of them.
Then it is loaded, and predicts for a table. What comes is one of

- right: it predicts as before, for what was changed says nothing;
- refused: `ValueError` or `OSError`, in one line;
- traceback: any other exception;
- different: other predictions without a word. Where the fingerprints fit, a changed
  number is simply another model, and that is counted apart.
"""

import hashlib
import json
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from shared import RESULTS, make_parser, write

from losslearn import fit_table, load_model
from losslearn.tables import saved

FILES = (
    *("settings.json", "columns.json", "history.json", "seen_rows.bin"),
    "weights.safetensors",
)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    10**400,
    "",
    "x",
    [],
    {},
    [[]],
    {"x": 1},
    "\ud800",
)


def make_table(n: int = 200) -> pd.DataFrame:
    """Return a table of numbers, categories, dates and text."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "size": size,
            "kind": rng.choice(["red", "green"], size=n),
            "day": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(9, size=n), "D"),
            "note": [
                " ".join(rng.choice(["a", "bc", "def"], 3)) + str(i % 60)
                for i in range(n)
            ],
            "is": np.where(size + rng.normal(size=n) > 0.5, "ill", "well"),
        }
    )


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change, cut out, double or add some bytes."""
    begin = rng.randrange(len(content))
    end = begin + rng.choice((1, 1, 1, 8, 200))
    middle = rng.choice(
        (rng.randbytes(end - begin), b"", 2 * content[begin:end], content[:begin][-8:])
    )
    return content[:begin] + middle + content[end:]


def change_digit(content: bytes, rng: random.Random) -> bytes:
    """Exchange one digit for another."""
    places = [at for at, byte in enumerate(content) if chr(byte).isdigit()]
    at = rng.choice(places or [0])
    return content[:at] + str(rng.randrange(10)).encode() + content[at + 1 :]


def change_json(content: bytes, rng: random.Random) -> bytes:
    """Change a value, a type or a key somewhere, or nest it deep."""
    try:
        whole = {"": json.loads(content)}
    except ValueError:
        return change_bytes(content, rng)
    homes: list[Any] = [whole]
    for home in homes:
        values = home.values() if isinstance(home, dict) else home
        homes += [value for value in values if isinstance(value, dict | list) and value]
    home = rng.choice(homes)
    key = rng.choice([*home] if isinstance(home, dict) else range(len(home)))
    match rng.randrange(5):
        case 0:
            del home[key]
        case 1 if isinstance(home, dict):
            home[f"{key}x"] = home.pop(key)
        case 2:
            other = rng.choice(homes)
            home[key] = json.loads(json.dumps(other))
        case 3:
            depth = rng.choice((50, 500, 990, 100_000))
            mark = json.dumps("nested here")
            home[key] = json.loads(mark)
            text = json.dumps(whole).replace(mark, "[" * depth + "]" * depth)
            return text[len('{"": ') : -1].encode("utf-8", "replace")
        case _:
            home[key] = rng.choice(ODD)
    return json.dumps(whole.get("")).encode()


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    change_bytes,
    change_digit,
    change_json,
)


def sign_again(folder: Path, changed: str) -> None:
    """Make the fingerprints fit, as far as that can be done."""
    try:
        if changed == "columns.json":
            columns = json.loads((folder / changed).read_bytes())
            digest = json.dumps(columns["columns"]).encode()
            columns["digest"] = hashlib.sha256(digest).hexdigest()
            (folder / changed).write_text(json.dumps(columns))
        settings = json.loads((folder / "settings.json").read_bytes())
        for name in FILES[1:]:
            content = (folder / name).read_bytes()
            settings["sha256"][name] = hashlib.sha256(content).hexdigest()
        settings["sha256"]["settings.json"] = saved._fingerprint_of(settings)
        (folder / "settings.json").write_text(json.dumps(settings))
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        pass  # it stays as it is, damaged beyond that


def outcome(folder: Path, table: pd.DataFrame, expected: pd.DataFrame) -> str:
    """Return what becomes of a changed model."""
    try:
        found = load_model(folder).predict(table)
    except (ValueError, OSError) as error:
        return "refused" if "\n" not in str(error) else "refused in many lines"
    except Exception:  # noqa: BLE001 - counted and shown
        traceback.print_exc()
        return "traceback"
    try:
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    except AssertionError:
        return "different"
    return "right"


def main() -> None:
    """Print the counts."""
    given = make_parser(
        __doc__, n=2_000, seed=0, out=RESULTS / "tamper.json"
    ).parse_args()
    rng, counts, table = random.Random(given.seed), Counter[str](), make_table()
    with tempfile.TemporaryDirectory() as temporary:
        whole, folder = Path(temporary) / "whole", Path(temporary) / "changed"
        fit_table(table, "is", "f1", out=whole, mode="scratch", max_iter=4)
        expected = load_model(whole).predict(table)
        for _ in range(given.n):
            shutil.copytree(whole, folder)
            name, change = rng.choice(FILES), rng.choice(CHANGES)
            path, is_signed = folder / name, rng.random() < 0.5
            path.write_bytes(change(path.read_bytes(), rng))
            if is_signed:
                sign_again(folder, name)
            found = outcome(folder, table, expected)
            counts[f"{'signed' if is_signed else 'as it was'}: {found}"] += 1
            if found == "traceback":
                sys.stderr.write(f"{name} by {change.__name__}\n")
            shutil.rmtree(folder)
    write(given.out, {"n": given.n, "seed": given.seed, **dict(sorted(counts.items()))})
    sys.stdout.write(json.dumps(dict(sorted(counts.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
