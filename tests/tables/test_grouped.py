"""Tables whose rows belong together."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from losslearn import fit_table, load_model
from losslearn.cli import main
from losslearn.tables import fitting

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 4}


def persons(n: int = 400, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    person = draw.integers(0, 60, n)
    x = draw.normal(size=n)
    names = [f"p{one:02}" for one in person]
    return pd.DataFrame({"person": names, "x": x, "y": x + draw.normal(size=n) > 0.5})


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_a_person_are_in_one_part(seed, monkeypatch):
    seen, divide = [], fitting.divide

    def keep(*args, **kwargs):
        seen.append(divide(*args, **kwargs))
        return seen[0]

    monkeypatch.setattr(fitting, "divide", keep)
    frame = persons()
    how = {"groups": "person", "seed": seed, "cv": 1, "refit": False}
    fitted = fit_table(frame, "y", "f1", **how, **QUICK)
    parts = [
        set(frame["person"][part.y.index])
        for part in (seen[0].train, seen[0].validation, seen[0].test)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60
    assert list(fitted.report["groups"].values()) == ["person", *map(len, parts)]
    assert sum(fitted.report["rows"].values()) == 400
    assert fitted.report["rows"]["test"] == pytest.approx(80, abs=15)
    assert list(fitted.encoder.feature_names_in_) == ["x"]


def test_new_rows_may_hold_the_column_or_not(tmp_path, capsys):
    frame, folder = persons(), tmp_path / "model"
    frame.to_csv(tmp_path / "t.csv", index=False)
    options = ["--model", "linear", "--mode", "scratch", "--max-iter", "4"]
    given = [str(tmp_path / "t.csv"), "--target", "y", "--metric", "f1"]
    out = ["--out", str(folder), "--group", "person"]
    main(["fit", *given, *out, *options])
    assert "Rows of the same person are in one part" in capsys.readouterr().out
    model = load_model(folder)
    with_it, without = model.scores(frame), model.scores(frame[["x"]])
    assert np.array_equal(with_it, without)
    assert json.dumps(model.report["groups"])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("persn", "the nearest are 'person'"),
        ("y", "cannot divide the rows"),
        ("same", "cannot be divided into 3 parts"),
        ("gaps", "lacks a value in 400 of 400 rows"),
    ],
)
def test_columns_that_say_no_groups_are_refused(groups, message):
    frame = persons().assign(same="a", gaps=None)
    with pytest.raises(ValueError, match=message):
        fit_table(frame, "y", "f1", groups=groups, **QUICK)


def test_validation_rows_of_persons_trained_on_are_refused():
    frame = persons()
    is_held = frame["person"] < "p12"
    valid, rest = frame[is_held], frame[~is_held]
    fitted = fit_table(rest, "y", "f1", groups="person", valid=valid, **QUICK)
    assert fitted.report["groups"]["validation"] == 12
    with pytest.raises(ValueError, match=r"12 groups of the column 'person' are in"):
        fit_table(frame, "y", "f1", groups="person", valid=valid, **QUICK)


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%d.%m.%Y", None])
@pytest.mark.parametrize("has_valid", [False, True])
def test_the_latest_rows_are_tested_on(written, has_valid, monkeypatch):
    seen, divide = [], fitting.divide

    def keep(*args, **kwargs):
        seen.append(divide(*args, **kwargs))
        return seen[0]

    monkeypatch.setattr(fitting, "divide", keep)
    days = np.random.default_rng(0).integers(0, 90, 400)
    dates = pd.Timestamp("2024-01-15") + pd.to_timedelta(days, unit="D")
    frame = persons().assign(day=dates.strftime(written) if written else days)
    valid = frame if has_valid else None
    fitted = fit_table(frame, "y", "f1", time="day", valid=valid, **QUICK)
    parts = [seen[0].train, seen[0].test]
    if not has_valid:
        parts.insert(1, seen[0].validation)
    ranges = [days[part.y.index] for part in parts]
    for earlier, later in pairwise(ranges):
        assert earlier.max() < later.min()
    assert len(ranges[-1]) == pytest.approx(80, abs=8)
    assert fitted.report["divided_by_time"] == "day"


def test_times_that_cannot_divide_are_refused():
    frame = persons().assign(same=3, late=np.where(np.arange(400) < 5, None, 1.0))
    for time, message in (
        ("person", "must hold dates, or numbers"),
        ("same", "holds 0 rows of one kind"),
        ("late", "lacks a value in 5 rows"),
        ("tim", "no column 'tim'"),
    ):
        with pytest.raises(ValueError, match=message):
            fit_table(frame, "y", "f1", time=time, **QUICK)
    with pytest.raises(ValueError, match="Leave one of them out"):
        fit_table(frame, "y", "f1", time="x", groups="person", **QUICK)
