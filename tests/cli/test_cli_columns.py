"""How columns are read: shown, overruled, carried through."""

import json

import pandas as pd
import pytest
from cli_cases import error_line, fit, make_frame

from losslearn import load_model
from losslearn.cli import main


@pytest.fixture
def people() -> pd.DataFrame:
    frame = make_frame()
    frame["customer"] = [f"C{i:05d}" for i in range(len(frame))]
    frame["paid"] = [f"${1_000 + 10 * i:,.2f}" for i in range(len(frame))]
    frame["empty"] = None
    frame.to_csv("people.csv", index=False)
    return frame


@pytest.mark.usefixtures("people")
def test_a_fit_shows_how_each_column_is_read(capsys):
    assert fit() == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "customer id, left out" in out
    assert "paid number written as 1,234.5, in $" in out
    assert "empty empty, left out" in out
    assert "--as COL=number|category|text|date|ignore" in out


def test_json_tells_it_too(people, capsys):
    assert fit("--json", "--as", "age=category", "--ignore", "city") == 0
    found = json.loads(capsys.readouterr().out)["columns"]
    kinds = {one["column"]: one["read_as"] for one in found}
    assert kinds["age"] == "category"
    assert kinds["city"] == "ignored"
    assert list(kinds) == [name for name in people.columns if name != "churn"]


@pytest.mark.parametrize("options", [(), ("--id", "customer")])
def test_ids_are_carried_into_predictions(people, options, capsys):
    assert fit(*options, "--out", "m") == 0
    capsys.readouterr()
    people.drop(columns=["churn", "empty"]).iloc[:7].to_csv("new.csv", index=False)
    assert main(["predict", "m", "new.csv", "--out", "scored.csv", "--force"]) == 0
    assert capsys.readouterr().err == ""
    found = pd.read_csv("scored.csv")
    assert list(found.columns) == ["customer", "score", "probability", "label"]
    assert found["customer"].tolist() == people["customer"].tolist()[:7]
    people.drop(columns="customer").to_csv("unnamed.csv", index=False)
    assert main(["predict", "m", "unnamed.csv", "--out", "scored.csv", "--force"]) == 0


def test_further_columns_are_not_looked_at_with_a_word(people, capsys):
    assert fit("--out", "m") == 0
    people["weather"], people["mood"] = "fine", "good"
    people.to_csv("new.csv", index=False)
    capsys.readouterr()
    for command in (["predict"], ["evaluate", "--target", "churn"]):
        name, *options = command
        assert main([name, "m", "new.csv", *options]) == 0
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "training table had not are not looked at: 'weather', 'mood'" in line
    expected = load_model("m").scores(people.drop(columns=["weather", "mood"]))
    with pytest.warns(UserWarning, match="not looked at"):
        assert (load_model("m").scores(people) == expected).all()


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--as", "age"), "--as takes COL=KIND"),
        (("--as", "age=prose"), "got 'prose' for 'age'"),
        (("--as", "city=number"), "'city' cannot be read as number"),
        (("--ignore", "agee"), "no column 'agee' among its features"),
        (("--id", "churn"), "no column 'churn' among its features"),
    ],
)
def test_what_cannot_be_is_one_line(capsys, options, message):
    assert fit(*options) == 2
    assert message in error_line(capsys)


def test_labels_are_what_the_file_says(capsys):
    frame = make_frame()
    frame["churn"] = frame["churn"].map({"yes": "TRUE", "no": "FALSE"})
    frame.to_csv("people.csv", index=False)
    assert fit("--positive", "TRUE", "--out", "m") == 0
    assert load_model("m").labels.names == ["FALSE", "TRUE"]
    assert main(["predict", "m", "people.csv", "--out", "scored.csv", "--force"]) == 0
    found = pd.read_csv("scored.csv", dtype=str)["label"]
    assert set(found) <= {"FALSE", "TRUE"}
    capsys.readouterr()
    assert fit("--positive", "1") == 2
    assert "must be one of 'FALSE', 'TRUE'; got '1'" in error_line(capsys)
