"""A user's loss of decisions is judged at one threshold a set, known for a round."""

import math

import pytest
import torch
from core_cases import new_predictor

from losslearn.metrics import Sets, as_true_loss, get_true_loss
from losslearn.metrics.own.as_true_loss import untried
from losslearn.models.networks import build_model
from losslearn.models.rows import Rows
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal import UniversalConfig, initial_surrogate, store
from losslearn.tasks.binary import Binary
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.task import Frame
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.comparison import compare
from losslearn.training.dear import Costs, laid_out
from losslearn.training.frames import as_trained, find_frame
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe
from losslearn.training.setup import Setup


class Counted:
    """The cost of wrong decisions, three a positive row missed; counts its calls."""

    greater_is_better, response_method = False, "predict"

    def __init__(self):
        self.n_calls, self.__name__ = 0, "cost"

    def __call__(self, y_true, y_pred):
        self.n_calls += 1
        return float((3 * y_true * (1 - y_pred) + (1 - y_true) * y_pred).mean())


def counted():
    metric = Counted()
    loss = as_true_loss(metric)
    metric.n_calls = 0
    return metric, loss


def sets_of(n_sets: int, n: int = 60) -> Sets:
    generator = torch.Generator().manual_seed(3)
    y_true = (torch.rand(n_sets, n, generator=generator) < 0.3).long()
    y_true[:, 0], y_true[:, 1] = 1, 0
    noise = torch.randn(n_sets, n, generator=generator)
    return Sets(y_true, 2 * noise + 3 * y_true + 5, torch.ones(n))


def make_fitter() -> SurrogateFitter:
    surrogate = SetSurrogate(ScoreTokens(standardize=False))
    return SurrogateFitter(surrogate, CrossEntropy(), lr=1e-3)


def test_a_set_takes_one_call():
    metric, loss = counted()
    sets = sets_of(7)
    values = as_trained(loss, Recipe())(sets)
    assert metric.n_calls == 7
    called = (sets.score >= 0).long()
    cost = 3 * sets.target * (1 - called) + (1 - sets.target) * called
    assert values.tolist() == pytest.approx(cost.double().mean(-1).tolist())


def test_with_columns_a_set_takes_three_and_gets_the_lowest():
    metric = Counted()

    def costs(y_true, y_pred, *, amount):
        return metric(y_true, y_pred) * float(amount.mean())

    loss = untried(costs, greater_is_better=False, response_method="predict")
    sets = sets_of(7)
    amount = torch.arange(60.0).expand(7, 60)
    framed = sets._replace(
        score=(sets.score - 6.0) / 3, columns={"amount": amount.double()}
    )
    values = as_trained(loss, Recipe())(framed)
    assert metric.n_calls == 21
    at = [loss.with_threshold(one)(framed) for one in (-0.4, 0.0, 0.4)]
    assert torch.equal(values, torch.stack(at).amin(0))
    assert len({int(one) for one in torch.stack(at).argmin(0)}) > 1


@pytest.mark.parametrize("name", ["f1", "auc", "recall subject to precision >= 0.8"])
def test_what_costs_no_call_is_judged_as_ever(name):
    loss = as_true_loss(name)
    assert as_trained(loss, Recipe()) is loss
    assert Binary().settings(loss).get("replay") is None


def test_of_scores_and_in_the_papers_form_it_stays_too():
    of_scores = as_true_loss(
        lambda y_true, y_score: float((y_true * y_score).mean()),
        greater_is_better=True,
    )
    assert as_trained(of_scores, Recipe()) is of_scores
    _, loss = counted()
    assert as_trained(loss, Recipe(universal_form="gaussian")) is loss


def test_the_frame_lies_at_the_lowest_loss_of_all_the_rows_together():
    metric, loss = counted()
    fitter, sets = make_fitter(), sets_of(8)
    find_frame(lambda _: sets, loss, Binary(), fitter)
    assert metric.n_calls == 25
    every = Sets(sets.target.flatten(), sets.score.flatten())
    at = [float(loss.with_threshold(float(one))(every)) for one in every.score]
    here = float(loss.with_threshold(fitter.frame.centre)(every))
    # as low as any, but for what lies between the thresholds that are tried
    assert min(at) <= here <= min(at) + 0.02
    assert here < 0.6 * float(loss.with_threshold(0.0)(every))
    assert fitter.frame.scale == pytest.approx(float(every.score.std()), rel=1e-5)
    framed = fitter.frame.of(sets)
    assert torch.equal(framed.score >= 0, sets.score >= fitter.frame.centre)


