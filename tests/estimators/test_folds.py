"""`cv` and `refit`: all rows are trained on in the end, and what is said of that."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_cases import make
from sklearn.metrics import zero_one_loss
from sklearn.preprocessing import StandardScaler, TargetEncoder

from losslearn import fit_table
from losslearn.cli import main
from losslearn.estimators import division
from losslearn.estimators.division import default_folds
from losslearn.estimators.rows import fold_numbers
from losslearn.metrics import as_true_loss, get_true_loss

N = 240


@pytest.fixture(scope="module")
def rows():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(N, 3)).astype(np.float32)
    y = (x[:, 0] + draws.normal(size=N) > 0.7).astype(int)
    return x, y


@pytest.fixture(scope="module")
def folded(rows):
    return make(cv=4).fit(*rows)


@pytest.fixture(scope="module")
def frame(rows):
    x, y = rows
    return pd.DataFrame(x, columns=list("abc")).assign(y=y)


def means(clf) -> np.ndarray:
    """Return the features' means over the rows that the model standardises by."""
    return clf.model_.standardizer.mean.numpy()


def test_folds_choose_by_every_row_and_train_on_every_row(rows, folded):
    x, y = rows
    report = folded.report_
    assert report["rows"] == {"train": N, "validation": N}
    assert (report["folds"], report["refitted"]) == (4, True)
    assert np.allclose(means(folded), x.mean(0), atol=1e-6)
    assert int(folded.validation_.target.sum()) == y.sum()
    # of the models that did not see the rows, not of the one in use
    assert not np.allclose(
        np.sort(folded.validation_.score.numpy()), np.sort(folded.scores(x))
    )


def test_folds_are_of_the_parameters_and_survive_a_pickle(rows, folded):
    assert folded.get_params()["cv"] == 4
    again = pickle.loads(pickle.dumps(folded))
    assert np.array_equal(again.predict(rows[0]), folded.predict(rows[0]))


