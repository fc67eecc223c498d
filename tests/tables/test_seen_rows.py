"""An evaluation on rows that a model was fitted to says so."""

import json

import numpy as np
import pandas as pd
import pytest

from losslearn import fit_table, load_model
from losslearn.cli import main
from losslearn.estimators import seen as sampling
from losslearn.tables import fitting

QUICK = {"model": "linear", "mode": "scratch", "max_iter": 2}


def rows(n: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-15") + pd.to_timedelta(draw.integers(0, 90, n), "D")
    return pd.DataFrame(
        {
            "x": draw.normal(size=n),
            "paid": [f"${one:,.2f}" for one in draw.lognormal(8, 1, n)],
            "day": days,
            "word": np.where(draw.random(n) < 0.2, None, draw.choice(["a", "1"], n)),
            "no": [f"k{one}" for one in draw.permutation(n)],
            "y": draw.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a model's folder, and how its table was divided."""
    seen, folder = [], tmp_path_factory.mktemp("seen")
    with pytest.MonkeyPatch.context() as patch:
        divide = fitting.divide
        patch.setattr(
            fitting, "divide", lambda *a, **k: seen.append(divide(*a, **k)) or seen[0]
        )
        fit_table(rows(300, 0), "y", "f1", out=folder / "m", **QUICK)
    return folder / "m", seen[0]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("n_new", [0, 63])
def test_rows_fitted_to_are_counted_in_any_file(fitted, suffix, n_new, tmp_path):
    folder, parts = fitted
    numbers = [*parts.train.y.index, *parts.validation.y.index]
    frame = pd.concat([rows(300, 0).iloc[numbers[-37:]], rows(200, 1)[:n_new]])
    path = tmp_path / f"t.{suffix}"
    # of what the model does not look at, nothing counts
    frame = frame.assign(
        no="k", y=[True, False] * (len(frame) // 2) + [True] * (len(frame) % 2)
    )
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    model = load_model(folder)
    assert model.evaluate(path)["seen"] == {"rows": 37, "compared": 37 + n_new}
    test = rows(300, 0).iloc[parts.test.y.index]
    assert model.evaluate(test)["seen"] == {"rows": 0, "compared": 60}


def test_the_command_says_it(fitted, tmp_path, capsys, monkeypatch):
    folder, parts = fitted
    every = rows(300, 0)
    for name, places in (("all", range(300)), ("test", parts.test.y.index)):
        path = tmp_path / f"{name}.csv"
        every.iloc[places].to_csv(path, index=False)
        main(["evaluate", str(folder), str(path), "--target", "y"])
        printed = " ".join(capsys.readouterr().out.split())
        said = "240 of these 300 rows are equal to rows that the model was trained on"
        assert (said in printed) == (name == "all")
        assert ("equal to rows" in printed) == (name == "all")
    monkeypatch.setattr(sampling, "_KEPT", 50)
    model = fit_table(every, "y", "f1", **QUICK)
    model.save(tmp_path / "sample")
    main(
        [
            "evaluate",
            str(tmp_path / "sample"),
            str(tmp_path / "all.csv"),
            "--target",
            "y",
        ]
    )
    printed = " ".join(capsys.readouterr().out.split())
    found = load_model(tmp_path / "sample").evaluate(every)["seen"]
    assert 50 <= found["compared"] < 100
    said = f"About {found['rows']} of these 300 rows (judged by {found['compared']}"
    assert said in printed


def test_of_few_distinct_rows_none_are_kept(tmp_path):
    frame = pd.DataFrame({"a": list("xyz") * 60, "y": np.arange(180) % 5 < 2})
    fit_table(frame, "y", "f1", out=tmp_path / "m", **QUICK)
    model = load_model(tmp_path / "m")
    assert model.seen is None
    assert model.evaluate(frame)["seen"] is None
    settings = json.loads((tmp_path / "m" / "settings.json").read_text())
    assert "seen_rows.bin" not in settings["sha256"]