def test_rows_that_are_not_there_are_not_looked_at():
    _, loss = counted()
    sets = sets_of(8)
    weight = torch.ones_like(sets.score)
    weight[4:] = 0
    away = sets.score.clone()
    away[4:] = 1e6
    frames = []
    for one in (sets.picked(slice(4)), Sets(sets.target, away, weight)):
        fitter = make_fitter()
        find_frame(lambda _, one=one: one, loss, Binary(), fitter)
        frames.append(fitter.frame)
    assert frames[0] == frames[1] != Frame()


def test_where_no_threshold_has_a_value_the_frame_stays():
    _, loss = counted()
    loss.own.call = lambda *_: math.nan
    fitter = make_fitter()
    fitter.set_frame(Frame(2.0, 3.0))
    find_frame(lambda _: sets_of(8), loss, Binary(), fitter)
    assert fitter.frame == Frame(2.0, 3.0)


def test_equal_scores_have_a_unit_too():
    _, loss = counted()
    sets = sets_of(8)
    same = sets._replace(score=torch.full_like(sets.score, 4.0))
    fitter = make_fitter()
    find_frame(lambda _: same, loss, Binary(), fitter)
    assert fitter.frame.scale == 1


def test_the_lower_level_sees_sets_in_the_frame():
    """A surrogate is fitted to a loss judged at 0 of scores that are moved there."""
    _, loss = counted()
    recipe, frame = Recipe(perturbation=0.0, n_sets=4, replay=1), Frame(6.0, 2.0)
    learner = make_learner(
        SetSurrogate(ScoreTokens(standardize=False)),
        as_trained(loss, recipe),
        Binary(),
        recipe,
        generator=torch.Generator().manual_seed(0),
    )
    learner.fitter.set_frame(frame)
    sets = sets_of(4)
    with torch.no_grad():
        before = learner.fitter.surrogate(sets._replace(score=(sets.score - 6.0) / 2.0))
    error = float(learner.learn(lambda _: sets, steps=1))
    gap = before - loss.with_threshold(6.0)(sets)
    assert error == pytest.approx(float(gap.abs().mean()), rel=1e-4)


@pytest.fixture
def _quick_start(monkeypatch):
    tiny = UniversalConfig(set_sizes=(64,), n_sets=64, max_iter=20)
    monkeypatch.setattr(store, "IN_A_FRAME", tiny)


def fit(recipe: Recipe):
    """Return the comparison, and the calls of the start and of all."""
    metric, loss = counted()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 3, generator=generator)
    y_true = (x[:, 0] + torch.randn(600, generator=generator) > 0.8).long()
    train, valid = Rows(x[:400], y_true[:400]), Rows(x[400:], y_true[400:])
    start = as_trained(loss, recipe)
    surrogate = initial_surrogate(start, Binary(), mode="refined", seed=0)
    n_start = metric.n_calls
    found, _ = compare(
        lambda: new_predictor(build_model("linear", x), train, recipe),
        valid,
        Setup(loss, Binary(), surrogate, recipe, 0),
    )
    return found, n_start, metric.n_calls


@pytest.mark.usefixtures("_quick_start")
def test_a_fit_calls_the_metric_once_for_each_set_and_now_and_then_for_a_frame():
    looks, rounds, turns = 8, 2, 40
    recipe = Recipe(
        max_iter=turns, n_evals=looks, rounds=rounds, replay=4, catch_up=8, n_sets=2
    )
    found, n_start, n_calls = fit(recipe)
    sixteen = 4 * 2 * 2  # n_sets of surrogate_steps, of a first turn and its replay
    learned = turns // 2 * 2 + rounds * sixteen
    read = (looks // 2 + rounds) * 16
    frames = rounds * 25
    valued = (4 + looks // 2) * 25  # solutions, and the learned branch's looks
    end = 2 * 5 * 200 + 200  # a rule for either, and the difference
    assert n_start <= 16 + 64 + 64
    assert n_calls - n_start <= learned + read + frames + valued + end
    assert found.learned.best_loss <= found.usual.best_loss * 1.2


def test_a_plan_for_a_dear_metric_counts_looks_and_frames_at_their_price():
    costs = Costs(look=25.0, frame=25.0)
    for n_sets in (500, 2_000, 20_000):
        recipe = laid_out(Recipe(), n_sets, most_turns=1_000, costs=costs)
        turns = recipe.max_iter * (1 - recipe.warm_up)
        catch_up = recipe.rounds * recipe.catch_up / recipe.surrogate_steps
        per_look = 32 + 2 * costs.look
        read = per_look * (recipe.rounds + recipe.n_evals) + 25 * recipe.rounds
        # a fit has a round and a look at least, however little there is time for
        assert turns + catch_up + read <= 1.1 * max(n_sets, 700)


def test_built_in_losses_cost_no_more_for_a_look():
    loss = get_true_loss("f1")
    assert Costs.of(loss, as_trained(loss, Recipe())) == Costs(1, 0)
