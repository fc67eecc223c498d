"""A booster as what is trained: out-of-fold scores, trees as steps, states."""

import numpy as np
import pytest
import torch
from torch import Tensor

from losslearn import SurrogateClassifier
from losslearn.metrics import Sets
from losslearn.models.boosted import predictor as module
from losslearn.models.boosted.library import features_of
from losslearn.models.boosted.lightgbm import LightGBM
from losslearn.models.boosted.predictor import BoostedPredictor
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting

N = 600
LIBRARY = LightGBM()
PARAMETERS = LIBRARY.parameters({"num_leaves": 5, "num_iterations": 30}, seed=0)


def table() -> tuple[Rows, Rows]:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(2 * N, 3, generator=draws)
    y = (x[:, 0] + torch.randn(2 * N, generator=draws) > 0.5).long()
    amount = {"amount": torch.rand(2 * N, generator=draws).double()}
    numbers = torch.randperm(2 * N, generator=draws)
    every = Rows(x, y, columns=amount)
    return every._replace(numbers=numbers[:N]), every._replace(numbers=numbers[N:])


def grown(**changed: object) -> tuple[BoostedPredictor, Rows]:
    train, valid = table()
    found = BoostedPredictor(LIBRARY, train._replace(**changed), PARAMETERS, seed=0)
    solution = found.solution(None, Drawn(train.numbers), valid)
    solution.solve(Setting())
    return found, valid


def pull_up(sets: Sets) -> Tensor:
    """Return a loss that falls where rows of large amounts have higher scores."""
    return -(sets.score * (sets.columns["amount"] - 0.5)).mean(-1)


def test_scores_are_those_of_boosters_that_have_not_seen_the_row():
    found, _ = grown()
    numbers = found.rows.numbers
    own = found.model.trees.scores(found.table.features)
    score = found.scores(numbers).double().numpy()
    y = found.table.y

    def loss(values):
        return np.log1p(np.exp(-np.where(y == 1, values, -values))).mean()

    assert loss(own) < loss(score)  # its own rows are known by heart
    assert np.corrcoef(own, score)[0, 1] > 0.8


def test_scores_are_asked_by_the_rows_numbers_in_the_table():
    found, _ = grown()
    numbers = found.rows.numbers
    some = numbers[[5, 1, 300]].reshape(1, 3)
    np.testing.assert_array_equal(
        found.scores(some)[0], found.scores(numbers)[[5, 1, 300]]
    )


def test_a_step_lowers_the_objective_out_of_fold_and_on_other_rows():
    found, valid = grown()
    numbers = found.rows.numbers

    def values() -> tuple[float, float]:
        sets = found.rows.sets(Drawn(numbers[None]), found.scores(numbers[None]))
        there = valid.whole(found.predict(valid))
        return float(pull_up(sets)), float(pull_up(there))

    before = values()
    for _ in range(8):
        found.descend(pull_up, Drawn(numbers[:10]))
    # amounts are no feature, so that only out-of-fold scores can follow them
    assert values()[0] < before[0]


def test_a_tree_adds_the_same_to_the_rows_scores_and_to_the_booster():
    found, _ = grown()
    numbers = found.rows.numbers
    score, own = found.scores(numbers), found.model.trees.scores(found.table.features)
    found.descend(pull_up, Drawn(numbers[:10]))
    found.weights()  # writes the trees
    change = found.model.trees.scores(found.table.features) - own
    np.testing.assert_allclose(found.scores(numbers) - score, change, atol=1e-6)
    assert np.abs(change).max() > 0


def test_a_slope_of_nothing_grows_nothing():
    found, _ = grown()
    before = found.model.trees.n_rounds
    found.descend(lambda sets: 0.0 * sets.score.sum(-1), Drawn(found.rows.numbers[:9]))
    found.weights()
    assert found.model.trees.n_rounds == before


def test_rows_of_weight_move_the_trees_as_far_as_they_count():
    weight = torch.ones(2 * N)
    weight[::2] = 3.0
    found, _ = grown(weight=weight)
    seen = []
    found.library = _Spy(found.library, seen)
    found.descend(pull_up, Drawn(found.rows.numbers[:9]))
    curvature = seen[0][1]
    own = weight[found.rows.numbers].numpy()
    np.testing.assert_allclose(curvature / own, (curvature / own)[0], rtol=1e-6)


class _Spy:
    def __init__(self, library, seen):
        self._library, self._seen = library, seen

    def __getattr__(self, name):
        return getattr(self._library, name)

    def correct(self, *given):
        corrections = self._library.correct(*given)
        add = corrections.add

        def spied(slope, curvature):
            self._seen.append((slope, curvature))
            return add(slope, curvature)

        corrections.add = spied
        return corrections


