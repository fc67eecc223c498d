"""Rows in LightGBM's own form: binned once, and taken in parts."""

import lightgbm
import numpy as np
import pytest
from sklearn.metrics import log_loss

from losslearn.models.boosted.datasets import MatrixRows, binned, part_of, scores
from losslearn.models.boosted.joining import joined

PARAMETERS = {
    "objective": "binary",
    "metric": "binary_logloss",
    "num_leaves": 7,
    "num_iterations": 12,
    "max_bin": 40,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
N, CATEGORICAL = 900, (3,)


def make_rows(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 3] = rng.integers(0, 9, N)
    y = (np.nan_to_num(x[:, 0]) + (x[:, 3] == 4) + rng.normal(size=N) > 0.5).astype(int)
    return x, y, rng.random(N) + 0.5


def trees(booster):
    """Return the trees of a booster in words, without its parameters."""
    text = booster if isinstance(booster, str) else booster.model_to_string()
    return text[: text.index("end of trees")]


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("takes", ["all", "some"])
def test_binned_rows_give_the_trees_that_the_rows_themselves_give(
    tmp_path, is_mapped, takes
):
    x, y, weight = make_rows()
    np.save(tmp_path / "x.npy", x)
    given = np.load(tmp_path / "x.npy", mmap_mode="r") if is_mapped else x
    numbers = None if takes == "all" else np.random.default_rng(1).permutation(N)[:700]
    own = slice(None) if numbers is None else numbers
    expected = lightgbm.Dataset(
        x[own],
        y[own],
        weight=weight[own],
        categorical_feature=list(CATEGORICAL),
        params={"feature_pre_filter": False},
    )
    found = binned(
        given,
        y[own],
        PARAMETERS,
        weight=weight[own],
        categorical=CATEGORICAL,
        numbers=numbers,
    )
    booster = lightgbm.train(PARAMETERS, found)
    assert "num_cat=1" in trees(booster)
    assert trees(booster) == trees(lightgbm.train(PARAMETERS, expected))


def test_rows_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr("losslearn.models.boosted.datasets._VALUES", 40)
    x, y, _ = make_rows()
    numbers, asked = np.arange(N)[::-1], []
    read = MatrixRows.__getitem__

    def watched(self, index):
        found = read(self, index)
        asked.append(found.size)
        return found

    monkeypatch.setattr(MatrixRows, "__getitem__", watched)
    booster = lightgbm.train(
        PARAMETERS, binned(x, y[::-1], PARAMETERS, numbers=numbers)
    )
    assert max(asked) == 40
    found = scores(booster, x, numbers)
    assert np.array_equal(found, booster.predict(x[::-1], raw_score=True))
    few = scores(booster, x, start_iteration=2, num_iteration=3)
    expected = booster.predict(x, raw_score=True, start_iteration=2, num_iteration=3)
    assert np.array_equal(few, expected)


def test_a_part_gives_the_trees_that_its_rows_give_in_the_same_bins():
    x, y, weight = make_rows()
    whole = binned(x, y, PARAMETERS, weight=weight, categorical=CATEGORICAL)
    rows = np.flatnonzero(np.random.default_rng(1).random(N) < 0.7)
    copied = lightgbm.Dataset(
        x[rows], y[rows], weight=weight[rows], reference=whole, params=whole.params
    )
    found = lightgbm.train(PARAMETERS, part_of(whole, rows))
    assert trees(found) == trees(lightgbm.train(PARAMETERS, copied))


def test_the_loss_of_a_part_held_out_is_that_of_its_rows():
    x, y, weight = make_rows()
    whole = binned(x, y, PARAMETERS, weight=weight, categorical=CATEGORICAL)
    is_out, curve = np.arange(N) % 4 == 1, {}
    booster = lightgbm.train(
        {**PARAMETERS, "num_iterations": 200},
        part_of(whole, np.flatnonzero(~is_out)),
        valid_sets=[part_of(whole, np.flatnonzero(is_out))],
        callbacks=[
            lightgbm.early_stopping(5, verbose=False),
            lightgbm.record_evaluation(curve),
        ],
    )
    losses = curve["valid_0"]["binary_logloss"]
    assert len(losses) == booster.best_iteration + 5 < 200
    for n in (1, booster.best_iteration):
        p = booster.predict(x[is_out], num_iteration=n)
        expected = log_loss(y[is_out], p, sample_weight=weight[is_out])
        assert losses[n - 1] == pytest.approx(expected)


def test_trees_of_other_leaves_may_follow():
    x, y, _ = make_rows()
    x[:, 1] = np.arange(N) < 30  # fewer than the leaves below hold
    whole = binned(x, y, {**PARAMETERS, "min_data_in_leaf": 100})
    lightgbm.train({**PARAMETERS, "min_data_in_leaf": 5}, whole)


def test_joined_boosters_are_what_training_on_gives():
    x, y, _ = make_rows()
    rng, h = np.random.default_rng(2), np.full(N, 0.2)
    slopes = rng.normal(size=(5, N))
    given = {"categorical_feature": list(CATEGORICAL), "params": PARAMETERS}
    data = lightgbm.Dataset(x, y, free_raw_data=False, **given)
    base = lightgbm.train(PARAMETERS, data).model_to_string()

    def grown(**further):
        left = iter(slopes)
        objective = {"objective": lambda *_: (next(left), h), "num_iterations": 5}
        data = lightgbm.Dataset(x, y, free_raw_data=False, **given)
        return lightgbm.train({**PARAMETERS, **objective}, data, **further)

    expected = grown(init_model=lightgbm.Booster(model_str=base))
    found = lightgbm.Booster(model_str=joined(base, grown().model_to_string()))
    assert found.num_trees() == 17
    raw = {"raw_score": True}
    assert np.array_equal(found.predict(x, **raw), expected.predict(x, **raw))
    assert np.array_equal(found.feature_importance(), expected.feature_importance())
    p = 1 / (1 + np.exp(-found.predict(x, **raw)))
    assert found.predict(x) == pytest.approx(p)  # the link is the base's
    written = found.model_to_string()
    assert joined(written, grown().model_to_string()).count("\nTree=") == 22
