"""Test rows of a table of their own."""

import numpy as np
import pandas as pd
import pytest
from cli_cases import make_frame
from sklearn.metrics import f1_score

from losslearn import fit_table
from losslearn.cli import main
from losslearn.tables import fitting
from losslearn.tables.display import Silent

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 4}


def people(n: int, seed: int, *, names: range = range(40)) -> pd.DataFrame:
    """Return rows of persons, each on a day."""
    draw = np.random.default_rng(seed)
    x, name = draw.normal(size=n), draw.choice(list(names), n)
    y = x + draw.normal(size=n) > 0.5
    day = draw.permutation(n)
    return pd.DataFrame({"name": name.astype(str), "x": x, "day": day, "y": y})


@pytest.fixture
def parts(monkeypatch) -> list:
    """The parts that each fit divides its rows into."""
    seen, divide = [], fitting.divide

    def keep(*args, **kwargs):
        seen.append(divide(*args, **kwargs))
        return seen[-1]

    monkeypatch.setattr(fitting, "divide", keep)
    return seen


@pytest.mark.parametrize(
    ("n_valid", "expected"),
    [
        (None, {"train": 240, "validation": 60, "test": 90}),
        (50, {"train": 300, "validation": 50, "test": 90}),
    ],
)
def test_both_methods_are_tested_on_all_of_the_test_table(n_valid, expected):
    valid = n_valid and make_frame(n_valid, seed=1)
    test = make_frame(90, seed=2)
    how = {"valid": valid, "test": test, "cv": 1, "refit": False}
    fitted = fit_table(make_frame(), "churn", "f1", **how, **QUICK)
    report = fitted.report
    assert report["rows"] == expected
    chosen = {one["method"]: one for one in report["results"]}[report["chosen"]]
    predicted = fitted.predict(test)["label"]
    loss = 1 - f1_score(test["churn"], predicted, pos_label="yes")
    assert chosen["test"] == pytest.approx(loss, abs=1e-6)


class Watched(Silent):
    def watch(self, record) -> None:
        raise AssertionError(f"trained all the same: {record}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="age"), "lacks columns .* 'age'"),
        (lambda t: t.drop(columns="churn"), "no column 'churn'"),
        (lambda t: t.assign(more=1), "that the training table had not: 'more'"),
        (lambda t: t.assign(age="old"), "'age' held numbers .* got 'old'"),
        (lambda t: t.assign(income=np.inf), "'income' holds infinite values"),
        (lambda t: t.assign(churn="maybe"), "'churn' .*'maybe'"),
        (lambda t: t[t["churn"] == "no"], "'churn' .*'no'"),
    ],
)
def test_what_is_wrong_with_test_rows_is_said_before_the_training(change, message):
    test = change(make_frame(60, seed=2))
    with pytest.raises(ValueError, match=f"^In the test rows: .*{message}"):
        fit_table(make_frame(), "churn", "f1", test=test, display=Watched(), **QUICK)


def test_a_group_is_in_one_of_the_tables(parts):
    frame, valid = people(300, 0), people(80, 1, names=range(40, 60))
    test = people(90, 2, names=range(60, 85))
    alone = fit_table(frame, "y", "f1", groups="name", test=test, **QUICK)
    names = [set(frame["name"][one.y.index]) for one in parts[0][:2]]
    assert not names[0] & names[1]
    assert sum(map(len, names)) == 40
    counted = {"column": "name", "train": len(names[0]), "validation": len(names[1])}
    assert alone.report["groups"] == {**counted, "test": len(set(test["name"]))}
    both = fit_table(frame, "y", "f1", groups="name", valid=valid, test=test, **QUICK)
    tables = {"train": frame, "validation": valid, "test": test}
    counted = {part: len(set(table["name"])) for part, table in tables.items()}
    assert both.report["groups"] == {"column": "name", **counted}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (range(38, 70), "2 groups of the column 'name' are in DATA as well"),
        (range(59, 80), "1 groups .* are in the validation rows as well, such as '59'"),
    ],
)
def test_a_group_in_two_tables_is_refused(names, message):
    tables = {
        "valid": people(200, 1, names=range(40, 60)),
        "test": people(200, 2, names=names),
    }
    with pytest.raises(ValueError, match=f"^In the test rows: {message}"):
        fit_table(people(300, 0), "y", "f1", groups="name", **tables, **QUICK)


def test_the_latest_of_the_other_rows_validate(parts):
    frame, test = people(300, 0), people(90, 1)
    fitted = fit_table(frame, "y", "f1", time="day", test=test, **QUICK)
    train, validation = (frame["day"][one.y.index] for one in parts[0][:2])
    assert train.max() < validation.min()
    assert (len(train), len(validation)) == (240, 60)
    assert fitted.report["rows"]["test"] == 90
    with pytest.raises(ValueError, match="nothing is left to divide"):
        fit_table(frame, "y", "f1", time="day", valid=test, test=test, **QUICK)


def test_the_command_takes_it_and_says_which_rows_were_seen_before(tmp_path, capsys):
    frame, valid = make_frame(), make_frame(50, seed=1)
    test = pd.concat([frame[:7], valid[:4], make_frame(60, seed=2)])
    for name, one in (("t", frame), ("v", valid), ("w", test)):
        one.to_csv(tmp_path / f"{name}.csv", index=False)
    paths = {name: str(tmp_path / f"{name}.csv") for name in "tvw"}
    words = ["--target", "churn", "--metric", "f1", "--out", str(tmp_path / "m")]
    quick = ["--model", "linear", "--mode", "scratch", "--max-iter", "2"]
    tables = ["--valid", paths["v"], "--test", paths["w"]]
    for used, n in ((tables, 11), (tables[2:], 7)):
        assert main(["fit", paths["t"], *words, *quick, *used]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        said = f"{n} of the 71 test rows are rows of another table as well"
        assert said in printed
        assert "validation rows are rows of another" not in printed
    by_time = ["--time", "joined", *tables[2:]]
    assert main(["fit", paths["t"], *words, *quick, *by_time]) == 0
    said = "Divided by joined: the validation rows are the latest."
    assert said in capsys.readouterr().out
