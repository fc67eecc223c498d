"""Rows in LightGBM's own form: binned once, and taken in parts."""

import lightgbm
import numpy as np
import pytest
from sklearn.metrics import log_loss

from losslearn.models.boosted import datasets, library
from losslearn.models.boosted.datasets import BinnedTable
from losslearn.models.boosted.folds import cross_fitted
from losslearn.models.boosted.joining import joined
from losslearn.models.boosted.library import Features, Table
from losslearn.models.boosted.lightgbm import LightGBM

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
    """Return the trees of a booster in words, without what is said of them."""
    text = booster.model_to_string()
    return text[text.index("\nTree=") : text.index("end of trees")]


def binned(x, y, weight=None, *, numbers=None, parameters=PARAMETERS):
    table = Table(Features(x, numbers), y, weight, CATEGORICAL)
    return BinnedTable.of(table, parameters)


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize("takes", ["all", "some", "some of many"])
def test_binned_rows_give_the_trees_that_the_rows_themselves_give(
    tmp_path, monkeypatch, is_mapped, takes
):
    if takes == "some of many":
        monkeypatch.setattr(datasets, "_SAMPLED", 600)
    x, y, weight = make_rows()
    x = np.round(x.clip(-1.5, None) * 2).clip(None, 18)  # the same bins by any sample
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
    found = binned(given, y[own], weight[own], numbers=numbers)
    booster = lightgbm.train(PARAMETERS, found.dataset)
    assert "num_cat=1" in trees(booster)
    assert trees(booster) == trees(lightgbm.train(PARAMETERS, expected))
    assert np.array_equal(found.features.read(slice(3)), x[own][:3], equal_nan=True)


def test_many_rows_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(datasets, "_SAMPLED", 600)
    monkeypatch.setattr(library, "_VALUES", 40)
    x, y, _ = make_rows()
    sizes, read = [], Features.read

    def watched(self, rows):
        found = read(self, rows)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(Features, "read", watched)
    found = binned(x, y[::-1], numbers=np.arange(N)[::-1])
    trees = LightGBM().grow(found, PARAMETERS, n_rounds=6).trees
    score = trees.scores(found.features, 3, start=2)
    leaf = trees.leaves(found.features.some(np.arange(50)), 1)
    assert sizes[0] == 600 * 4  # the sample that tells the bins
    assert max(sizes[1:]) == 40
    which = {"start_iteration": 2, "num_iteration": 3}
    expected = trees.booster.predict(x[::-1], raw_score=True, **which)
    assert np.array_equal(score, expected)
    assert np.array_equal(leaf, trees.booster.predict(x[::-1], pred_leaf=True)[:50, 1])


def test_a_part_gives_the_trees_that_its_rows_give_in_the_same_bins():
    x, y, weight = make_rows()
    whole = binned(x, y, weight)
    rows = np.flatnonzero(np.random.default_rng(1).random(N) < 0.7)
    part, same = whole.taken(rows), {"reference": whole.dataset}
    copied = lightgbm.Dataset(
        x[rows], y[rows], weight=weight[rows], params=whole.dataset.params, **same
    )
    found = lightgbm.train(PARAMETERS, part.dataset)
    assert trees(found) == trees(lightgbm.train(PARAMETERS, copied))
    assert np.array_equal(part.features.read(slice(None)), x[rows], equal_nan=True)


def test_rows_held_out_end_the_growing_by_their_own_loss():
    x, y, weight = make_rows()
    whole, is_out = binned(x, y, weight), np.arange(N) % 4 == 1
    found, curve = LightGBM().grow(
        whole.taken(np.flatnonzero(~is_out)),
        PARAMETERS,
        n_rounds=2_000,
        held_out=whole.taken(np.flatnonzero(is_out)),
    )
    best = int(np.argmin(curve)) + 1
    assert len(curve) == found.n_rounds == best + library.PATIENCE
    for n in (1, best):
        p = found.first(n).booster.predict(x[is_out])
        expected = log_loss(y[is_out], p, sample_weight=weight[is_out])
        assert curve[n - 1] == pytest.approx(expected)


