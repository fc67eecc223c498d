"""Decisions that depend on a column of the table."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from amount_rule import WorthIt
from metric_columns_cases import profit, table

from losslearn import fit_table, load_model
from losslearn.tables.fitted import FittedTable
from losslearn.tasks.binary import Binary

RULE = WorthIt(1.0)


def rows(n: int, seed: int) -> pd.DataFrame:
    X, y, amount = table(n, seed)
    frame = pd.DataFrame(X, columns=list("abcd"))
    return frame.assign(amount=[f"${one:.2f}" for one in amount], y=y)


@pytest.fixture(scope="module")
def fitted() -> FittedTable:
    quick = {"model": "linear", "mode": "scratch", "max_iter": 2}
    found = fit_table(rows(200, 0), "y", profit, metric_columns=["amount"], **quick)
    return replace(found, rule=RULE)


def test_predict_and_evaluate_take_the_column_from_the_table(fitted):
    frame = rows(80, 1)
    amount = frame["amount"].str[1:].astype(float)
    wanted = (fitted.scores(frame) + amount >= RULE.least).astype(int)
    assert 0 < wanted.sum() < 80
    for some in (frame, frame[:3], frame.drop(columns="y")):
        assert (fitted.predict(some)["label"] == wanted[some.index]).all()
    value = np.where(frame["y"] == 1, amount, -0.5)
    found = fitted.evaluate(frame)["value"]
    assert found == pytest.approx(-(wanted * value).mean())
    wrong = (wanted != frame["y"]).mean()
    assert fitted.evaluate(frame, metric="error_rate")["value"] == pytest.approx(wrong)
    bare = frame.drop(columns="amount")
    assert len(fitted.scores(bare)) == 80
    with pytest.raises(ValueError, match="the rule of the decisions needs: 'amount'"):
        fitted.predict(bare)
    assert fitted.evaluate(bare, metric="auc")["rows"] == 80


def test_a_loaded_model_reads_it_as_the_fit_did(fitted, tmp_path, monkeypatch):
    restored = staticmethod(lambda state: WorthIt(state["least"]))
    monkeypatch.setattr(Binary, "restore_rule", restored)
    fitted.__dict__["learning_curves"] = None
    fitted.save(tmp_path / "m")
    loaded, frame = load_model(tmp_path / "m"), rows(80, 1)
    pd.testing.assert_frame_equal(loaded.predict(frame), fitted.predict(frame))
