"""XGBoost behind the protocol, against XGBoost itself."""

import numpy as np
import pytest
import torch
import xgboost
from xgboost import XGBClassifier

from losslearn import Recipe, SurrogateClassifier
from losslearn.models.boosted.library import PATIENCE, Features, Table
from losslearn.models.boosted.xgboost import XGBoost
from losslearn.models.kinds import kind_of

N = 1_500
CATEGORY = 3


class Part:
    """Rows, also in XGBoost's form."""

    def __init__(self, x, y, weight=None, *, categorical=(CATEGORY,)) -> None:
        self.x, self.y, self.weight, self.features = x, y, weight, Features(x)
        table = Table(self.features, y, weight, categorical)
        self.data = XGBoost().data(table, {})


@pytest.fixture
def table() -> Part:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4)).astype(np.float32)
    x[:, CATEGORY] = rng.integers(0, 6, N)
    signal = x[:, 0] + 2 * np.isin(x[:, CATEGORY], [1, 4]) + rng.normal(size=N)
    x[rng.random(x.shape) < 0.1] = np.nan
    return Part(x, (signal > 1.2).astype(np.int64))


def halves(table: Part) -> list[Part]:
    """Return both halves, in a form that is taken of the whole."""
    found = []
    for rows in np.split(np.arange(N), 2):
        weight = None if table.weight is None else table.weight[rows]
        part = Part(table.x[rows], table.y[rows], weight)
        part.data = table.data.taken(rows)
        found.append(part)
    return found


def library(**given):
    own = XGBoost()
    return own, own.parameters(own.native(XGBClassifier(**given).get_params()), seed=3)


