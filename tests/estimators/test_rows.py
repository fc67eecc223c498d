"""Which rows a classifier is fitted to, and that none is copied."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from estimator_cases import make
from sklearn.model_selection import train_test_split
from torch import nn

from losslearn._fast import fastest
from losslearn.estimators import base as estimators
from losslearn.metrics import get_true_loss
from losslearn.models.predictor import TorchPredictor
from losslearn.models.rows import Rows
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks import labels
from losslearn.tasks.binary import Binary
from losslearn.training.comparison import compare
from losslearn.training.setup import Setup


class Scaled(nn.Module):
    """A linear model whose features are scaled as single-precision statistics say."""

    def __init__(self, x):
        super().__init__()
        self.register_buffer("mean", x.mean(0))
        self.register_buffer("scale", x.std(0, correction=0))
        self.layer = nn.Linear(x.shape[1], 1)

    def forward(self, x):
        return self.layer((x - self.mean) / self.scale)


def copied_parts(table) -> tuple[Rows, Rows, int]:
    """Return both parts as arrays of their own, by scikit-learn's split."""
    X, y = table
    # the first draw from the estimator's `random_state` is the seed of the split
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    parts = train_test_split(
        X.astype(np.float32), y, test_size=120, stratify=y, random_state=seed
    )
    x_train, x_valid, y_train, y_valid = map(torch.from_numpy, parts)
    return Rows(x_train, y_train), Rows(x_valid, y_valid), seed


def test_rows_by_number_give_the_history_of_copied_parts(table):
    train, valid, seed = copied_parts(table)
    torch.manual_seed(0)
    module = Scaled(train.x)
    clf = make(model=module).fit(*table)
    recipe, f1, task = clf.recipe, get_true_loss("f1"), Binary()
    surrogate = initial_surrogate(f1, task, mode=recipe.mode, seed=seed)
    settings = {"lr": recipe.rate, "max_grad_norm": recipe.max_grad_norm}
    comparison, predictor = compare(
        lambda: fastest(TorchPredictor(copy.deepcopy(module), train, **settings)),
        valid,
        Setup(f1, task, surrogate, recipe, seed),
    )
    expected = [
        (record.method, record.iteration, record.validation_loss)
        for run in comparison.runs.values()
        for record in run.history
    ]
    assert expected == [
        (r["method"], r["iteration"], r["validation_loss"]) for r in clf.history_
    ]
    for name, weights in predictor.weights().items():
        assert torch.equal(weights, clf.model_.state_dict()[name])


def test_statistics_are_of_the_training_rows_alone(table):
    train, _, _ = copied_parts(table)
    standardizer = make().fit(*table).model_.standardizer
    assert torch.allclose(standardizer.mean, train.x.mean(0), atol=1e-6)
    assert torch.allclose(standardizer.scale, train.x.std(0, correction=0), rtol=1e-5)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_map_is_fitted_as_the_array_is(mode, table, fitted, tmp_path):
    X, y = table
    np.save(tmp_path / "x.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode=mode)
    clf = make().fit(mapped, y)
    # validation rows are scored in the order of the file, which rounds otherwise
    assert np.allclose(
        clf.decision_function(mapped), fitted.decision_function(X), atol=1e-4
    )
    assert clf.threshold_ == pytest.approx(fitted.threshold_, abs=1e-4)


@pytest.mark.filterwarnings("ignore:Training for")
@pytest.mark.parametrize("metric", ["f1", "roc_auc", "precision_at_k"])
@pytest.mark.parametrize("as_table", [False, True])
def test_two_rows_of_the_rarer_class_are_enough(metric, as_table):
    draw = np.random.default_rng(3)
    for seed, n in enumerate((4, 5, 11, 40, 150)):
        X = draw.normal(size=(n, 3))
        if as_table:
            X = pd.DataFrame(X, columns=list("abc"))
        y = draw.permutation(np.arange(n) < 2)
        clf = make(metric, max_iter=2, mode="scratch", random_state=seed)
        clf.fit(X, y)
        assert sum(clf.report_["rows"].values()) == n
        assert np.isfinite(clf.scores(X)).all()


@pytest.mark.parametrize("box", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("weighed", [False, True])
def test_rows_of_a_group_are_trained_on_or_chosen_by(box, weighed, table, monkeypatch):
    X, y = table
    names = np.array(list("abcdefghijklmnopqrst"))[np.arange(600) * 7 % 20]
    weight = np.arange(600) % 3 if weighed else None
    seen = []

    def keep(make_predictor, valid, *args, **kwargs):
        seen.extend([make_predictor().rows.numbers, valid.numbers])
        return compare(make_predictor, valid, *args, **kwargs)

    monkeypatch.setattr(estimators, "compare", keep)
    clf = make().fit(box(X), y, weight, groups=names)
    train, valid = ({*names[numbers.numpy()]} for numbers in seen)
    assert not train & valid
    assert clf.report_["groups"] == {"train": len(train), "validation": len(valid)}
    assert sum(clf.report_["rows"].values()) == (400 if weighed else 600)
    assert clf.report_["rows"]["validation"] == pytest.approx(120, rel=0.5)


def test_groups_that_cannot_be_used_are_refused(table):
    X, y = table
    for groups, message in (
        (np.zeros(600), "cannot be divided"),
        (np.zeros(599), "one group for each of the 600 rows"),
        (np.where(y == 1, "a", None), "lacks a value"),
        (y, "in 1 groups"),
    ):
        with pytest.raises(ValueError, match=message):
            make().fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="divided already"):
        make().fit(X, y, X_valid=X, y_valid=y, groups=np.arange(600))


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, np.nan])
def test_a_fraction_that_leaves_a_part_empty_is_refused(fraction, table):
    with pytest.raises(ValueError, match="`validation_fraction` must be between"):
        make(validation_fraction=fraction).fit(*table)


def test_no_row_of_an_array_is_copied(table, monkeypatch):
    X, y = table
    X = np.ascontiguousarray(X, dtype=np.float32)
    seen = []

    def keep(make_predictor, valid, *args, **kwargs):
        seen.extend([make_predictor().rows, valid])
        return compare(make_predictor, valid, *args, **kwargs)

    monkeypatch.setattr(estimators, "compare", keep)
    make().fit(X, y)
    make().fit(X, y, X_valid=X, y_valid=y)
    assert [rows.x.data_ptr() for rows in seen] == [X.ctypes.data] * 4


def test_labels_are_looked_through_in_parts(table, fitted, monkeypatch):
    X, y = table
    monkeypatch.setattr(labels, "_LABELS", 7)
    assert np.array_equal(make().fit(X, y).predict(X), fitted.predict(X))
    with pytest.raises(ValueError, match="Only binary classification"):
        make().fit(X, np.arange(len(y)) // 100)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make().fit(X, X[:, 0])