def test_scores_out_of_fold_are_of_boosters_without_the_fold():
    x, y, weight = make_rows()
    numbers = np.random.default_rng(1).permutation(N)[:600]
    x_own, y_own, weight = x[numbers], y[numbers], weight[numbers]
    data = binned(x, y_own, weight, numbers=numbers)
    fold = np.arange(600) % 3
    found = {
        share: cross_fitted(
            LightGBM(), data, fold, PARAMETERS, n_rounds=30, share=share
        )
        for share in (1.0, 0.5)
    }
    rest = [data.taken(np.flatnonzero(fold != one)) for one in range(3)]
    boosters = [
        lightgbm.train({**PARAMETERS, "num_iterations": 30}, one.dataset)
        for one in rest
    ]

    def scores(n: int) -> np.ndarray:
        score = np.empty(600)
        for one, booster in enumerate(boosters):
            own = fold == one
            score[own] = booster.predict(x_own[own], raw_score=True, num_iteration=n)
        return score

    losses = []
    for n in range(1, 31):
        z = np.where(y_own == 1, -1, 1) * scores(n)
        # the mean over the folds, which are as large
        each = [
            np.average(np.logaddexp(0, z)[fold == i], weights=weight[fold == i])
            for i in range(3)
        ]
        losses.append(np.mean(each))
    best = int(np.argmin(losses)) + 1
    assert 1 < best < 30
    assert found[1.0] == pytest.approx(scores(best))
    assert found[0.5] == pytest.approx(scores(max(round(best / 2), 1)))


def test_of_a_large_fold_some_rows_tell_where_to_end(monkeypatch):
    monkeypatch.setattr("losslearn.models.boosted.folds._MOST_HELD_OUT", 90)
    x, y, _ = make_rows()
    seen, grow = [], LightGBM.grow

    def watched(self, *data, held_out, **further):
        seen.append(held_out.features.numbers.tolist())
        return grow(self, *data, held_out=held_out, **further)

    monkeypatch.setattr(LightGBM, "grow", watched)
    fold = np.arange(N) % 3
    found = cross_fitted(LightGBM(), binned(x, y), fold, PARAMETERS, n_rounds=3)
    assert seen == [list(range(one, N, 3 * 4)) for one in range(3)]
    assert (found != 0).all()


def test_corrections_of_other_leaves_follow_a_booster_in_its_file():
    x, y, weight = make_rows()
    parameters = {**PARAMETERS, "min_data_in_leaf": 100}
    data, lgb = binned(x, y, weight, parameters=parameters), LightGBM()
    base = lgb.grow(data, parameters, n_rounds=5).trees
    more = lgb.correct(data, base, parameters)
    assert more.trees() is base
    slopes, curvature = np.random.default_rng(2).normal(size=(3, N)), np.full(N, 0.2)
    added = [more.add(slope, curvature) for slope in slopes]
    for cut, n in ((3, 3), (2, 2)):
        more.cut(cut)
        whole = more.trees()
        assert whole.n_rounds == 5 + n
        expected = base.scores(data.features) + sum(added[:n])
        assert whole.scores(data.features) == pytest.approx(expected)
        last = more.scores(data.features, 1, start=n - 1)
        assert last == pytest.approx(added[n - 1])
    again = more.add(slopes[2], curvature)
    assert again == pytest.approx(added[2])
    assert more.add(np.zeros(N), curvature).tolist() == [0.0] * N  # nothing to gain


def test_the_bins_of_a_large_table_are_held_once(monkeypatch):
    monkeypatch.setattr("losslearn.models.boosted.lightgbm._LARGE", 4 * N - 1)
    x, y, _ = make_rows()
    data = binned(x, y)
    found = LightGBM().grow(data, PARAMETERS, n_rounds=3).trees.file.decode()
    assert "[force_col_wise: 1]" in found
    assert "[force_row_wise: 0]" in found


def test_rows_of_another_form_are_refused():
    with pytest.raises(TypeError, match="in LightGBM's form, got str"):
        LightGBM().grow("rows", PARAMETERS, n_rounds=1)


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