def slopes(table: Part, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a slope that has nothing to do with log-loss, and a curvature."""
    rng = np.random.default_rng(seed)
    slope = np.where(np.nan_to_num(table.x[:, 1]) > 0, -0.3, 0.3)
    return slope + 0.1 * rng.normal(size=len(slope)), np.full(len(slope), 0.2)


def theirs(file: bytes, tmp_path) -> XGBClassifier:
    """Return the classifier that XGBoost itself reads from a file."""
    (tmp_path / "trees.ubj").write_bytes(file)
    classifier = XGBClassifier()
    classifier.load_model(tmp_path / "trees.ubj")
    return classifier


@pytest.mark.parametrize("is_weighed", [False, True])
def test_the_usual_loss_is_followed_as_the_library_follows_it(
    table, tmp_path, is_weighed
):
    if is_weighed:
        weight = np.random.default_rng(1).uniform(0.5, 2, N)
        table = Part(table.x, table.y, weight)
    (train, valid), own = halves(table), XGBoost()
    parameters = own.parameters({}, seed=3)
    grown = own.grow(train.data, parameters, n_rounds=2_000, held_out=valid.data)
    plain = XGBClassifier(
        learning_rate=0.1,
        n_estimators=2_000,
        early_stopping_rounds=PATIENCE,
        tree_method="hist",
        random_state=3,
        feature_types=["q", "q", "q", "c"],
        enable_categorical=True,
        n_jobs=1,
    )
    plain.fit(
        train.x,
        train.y,
        sample_weight=train.weight,
        eval_set=[(valid.x, valid.y)],
        sample_weight_eval_set=None if valid.weight is None else [valid.weight],
        verbose=False,
    )
    curve = plain.evals_result()["validation_0"]["logloss"]
    np.testing.assert_allclose(grown.curve, curve, rtol=1e-6)
    assert len(curve) < 2_000
    best = plain.best_iteration + 1
    trees = grown.trees.first(best)
    assert trees.n_rounds == best
    read = theirs(trees.file, tmp_path)
    expected = plain.predict_proba(valid.x)
    np.testing.assert_allclose(read.predict_proba(valid.x), expected, atol=1e-6)
    odds = plain.predict(valid.x, output_margin=True)
    np.testing.assert_allclose(trees.scores(valid.features), odds, atol=1e-5)


def test_a_file_of_all_trees_is_not_read_up_to_the_best_alone(table, tmp_path):
    train, valid = halves(table)
    own, parameters = library()
    trees = own.grow(train.data, parameters, n_rounds=2_000, held_out=valid.data).trees
    odds = theirs(trees.file, tmp_path).predict(valid.x, output_margin=True)
    np.testing.assert_allclose(odds, trees.scores(valid.features), atol=1e-5)


def test_growing_on_is_as_growing_at_once(table):
    own, parameters = library(max_depth=3)
    ten = own.grow(table.data, parameters, n_rounds=10).trees
    more = own.more(table.data, ten, parameters, n_rounds=25)
    once = own.grow(table.data, parameters, n_rounds=25).trees
    assert more.n_rounds == 25
    np.testing.assert_allclose(
        more.scores(table.features), once.scores(table.features), atol=1e-4
    )


def test_scores_of_parts_add_up(table):
    own, parameters = library()
    trees = own.grow(table.data, parameters, n_rounds=12).trees
    parts = trees.scores(table.features, 5) + trees.scores(table.features, 7, start=5)
    np.testing.assert_allclose(parts, trees.scores(table.features), atol=1e-5)
    leaves = trees.leaves(table.features, 6)
    one = trees.scores(table.features, 1, start=6)
    for leaf in np.unique(leaves):  # one value for all rows of a leaf
        assert np.ptp(one[leaves == leaf]) < 1e-6
    assert len(np.unique(leaves)) > 2


def test_corrections_follow_the_slope_and_stay_in_a_file_with_probabilities(
    table, tmp_path
):
    own, parameters = library()
    base = own.grow(table.data, parameters, n_rounds=20).trees
    corrections = own.correct(table.data, base, parameters)
    slope, curvature = slopes(table)
    added = corrections.add(slope, curvature)
    assert np.corrcoef(added, -slope)[0, 1] > 0.8
    whole = corrections.trees()
    assert whole.n_rounds == 21
    score = whole.scores(table.features)
    np.testing.assert_allclose(score - base.scores(table.features), added, atol=1e-5)
    p = theirs(whole.file, tmp_path).predict_proba(table.x)[:, 1]
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-score)), atol=1e-6)
    leaves = whole.leaves(table.features, 20)
    of_leaf = np.unique(leaves, return_counts=True)[1]
    assert 2 < len(of_leaf) <= 15
    assert of_leaf.min() >= 50
    for leaf in np.unique(leaves):  # a Newton step of it, at the rate of corrections
        rows = leaves == leaf
        step = -0.3 * slope[rows].sum() / curvature[rows].sum()
        np.testing.assert_allclose(added[rows], step, atol=1e-4)


def corrected_once(table, **given):
    """Return one tree's leaves, what it adds, and what it was asked for."""
    own, parameters = library(**given)
    base = own.grow(table.data, parameters, n_rounds=5).trees
    corrections = own.correct(table.data, base, parameters)
    slope, curvature = slopes(table)
    added = corrections.add(slope, curvature)
    leaves = corrections.trees().leaves(table.features, 5)
    return leaves, added, slope, curvature


def test_the_user_s_own_parameters_bound_the_corrections(table):
    leaves, added, slope, curvature = corrected_once(table, max_depth=1, reg_lambda=5.0)
    assert len(np.unique(leaves)) == 2
    for leaf in np.unique(leaves):
        rows = leaves == leaf
        step = -0.3 * slope[rows].sum() / (curvature[rows].sum() + 5)
        np.testing.assert_allclose(added[rows], step, atol=1e-4)
    # of 1,500 rows at a curvature of .2 each no two leaves have 160
    leaves, *_ = corrected_once(table, max_depth=1, min_child_weight=160.0)
    assert len(np.unique(leaves)) == 1


def test_cut_takes_the_last_ones_away(table):
    own, parameters = library(monotone_constraints=(1, 0, 0, 0))
    base = own.grow(table.data, parameters, n_rounds=10).trees
    corrections = own.correct(table.data, base, parameters)
    for seed in range(2):
        corrections.add(*slopes(table, seed))
    two = corrections.trees()
    third = corrections.add(*slopes(table, 2))
    corrections.cut(2)
    assert corrections.trees().file == two.file
    np.testing.assert_allclose(corrections.add(*slopes(table, 2)), third, atol=1e-6)
    corrections.cut(0)
    assert corrections.trees().file == base.file
    assert not corrections.scores(table.features, 1, start=0).any()


def test_monotone_constraints_hold_through_corrections(table):
    own, parameters = library(monotone_constraints=(1, 0, 0, 0))
    base = own.grow(table.data, parameters, n_rounds=20).trees
    corrections = own.correct(table.data, base, parameters)
    _, curvature = slopes(table)
    against = np.where(np.nan_to_num(table.x[:, 0]) > 0, 0.3, -0.3)
    mixed = against + slopes(table)[0]
    for _ in range(5):
        corrections.add(mixed, curvature)
    corrections.cut(3)
    corrections.add(mixed, curvature)  # what is cut keeps its parameters
    x = np.repeat(table.x[:20, None], 30, 1)
    x[:, :, 0] = np.linspace(-3, 3, 30)
    score = corrections.trees().scores(Features(x.reshape(-1, 4))).reshape(20, 30)
    assert np.diff(score).min() > -1e-5
    assert np.ptp(score, 1).max() > 0.1


def test_categories_are_split_as_such_and_gaps_are_values():
    own, parameters = library(max_depth=1)
    rng = np.random.default_rng(4)
    x = np.stack([rng.integers(0, 8, N), rng.normal(size=N)], 1).astype(np.float32)
    x[:300, 0] = np.nan
    y = (np.isin(x[:, 0], [0, 3, 6]) | np.isnan(x[:, 0])).astype(np.int64)
    only = Part(x, y, categorical=(0,))
    score = own.grow(only.data, parameters, n_rounds=1).trees.scores(only.features)
    assert score[y == 1].min() > score[y == 0].max()  # one split tells all
    unseen = np.array([[40, 0], [7, 0]], np.float32)
    assert np.isfinite(
        own.grow(only.data, parameters, n_rounds=1).trees.scores(Features(unseen))
    ).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": "binary:hinge"}, "only 'binary:logistic' is trained"),
        ({"booster": "dart"}, "only 'gbtree' is trained"),
        ({"missing": -1.0}, "NaN is what is missing"),
        ({"monotone_constraints": {"age": 1}}, "a tuple has one value each"),
        ({"eval_metric": "auc"}, "`eval_metric='auc'`"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence(given, said):
    with pytest.raises(ValueError, match=said):
        kind_of(XGBClassifier(**given))


def test_what_can_be_kept_is_kept():
    own = XGBoost()
    given = own.native(
        XGBClassifier(n_estimators=7, eta=0.3, random_state=5, n_jobs=9).get_params()
    )
    found = own.parameters(given, seed=0)
    assert own.most_rounds(found) == 7
    assert (found["learning_rate"], found["seed"]) == (0.3, 5)
    assert found["nthread"] == torch.get_num_threads()


def test_damaged_trees_are_told():
    with pytest.raises(ValueError, match="XGBoost cannot read its trees"):
        _ = XGBoost().read(b"nothing").scores(Features(np.zeros((1, 2), np.float32)))


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    monkeypatch.delitem(
        __import__("sys").modules, "losslearn.models.boosted.xgboost", raising=False
    )
    with pytest.raises(ValueError, match=r"pip install 'losslearn\[trees\]'"):
        kind_of("xgboost")


@pytest.mark.parametrize("model", ["xgboost", XGBClassifier(max_depth=2)])
def test_a_fit_is_the_same_by_its_seed_and_is_read_by_xgboost(model, tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = x[:, 0] + rng.normal(size=400) > 0.8
    x[::7, 1] = np.nan
    recipe = Recipe(max_iter=8, rounds=2, n_evals=4, catch_up=8)

    def fitted() -> SurrogateClassifier:
        classifier = SurrogateClassifier(
            "f1", model=model, recipe=recipe, random_state=0, cv=1
        )
        return classifier.fit(x, y)

    one, two = fitted(), fitted()
    assert (one.scores(x) == two.scores(x)).all()
    own = theirs(one.model_.trees.file, tmp_path)
    odds = own.predict(x, output_margin=True)
    np.testing.assert_allclose(one.scores(x), odds, atol=1e-5)
    learned = one.method_weights_["surrogate"]["file"].numpy().tobytes()
    booster = xgboost.Booster(model_file=bytearray(learned))
    assert booster.num_boosted_rounds() >= 1
    assert one.score(x, y) > 0.4
