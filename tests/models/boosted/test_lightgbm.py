"""LightGBM behind the protocol: its own trees, corrected in its own file."""

import lightgbm
import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from losslearn.models.boosted.folds import cross_fitted
from losslearn.models.boosted.library import Features, Table
from losslearn.models.boosted.lightgbm import LightGBM

LIBRARY = LightGBM()
PARAMETERS = LIBRARY.parameters({"num_leaves": 7}, seed=3)


class Part:
    """Rows, also in LightGBM's form."""

    def __init__(self, x, y, like=None) -> None:
        self.x, self.y = x, y
        table = Table(Features(x), y, categorical=(4,))
        self.data = LIBRARY.data(table, PARAMETERS, like=like)
        self.features = Features(x)


@pytest.fixture(scope="module")
def tables() -> tuple[Part, Part]:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(1_200, 5)).astype(np.float32)
    x[:, 4] = draws.integers(0, 6, size=len(x))
    x[draws.random(len(x)) < 0.2, 1] = np.nan
    y = (x[:, 0] + (x[:, 4] % 2) + draws.normal(size=len(x)) > 0.8).astype(np.int64)
    train = Part(x[:800], y[:800])
    return train, Part(x[800:], y[800:], like=train.data)


@pytest.fixture(scope="module")
def grown(tables):
    return LIBRARY.grow(tables[0].data, PARAMETERS, n_rounds=20).trees


def corrected(table, trees, n=4):
    corrections = LIBRARY.correct(table.data, trees, PARAMETERS)
    slope = np.sin(np.arange(len(table.y), dtype=float))
    added = [corrections.add(slope + i, np.full(len(slope), 0.2)) for i in range(n)]
    return corrections, added


def test_it_grows_the_trees_that_lightgbm_itself_grows(tables, grown):
    table, other = tables
    data = lightgbm.Dataset(table.x, table.y, categorical_feature=[4])
    own = lightgbm.train({**PARAMETERS, "num_iterations": 20}, data)
    expected = own.predict(other.x, raw_score=True)
    np.testing.assert_allclose(grown.scores(other.features), expected, rtol=1e-12)


def test_growing_ends_where_the_log_loss_of_rows_held_out_falls_no_more(tables):
    table, other = tables
    trees, curve = LIBRARY.grow(
        table.data, PARAMETERS, n_rounds=500, held_out=other.data
    )
    assert len(curve) == trees.n_rounds == int(np.argmin(curve)) + 1 + 50
    p = 1 / (1 + np.exp(-trees.scores(other.features, 10)))
    assert curve[9] == pytest.approx(log_loss(other.y, p), rel=1e-6)


def test_the_first_trees_are_a_booster(tables, grown):
    x = tables[1].features
    few = grown.first(5)
    assert few.n_rounds == 5
    np.testing.assert_array_equal(few.scores(x), grown.scores(x, 5))
    rest = grown.scores(x, 15, start=5)
    np.testing.assert_allclose(few.scores(x) + rest, grown.scores(x), rtol=1e-9)


def test_growing_on_is_as_growing_at_once(tables, grown):
    more = LIBRARY.more(tables[0].data, grown.first(8), PARAMETERS, n_rounds=20)
    x = tables[1].features
    np.testing.assert_allclose(more.scores(x), grown.scores(x), atol=1e-4)


def test_corrections_follow_the_slope_they_are_given(tables, grown):
    table = tables[0]
    corrections = LIBRARY.correct(table.data, grown, PARAMETERS)
    is_first = table.x[:, 0] > 0
    added = corrections.add(np.where(is_first, 1.0, -1.0), np.full(len(table.y), 0.5))
    # a leaf's value is rate x -sum(slope) / sum(curvature), here -/+ .3 x 1 / .5
    np.testing.assert_allclose(added, np.where(is_first, -0.6, 0.6), rtol=1e-6)


