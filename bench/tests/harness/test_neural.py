from dataclasses import replace

import pytest
import torch
from benchmark_cases import TINY

from losslearn.metrics import as_true_loss, get_true_loss
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.training.recipe import PAPER, Recipe
from losslearn_bench.grid.methods import (
    CRITERION,
    DEFAULT_FIT,
    HAND_MADE,
    METHODS,
    SURROGATES,
    get_method,
)
from losslearn_bench.harness.neural import NeuralMethod, Trained, make_predictor
from losslearn_bench.harness.rows import TrainingData

OURS = (*SURROGATES, *HAND_MADE)
"""What trains in the package's own loop."""
NEURAL = (*OURS, CRITERION, DEFAULT_FIT)
F1 = get_true_loss("f1")


def make_data(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(400, 3, generator=generator)
    noise = torch.randn(400, generator=generator)
    y_true = (x[:, 0] - x[:, 1] + noise > 1).long()
    return TrainingData(x[:300], y_true[:300], x[300:], y_true[300:])


def fit(method, losses=(F1,), *, budget=TINY, seed=0, tier="linear"):
    return method.fit(make_data(), losses, tier=tier, budget=budget, seed=seed)


@pytest.mark.parametrize("method", NEURAL, ids=lambda method: method.name)
def test_every_neural_method_gets_the_same_number_of_settings(method):
    assert len(method.grid) == 6
    assert len({str(setting) for setting in method.grid}) == 6


@pytest.mark.parametrize("method", NEURAL, ids=lambda method: method.name)
def test_every_setting_of_every_method_trains(method):
    budget = replace(TINY, tuning="full", n_settings=6)
    loss = get_true_loss(method.metrics[0]) if method.metrics else F1
    (result,) = fit(method, (loss,), budget=budget)
    assert len(result.tried) == 6
    assert result.setting in method.grid
    assert bool(result.score(make_data().x_valid).isfinite().all())


@pytest.mark.parametrize(
    ("tier", "names"),
    [
        ("linear", ("cross_entropy", "soft_f1", "sl_r")),
        # the surrogate's own forward passes move the statistics of BatchNorm
        ("mlp", ("cross_entropy", "soft_f1")),
    ],
)
def test_every_method_starts_from_the_same_weights_and_draws_the_same_sets(tier, names):
    # with no step forward, the first look shows where each begins
    budget = replace(TINY, max_iter=1, n_evals=1, model_lr=1e-30)
    starts = []
    for name in names:
        (result,) = fit(METHODS[name], budget=budget, tier=tier)
        starts.append(result.score(make_data().x_valid))
    assert all(torch.allclose(start, starts[0], atol=1e-5) for start in starts)


def test_the_default_fit_is_the_comparison_of_both_methods():
    from losslearn.models.networks import build_model
    from losslearn.surrogate.universal import initial_surrogate
    from losslearn.tasks.binary import Binary
    from losslearn.training.comparison import compare
    from losslearn.training.setup import Setup

    budget = replace(TINY, tuning="none", max_iter=30)
    (result,) = fit(DEFAULT_FIT, budget=budget)
    data = make_data()
    config = replace(budget.config({}), rounds=Recipe().rounds)
    _, predictor = compare(
        lambda: make_predictor(build_model("linear", data.x), data, config),
        data.valid,
        Setup(
            F1,
            Binary(),
            initial_surrogate(F1, Binary(), mode=config.mode, seed=0),
            config,
            0,
        ),
    )
    expected = predictor.predict(data.valid)
    torch.testing.assert_close(result.score(data.x_valid).float(), expected)


def test_the_default_fit_is_tuned_by_short_runs_of_cross_entropy():
    budget = replace(TINY, tuning="short", n_settings=6, max_iter=30)
    ours, control = (
        fit(method, budget=budget)[0]
        for method in (DEFAULT_FIT, METHODS["cross_entropy"])
    )
    assert len(ours.tried) == 6
    assert ours.tried == control.tried
    assert ours.setting == control.setting


def test_the_default_fit_falls_back_on_what_the_control_method_gives():
    # nothing can be gained where the loss is the same for any scores
    def share(y_true, y_score):
        del y_score
        return y_true.mean()

    flat = as_true_loss(share, greater_is_better=False)
    budget = replace(TINY, tuning="none", max_iter=20)
    ours, control = (
        fit(method, (flat,), budget=budget, tier="mlp")[0].score(make_data().x_valid)
        for method in (DEFAULT_FIT, METHODS["cross_entropy"])
    )
    torch.testing.assert_close(ours, control, rtol=0, atol=0)


def test_the_setting_with_the_lowest_validation_loss_is_taken():
    budget = replace(TINY, tuning="full", n_settings=6, max_iter=20)
    (result,) = fit(METHODS["cross_entropy"], budget=budget)
    lowest = min(result.tried, key=lambda one: one["validation"])
    assert result.setting == lowest["setting"]


def test_short_tuning_spends_a_share_on_each_setting_and_the_rest_on_the_best():
    steps = []

    class Counting(CrossEntropy):
        def __call__(self, sets):
            steps[-1] += 1
            return super().__call__(sets)

    def make(context, setting):
        del context, setting
        steps.append(0)
        return Trained(Counting())

    method = NeuralMethod("counted", "counted", make, ({"warm_up": 0.0},) * 6)
    budget = replace(
        TINY, tuning="short", n_settings=6, short_share=0.25, max_iter=8, model_steps=1
    )
    fit(method, budget=budget)
    assert steps == [2, 2, 2, 2, 2, 2, 8]


def test_without_tuning_the_first_setting_is_trained():
    (result,) = fit(METHODS["cost_sensitive"])
    assert result.setting == METHODS["cost_sensitive"].grid[0]
    assert len(result.tried) == 1


def test_weights_are_the_best_of_each_loss_on_validation_rows():
    losses = (F1, get_true_loss("auc"))
    data = make_data()
    budget = replace(TINY, max_iter=12, n_evals=6)
    results = fit(METHODS["cross_entropy"], losses, budget=budget)
    for loss, result in zip(losses, results, strict=True):
        found = float(loss(data.valid.whole(result.score(data.x_valid))))
        assert found == pytest.approx(result.tried[0]["validation"], abs=1e-6)


def test_the_same_seed_gives_the_same_scores_and_leaves_the_global_seed():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (
        fit(METHODS["sl_s"])[0].score(make_data().x_valid) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_warm_up_is_cross_entropy():
    make = METHODS["cross_entropy"].make
    warm = NeuralMethod("w", "w", make, ({"warm_up": 0.5},))
    plain = NeuralMethod("p", "p", make, ({"warm_up": 0.0},))
    scores = [fit(method)[0].score(make_data().x_valid) for method in (warm, plain)]
    assert torch.equal(*scores)


def test_duals_of_an_objective_are_trained_with_the_model():
    made = []

    def make(context, setting):
        trained = METHODS["global_auc_roc"].make(context, setting)
        objective = trained.objective.hand_made
        made.append((objective, objective.thresholds.detach().clone()))
        return trained

    fit(NeuralMethod("g", "g", make, ({"warm_up": 0.0},)), (get_true_loss("auc"),))
    objective, before = made[0]
    assert not torch.equal(objective.thresholds, before)


def test_the_paper_protocol_balances_the_sets_without_weights():
    seen = []

    class Spy(CrossEntropy):
        def __call__(self, sets):
            seen.append((float(sets.target.float().mean()), sets.weight))
            return super().__call__(sets)

    def make(context, setting):
        del context, setting
        return Trained(Spy())

    method = NeuralMethod("s", "s", make, ({},))
    fit(method, budget=replace(TINY, protocol="paper"))
    assert {share for share, _ in seen} == {0.5}
    assert all(bool((weight == 1).all()) for _, weight in seen)


def configs(method, budget):
    """Return the settings of each training of a method, and those it reports."""
    made = []

    def make(context, setting):
        del setting
        made.append(context.config)
        return Trained(CrossEntropy())

    loss = get_true_loss(method.metrics[0]) if method.metrics else F1
    (result,) = fit(replace(method, make=make), (loss,), budget=budget)
    return made, [one["setting"] for one in result.tried]


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_no_entry_of_a_grid_changes_the_papers_algorithm(method):
    budget = replace(TINY, protocol="paper", tuning="full", n_settings=6, max_iter=2)
    made, tried = configs(method, budget)
    default = Recipe()
    for config, setting in zip(made, tried, strict=True):
        factor = setting.get("lr_factor", 1.0)
        assert config == replace(
            PAPER,
            mode=setting.get("mode", "refined"),
            model_lr=budget.model_lr * factor,
            # where the benchmark's number and size of steps stand for the paper's
            max_iter=2,
            model_steps=budget.model_steps,
            batch_size=budget.batch_size,
            n_evals=budget.n_evals,
            surrogate_lr=default.surrogate_lr,
            max_grad_norm=default.max_grad_norm,
        )
        assert not {"warm_up", "cross_entropy_weight"} & set(setting)
    assert len({str(setting) for setting in tried}) == len(tried)


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
def test_every_entry_of_a_grid_sets_the_training_of_the_honest_protocol(method):
    budget = replace(TINY, tuning="full", n_settings=6, max_iter=2)
    made, tried = configs(method, budget)
    assert tried == list(method.grid)
    for config, setting in zip(made, tried, strict=True):
        default = Recipe()
        names = {"mode": "mode", "warm_up": "warm_up"}
        names |= {"usual_weight": "cross_entropy_weight"}
        for name, written in names.items():
            expected = setting.get(written, getattr(default, name))
            assert getattr(config, name) == expected
        assert config.model_lr == budget.model_lr * setting.get("lr_factor", 1.0)


def test_every_method_learns_a_separable_problem():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 2, generator=generator)
    y_true = (x[:, 0] > 0.5).long()
    data = TrainingData(x[:300], y_true[:300], x[300:], y_true[300:])
    budget = replace(TINY, max_iter=60, n_evals=10, model_lr=0.05)
    for method in NEURAL:
        loss = get_true_loss(method.metrics[0]) if method.metrics else F1
        (result,) = method.fit(data, (loss,), tier="linear", budget=budget, seed=0)
        assert result.tried[0]["validation"] < 0.1, method.name


def test_an_unknown_setting_is_an_error():
    method = replace(METHODS["sl_r"], grid=({"sloppe": 1.0},))
    with pytest.raises(TypeError, match="sloppe"):
        fit(method)


def test_an_unknown_method_is_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean .*lightgbm"):
        get_method("lightgmb")