def test_a_refit_trains_on_the_validation_rows_too(rows):
    x, _ = rows
    clf = make(refit=True).fit(*rows)
    assert clf.report_["rows"] == {"train": N, "validation": N // 5}
    assert (clf.report_["folds"], clf.report_["refitted"]) == (1, True)
    assert np.allclose(means(clf), x.mean(0), atol=1e-6)


def test_all_rows_are_trained_on_where_nobody_says_and_time_is_not_limited(rows):
    x, y = rows
    clf = make(refit=None, max_iter=2)
    assert clf.fit(x, y).report_["refitted"]
    assert not clf.fit(x, y, X_valid=x[:60], y_valid=y[:60]).report_["refitted"]
    limited = make(refit=None, max_iter=2, max_time=30.0)
    assert not limited.fit(x, y).report_["refitted"]


def test_a_refit_takes_rows_that_were_given(rows):
    x, y = rows
    weight = np.where(np.arange(N) < N // 2, 0.0, 2.0)
    clf = make(refit=True).fit(
        x, y, weight, X_valid=x[:60], y_valid=y[:60]
    )  # rows of weight 0 are not there
    assert clf.report_["rows"] == {"train": N // 2 + 60, "validation": 60}
    both = np.concatenate([x[N // 2 :], x[:60]])
    assert np.allclose(means(clf), both.mean(0), atol=1e-6)


def test_without_either_no_validation_row_is_trained_on(rows):
    clf = make().fit(*rows)
    assert (clf.report_["folds"], clf.report_["refitted"]) == (1, False)
    assert clf.report_["rows"] == {"train": N - N // 5, "validation": N // 5}


def test_an_interrupted_fit_says_what_its_model_was_trained_on(rows):
    looks = []

    def interrupt(look) -> None:
        looks.append(look)
        if look.fold[0] == 2:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="interrupted"):
        clf = make(cv=4, watch=interrupt).fit(*rows)
    assert clf.report_["rows"] == {"train": 180, "validation": 60}
    assert not clf.report_["refitted"]


@pytest.mark.parametrize("grouped", [False, True])
def test_each_row_is_in_one_fold_and_groups_and_strata_are_kept(rows, grouped):
    _, y = rows
    groups = np.arange(N) // 3 if grouped else None
    present = torch.arange(10, N)
    parts = fold_numbers(torch.from_numpy(y), 5, seed=0, present=present, groups=groups)
    assert torch.equal(torch.cat([part.valid for part in parts]).sort()[0], present)
    share = y[10:].mean()
    for train, valid in parts:
        both = torch.cat([train, valid]).sort()[0]
        assert torch.equal(both, present)
        assert y[valid].mean() == pytest.approx(share, abs=0.08 if grouped else 0.02)
        if grouped:
            assert not set(groups[train]) & set(groups[valid])


def test_few_rows_have_folds_where_nobody_says(rows, monkeypatch):
    x, y = rows
    clf = make(cv=None, max_iter=2)
    assert clf.fit(x, y).report_["folds"] == 5
    assert clf.fit(x, y, X_valid=x[:60], y_valid=y[:60]).report_["folds"] == 1
    asked = make(cv=None, max_iter=2, validation_fraction=0.3)
    assert asked.fit(x, y).report_["rows"]["validation"] == 72
    other = make(cv=None, max_iter=2, encoder=TargetEncoder())
    assert other.fit(x, y).report_["folds"] == 1
    rare = np.r_[np.flatnonzero(y == 1)[:9], np.flatnonzero(y == 0)]
    assert clf.fit(x[rare], y[rare]).report_["folds"] == 1
    monkeypatch.setattr(division, "_MANY_ROWS", N)
    assert clf.fit(x, y).report_["folds"] == 1


@pytest.mark.parametrize("max_time", [None, 30.0])
def test_a_function_of_ones_own_has_one_split_where_time_is_limited(max_time):
    loss = as_true_loss(zero_one_loss)
    strata = torch.tensor([0, 1] * 100)
    n_folds = default_folds(strata, loss, encoder=None, max_time=max_time)
    assert n_folds == (5 if max_time is None else 1)
    builtin = get_true_loss("f1")
    assert default_folds(strata, builtin, encoder=None, max_time=max_time) == 5


@pytest.mark.parametrize(
    ("settings", "further", "words"),
    [
        ({"cv": 0}, {}, "`cv` must be a number of folds"),
        ({"cv": True}, {}, "`cv` must be a number of folds"),
        ({"cv": 2.5}, {}, "`cv` must be a number of folds"),
        ({"cv": 3}, {"X_valid": 1, "y_valid": 1}, "divided already"),
        ({"cv": 3, "encoder": TargetEncoder()}, {}, "may look at the targets"),
        ({"cv": 200}, {}, "as many rows of each class"),
    ],
)
def test_folds_that_cannot_be_are_refused(rows, settings, further, words):
    x, y = rows
    given = {"X_valid": x, "y_valid": y} if further else {}
    with pytest.raises(ValueError, match=words):
        make(**settings).fit(x, y, **given)


def test_another_encoder_goes_with_a_refit(rows):
    clf = make(refit=True, encoder=StandardScaler()).fit(*rows)
    assert clf.report_["refitted"]


def test_a_table_keeps_its_test_rows_apart_and_its_copies_together(frame):
    doubled = pd.concat([frame, frame.iloc[:20]], ignore_index=True)
    how = {"model": "linear", "mode": "scratch", "max_iter": 10}
    fitted = fit_table(doubled, "y", "f1", cv=3, **how)
    report = fitted.report
    assert report["copies"]["together"]
    n_test = report["rows"]["test"]
    rest = len(doubled) - n_test
    assert report["rows"] == {"train": rest, "validation": rest, "test": n_test}
    assert len(fitted.validation.target) == rest
    assert "groups" not in report


def test_a_table_with_groups_has_folds_of_them(frame):
    grouped = frame.assign(who=np.arange(N) // 4)
    how = {"model": "linear", "mode": "scratch", "max_iter": 10}
    report = fit_table(grouped, "y", "f1", cv=3, groups="who", **how).report
    assert report["groups"]["column"] == "who"
    assert report["folds"] == 3


@pytest.mark.parametrize("given", ["valid", "time"])
def test_a_table_that_says_its_validation_rows_has_no_folds(frame, given):
    value = {"valid": frame, "time": "a"}[given]
    with pytest.raises(ValueError, match=f"`{given}` .* says which are which"):
        fit_table(frame, "y", "f1", cv=3, **{given: value})


def test_the_command_line_says_how_all_rows_were_used(frame, tmp_path, capsys):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    common = ["fit", str(tmp_path / "rows.csv"), "--target", "y", "--metric", "f1"]
    common += ["--model", "linear", "--max-iter", "10", "--mode", "scratch"]
    out = ["--out", str(tmp_path / "model")]
    assert main([*common, *out, "--cv", "3"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "192 rows to choose by in 3 folds and to train on, 48 test rows" in said
    assert main([*common, *out, "--cv", "1", "--refit"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "192 training rows, 38 of them validation rows before, 48 test" in said