def test_corrections_stand_in_the_boosters_own_file(tables, grown, tmp_path):
    table, other = tables
    corrections, added = corrected(table, grown)
    whole = corrections.trees()
    np.testing.assert_allclose(
        whole.scores(table.features),
        grown.scores(table.features) + sum(added),
        atol=1e-9,
    )
    (tmp_path / "model.txt").write_bytes(whole.file)
    own = lightgbm.Booster(model_file=tmp_path / "model.txt")
    p = own.predict(other.x)
    np.testing.assert_allclose(
        p, 1 / (1 + np.exp(-whole.scores(other.features))), rtol=1e-9
    )
    shap = own.predict(other.x[:5], pred_contrib=True)
    np.testing.assert_allclose(
        shap.sum(1), whole.scores(Features(other.x[:5])), atol=1e-6
    )
    assert own.num_trees() == 24


def test_corrections_are_taken_back(tables, grown):
    table, other = tables
    corrections, _ = corrected(table, grown, 4)
    two, _ = corrected(table, grown, 2)
    corrections.cut(2)
    assert corrections.trees().n_rounds == 22
    np.testing.assert_array_equal(
        corrections.trees().scores(other.features), two.trees().scores(other.features)
    )
    np.testing.assert_allclose(
        corrections.scores(other.features, 2, start=0),
        two.trees().scores(other.features) - grown.scores(other.features),
        atol=1e-9,
    )
    corrections.cut(0)
    assert corrections.trees().file == grown.file


def test_monotone_constraints_hold_for_corrections_too(tables):
    table = tables[0]
    parameters = LIBRARY.parameters({"monotone_constraints": [1, 0, 0, 0, 0]}, seed=0)
    trees = LIBRARY.grow(table.data, parameters, n_rounds=5).trees
    corrections = LIBRARY.correct(table.data, trees, parameters)
    corrections.add(np.sign(table.x[:, 0]).astype(float), np.full(len(table.y), 0.5))
    x = np.repeat(table.x[:1], 50, 0)
    x[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(corrections.trees().scores(Features(x))) >= -1e-12).all()


def test_a_file_is_read_again(tables, grown):
    again = LIBRARY.read(grown.file)
    np.testing.assert_array_equal(
        again.scores(tables[1].features), grown.scores(tables[1].features)
    )


def test_a_file_of_something_else_is_refused():
    with pytest.raises(ValueError, match="LightGBM cannot read its trees"):
        LIBRARY.read(b"nothing of the kind").scores(
            Features(np.zeros((1, 5), np.float32))
        )


def test_the_parameters_of_an_estimator_are_kept():
    given = lightgbm.LGBMClassifier(num_leaves=5, n_estimators=70, reg_lambda=2.0)
    found = LIBRARY.parameters(LightGBM().native(given.get_params()), seed=1)
    assert (found["num_leaves"], found["reg_lambda"]) == (5, 2.0)
    assert LIBRARY.most_rounds(found) == 70
    assert found["objective"] == "binary"


def test_class_weights_are_refused():
    given = lightgbm.LGBMClassifier(class_weight="balanced").get_params()
    with pytest.raises(ValueError, match="`class_weight` would be a weight"):
        LightGBM().native(given)


def test_scores_out_of_fold_are_those_of_boosters_without_the_fold(tables):
    table = tables[0]
    fold = np.arange(len(table.y)) % 4
    found = cross_fitted(LIBRARY, table.data, fold, PARAMETERS, n_rounds=6)
    rest, out = np.flatnonzero(fold != 2), np.flatnonzero(fold == 2)
    own = LIBRARY.grow(table.data.taken(rest), PARAMETERS, n_rounds=6).trees
    expected = own.scores(Features(table.x[out]))
    np.testing.assert_allclose(found[out], expected, rtol=1e-9)


def test_growing_on_leaves_the_rows_as_they_were_for_others(tables, grown):
    LIBRARY.more(tables[0].data, grown, PARAMETERS, n_rounds=22)
    again = LIBRARY.grow(tables[0].data, PARAMETERS, n_rounds=20).trees
    assert again.file == grown.file


def test_threads_are_those_of_torch():
    assert PARAMETERS["num_threads"] == torch.get_num_threads()