def test_moves_are_changes_of_leaves_to_and_fro():
    found, _ = grown()
    rows = found.rows.numbers[:400].reshape(2, 200)
    draws = torch.Generator().manual_seed(1)
    there, back = found.moved(rows, 0.1, generator=draws)
    score = found.scores(rows)
    torch.testing.assert_close(there + back, 2 * score, rtol=0, atol=1e-5)
    change = there - score
    assert float(change[0].square().mean().sqrt()) == pytest.approx(
        0.1 * float(score[0].std()), rel=1e-3
    )
    # rows of the same leaves move alike
    leaves = found._leaves(rows[0]).T
    for one in torch.unique(leaves, dim=0):
        same = change[0][(leaves == one).all(1)]
        assert float(same.max() - same.min()) < 1e-5


def steps(found: BoostedPredictor, n: int) -> None:
    for _ in range(n):
        found.descend(pull_up, Drawn(found.rows.numbers[:10]))


def facts(found: BoostedPredictor, valid: Rows) -> tuple[Tensor, Tensor, Tensor]:
    found.weights()
    return (
        found.scores(found.rows.numbers),
        found.predict(valid),
        torch.from_numpy(found.model.trees.scores(found.table.features)),
    )


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_state_is_gone_back_to_and_on_from_to_the_bit(is_kept):
    found, valid = grown()
    steps(found, 2)
    state = found.state()
    steps(found, 3)
    expected = facts(found, valid)
    if not is_kept:  # as after a fit that was killed
        found, valid = grown()
    found.restore(state)
    assert len(found._added) == (3 if is_kept else 1)
    steps(found, 3)
    for one, other in zip(facts(found, valid), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_what_other_trees_were_added_to_is_not_gone_on_from():
    found, valid = grown()
    start = found.state()
    steps(found, 2)
    first, expected = found.state(), facts(found, valid)
    found.restore(start)
    steps(found, 3)  # other draws of sets, other trees
    found.restore(first)
    for one, other in zip(facts(found, valid), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_predictions_gone_on_from_are_those_of_the_whole_file():
    found, valid = grown()
    start = found.state()
    for n in (0, 1, 2):
        steps(found, n)
        found.predict(valid)
    found.restore(start)
    found.predict(valid)
    steps(found, 2)
    quick = found.predict(valid)
    found.weights()
    whole = found.model(valid.own(valid.x))
    torch.testing.assert_close(quick, whole, rtol=0, atol=1e-6)


def test_the_same_seed_grows_the_same():
    first, second = (grown() for _ in range(2))
    for found, _ in (first, second):
        steps(found, 2)
    one, other = facts(*first), facts(*second)
    assert all(map(torch.equal, one, other))


def test_other_lengths_start_from_scores_of_other_lengths():
    train, valid = table()
    found = BoostedPredictor(LIBRARY, train, PARAMETERS, seed=0)
    solution = found.solution(None, Drawn(train.numbers), valid)
    best = solution.solve(Setting())
    scores = found.scores(train.numbers)
    half = solution.solve(Setting(share=0.5))
    assert half.length == max(round(0.5 * best.length), 1)
    assert found.model.trees.n_rounds == half.length
    assert float(found.scores(train.numbers).std()) < float(scores.std())
    again = solution.solve(Setting(length=best.length))
    assert again.length == found.model.trees.n_rounds == best.length


def test_trees_are_grown_as_long_as_rows_held_out_say():
    train, valid = table()
    found = BoostedPredictor(LIBRARY, train, PARAMETERS, seed=0)
    best = found.solution(None, Drawn(train.numbers), valid).solve(Setting())
    x, y = features_of(valid), valid.own(valid.target).numpy()
    losses = []
    for n in range(1, 31):
        score = LIBRARY.grow(found.data, PARAMETERS, n_rounds=n).trees.scores(x)
        losses.append(np.log1p(np.exp(-np.where(y == 1, score, -score))).mean())
    assert best.length == int(np.argmin(losses)) + 1


def test_no_fold_is_grown_before_it_is_asked_for(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "cross_fitted", lambda *_, **__: calls.append(1))
    grown()
    assert not calls


def test_a_fit_within_a_time_grows_its_trees():
    train, _ = table()
    x, y = train.x[:300].numpy(), train.target[:300].numpy()
    found = SurrogateClassifier(
        "f1", model="lightgbm", max_time=30.0, cv=1, refit=False, random_state=0
    ).fit(x, y)
    assert found.model_.trees.n_rounds > 0
    assert found.score(x, y) > 0.5
