"""Rows that stand more than once in a table stay in one part of it."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslearn import fit_table
from losslearn.cli import main
from losslearn.metrics import get_true_loss
from losslearn.tables.division import Parts, divide
from losslearn.tables.metric_name import MetricName
from losslearn.tasks.binary import Binary
from losslearn.training.splitting import split_rows

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 2}
F1 = MetricName.of("f1", get_true_loss("f1"), greater_is_better=None)

divided = partial(
    divide,
    target="y",
    task=Binary(),
    options={},
    metric=F1,
    columns=(),
    text=None,
    left_out=(),
    read_as={},
    groups=None,
    time=None,
)


def rows(n: int, seed: int, rate: float = 0.3) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    word = np.where(draw.random(n) < 0.2, None, draw.choice(["a", "1", "b c"], n))
    y = draw.permutation(np.arange(n) < rate * n)
    return pd.DataFrame({"x": draw.normal(size=n), "word": word, "y": y})


def with_copies(n: int, n_copies: int, seed: int, **further: float) -> pd.DataFrame:
    """Return rows of which some stand twice or more often, whatever their class."""
    frame, draw = rows(n, seed, **further), np.random.default_rng(seed)
    copies = frame.sample(n_copies, replace=True, random_state=seed)
    copies["y"] = np.where(draw.random(n_copies) < 0.5, copies["y"], ~copies["y"])
    return pd.concat([frame, copies]).sample(frac=1, random_state=seed, ignore_index=1)


def known(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """Return each row's features, as they can be compared."""
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False))


def parts_of(parts: Parts) -> list[set[tuple[object, ...]]]:
    every = (parts.train, parts.validation, parts.test)
    return [set(known(part.features)) for part in every]


@settings(max_examples=60)
@given(
    n=st.integers(30, 300),
    share=st.floats(0, 1),
    rate=st.floats(0.25, 0.75),
    has_valid=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_no_row_is_in_two_parts_when_that_is_said(n, share, rate, has_valid, seed):
    frame = with_copies(n, int(share * n), seed, rate=rate)
    valid = rows(40, seed + 1) if has_valid else None
    parts = divided(frame, valid, seed=seed)
    *others, test = parts_of(parts)
    if has_valid:
        others = others[:1]
    every = [*others, test]
    features = pd.Series(known(frame.drop(columns="y")))
    n_copies = int(features.duplicated(keep=False).sum())
    n_found = sum(map(len, every)) - len(set.union(*every))
    if parts.copies is None:
        assert n_copies == n_found == 0
        return
    assert parts.copies["rows"] == n_copies
    seen = sum(row in set.union(*others) for row in known(parts.test.features))
    assert parts.copies["test"] == seen
    if parts.copies["together"]:
        assert n_found == 0
    sizes = [len(part.y) for part in (parts.train, parts.validation, parts.test)]
    assert sum(sizes) - 40 * has_valid == len(frame)
    alone = split_rows(frame["y"], test_size=0.2, validation_size=0.16, seed=0)
    if not has_valid:
        for part, numbers in zip(parts, alone, strict=False):
            for label in (True, False):
                wanted = (frame["y"][numbers] == label).sum()
                off = abs((part.y == label).sum() - wanted)
                assert off <= max(1, 0.02 * (frame["y"] == label).sum())


@pytest.mark.parametrize("seed", range(3))
def test_a_table_without_copies_is_divided_as_ever(seed):
    frame = rows(200, seed)
    parts = divided(frame, None, seed=seed)
    expected = split_rows(frame["y"], test_size=0.2, validation_size=0.16, seed=seed)
    assert parts.copies is None
    for part, numbers in zip(parts, expected, strict=False):
        assert part.y.index.tolist() == numbers.tolist()


@pytest.mark.parametrize("times", [2, 10])
def test_a_doubled_table_and_a_multiplied_class_are_kept_apart(times):
    frame = rows(400, 0, rate=0.1)
    again = frame if times == 2 else pd.concat([frame[frame["y"]]] * (times - 1))
    parts = divided(pd.concat([frame, again], ignore_index=True), None, seed=0)
    assert parts.copies["together"]
    assert parts.copies["test"] == 0
    every = parts_of(parts)
    assert sum(map(len, every)) == len(set.union(*every)) == 400


def test_ids_and_columns_left_out_make_no_row_another():
    frame = with_copies(200, 40, 0).assign(no=range(240))
    numbered = frame.assign(id=range(240), key=[f"k{row}" for row in range(240)])
    parts = divided(numbered, None, seed=0, read_as={"no": "ignore"})
    assert parts.copies == divided(frame.drop(columns="no"), None, seed=0).copies
    asked = {"no": "ignore", "id": "number"}
    assert divided(numbered, None, seed=0, read_as=asked).copies is None


def test_few_distinct_rows_are_divided_one_by_one_and_told(tmp_path, capsys):
    draw = np.random.default_rng(0)
    few = pd.DataFrame(
        {"a": draw.choice(list("xyz"), 200), "y": draw.random(200) < 0.4}
    )
    copied = with_copies(200, 30, 0)
    for frame, said in (
        (few, "200 rows stand more than once, and copies cannot be kept in one part: "),
        (copied, "rows stand more than once; copies stay in one part."),
        (copied.drop_duplicates(["x", "word"]), None),
    ):
        frame.to_csv(tmp_path / "t.csv", index=False)
        words = ["--model", "linear", "--mode", "scratch", "--max-iter", "2"]
        given = [str(tmp_path / "t.csv"), "--target", "y", "--metric", "f1"]
        main(["fit", *given, "--out", str(tmp_path / "m"), *words])
        printed = " ".join(capsys.readouterr().out.split())
        assert (said or "more than once") in printed or said is None
        assert ("more than once" in printed) == (said is not None)
    report = fit_table(few, "y", "f1", **QUICK).report
    assert report["copies"] == {"rows": 200, "together": False, "test": 40}


def test_groups_and_times_rule():
    frame = with_copies(200, 60, 0)
    frame = frame.assign(who=np.arange(260) % 50, at=range(260))
    for name in ({"groups": "who"}, {"time": "at"}):
        assert divided(frame, None, seed=0, **name).copies is None
