import importlib
import math
from dataclasses import replace

import pytest
import torch
from benchmark_cases import TINY

from losslearn.metrics import Sets, as_true_loss, get_true_loss
from losslearn.models.networks import Linear
from losslearn_bench.harness import packages
from losslearn_bench.harness.budget import LR_FACTOR
from losslearn_bench.harness.method import Fitted
from losslearn_bench.harness.packages import load
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.peers import PEERS, available_peers
from losslearn_bench.peers.ap_perf import AP_PERF, AdversarialObjective, AsManySteps
from losslearn_bench.peers.candidates import Candidate, choose
from losslearn_bench.peers.libauc import AP_SOAP, AUCM, make_ap, make_aucm
from losslearn_bench.peers.logistic import LOGISTIC
from losslearn_bench.peers.smooth_ap import SMOOTH_AP, SmoothAPObjective
from losslearn_bench.peers.trees import LIGHTGBM, XGBOOST

F1, AUC, AP, MCC = (get_true_loss(name) for name in ("f1", "auc", "ap", "mcc"))
BUDGET = replace(TINY, max_iter=30, n_evals=3, tuning="full", batch_size=60)
QUICK = [replace(LOGISTIC, n_splits=2), LIGHTGBM, XGBOOST, AUCM, AP_SOAP, SMOOTH_AP]
ADVERSARIAL = replace(AP_PERF, within=AsManySteps(batch_size=12))
# the first call of ap_perf compiles for some seconds
ALL = [*QUICK, pytest.param(ADVERSARIAL, marks=pytest.mark.slow, id="ap_perf")]


def draw_rows(seed=0, n=400, pos_rate=0.25):
    """Two classes that one feature separates but for some noise."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(n, generator=generator) < pos_rate).long()
    x = torch.randn(n, 4, generator=generator)
    x[:, 0] += 4.0 * y_true
    cut = 3 * n // 4
    return TrainingData(x[:cut], y_true[:cut], x[cut:], y_true[cut:])


def losses_of(method):
    """Return all the losses a peer is meant for, or one of either kind."""
    names = method.metrics or ("f1_loss", "roc_auc_loss", "average_precision_loss")
    return [get_true_loss(name) for name in names]


def fit(method, losses=None, *, data=None, budget=BUDGET, seed=0, tier=None):
    for module in method.modules:
        pytest.importorskip(module)
    if method.name == "ap_perf":
        budget = replace(budget, max_iter=min(budget.max_iter, 6), model_lr=0.1)
    return method.fit(
        draw_rows() if data is None else data,
        losses_of(method) if losses is None else losses,
        tier=tier or method.tiers[0],
        budget=budget,
        seed=seed,
    )


FITS = {}


def fit_once(method):
    """Return what `fit` does by default, worked out at the first call."""
    if method.name not in FITS:
        FITS[method.name] = fit(method)
    return FITS[method.name]


def peer_id(method):
    return method.name


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_learns_rows_that_are_nearly_separable(method):
    test = draw_rows(seed=1)
    for result in fit_once(method):
        loss = get_true_loss(result.metric)
        y_score = result.score(test.x_valid)
        learned = float(loss(Sets(test.y_valid, y_score)))
        constant = float(loss(Sets(test.y_valid, torch.zeros_like(y_score))))
        assert learned < 0.3 * constant


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_gives_one_result_a_loss_in_the_order_asked_for(method):
    losses = losses_of(method)[::-1]
    results = fit(method, losses)
    assert all(isinstance(result, Fitted) for result in results)
    assert [result.metric for result in results] == [loss.name for loss in losses]


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_tries_as_many_settings_as_the_budget_says(method):
    for n_settings in (1, 3):
        budget = replace(BUDGET, max_iter=2, n_settings=n_settings)
        for result in fit(method, losses_of(method)[-1:], budget=budget):
            settings = [str(one["setting"]) for one in result.tried]
            assert len(set(settings)) == len(settings) == n_settings


@pytest.mark.parametrize("method", QUICK, ids=peer_id)
def test_peer_has_six_settings_and_without_tuning_takes_the_first(method):
    many = fit(method, budget=replace(BUDGET, max_iter=2, n_settings=6))[0]
    assert len({str(one["setting"]) for one in many.tried}) == 6
    untuned = replace(BUDGET, max_iter=2, n_settings=6, tuning="none")
    (only,) = fit(method, budget=untuned)[0].tried
    assert only["setting"] == many.tried[0]["setting"]


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_takes_the_setting_of_the_lowest_validation_loss(method):
    data = draw_rows()
    for result in fit_once(method):
        lowest = min(result.tried, key=lambda one: one["validation"])
        assert result.setting.items() >= lowest["setting"].items()
        loss = get_true_loss(result.metric)
        again = float(loss(data.valid.whole(result.score(data.x_valid))))
        assert again == pytest.approx(lowest["validation"], abs=1e-6)


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_same_seed_gives_the_same_scores_and_the_global_generator_is_left_alone(method):
    data = draw_rows()
    torch.manual_seed(7)
    expected = torch.get_rng_state()
    first = fit(method)[0]
    assert torch.equal(torch.get_rng_state(), expected)
    second = fit_once(method)[0]
    assert torch.equal(first.score(data.x), second.score(data.x))
    assert first.tried == second.tried


@pytest.mark.parametrize("method", [AUCM, AP_SOAP, SMOOTH_AP], ids=peer_id)
def test_another_seed_gives_other_scores(method):
    data = draw_rows()
    other = fit(method, seed=1)[0]
    assert not torch.equal(fit_once(method)[0].score(data.x), other.score(data.x))


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_leaves_the_data_as_they_are(method):
    data = draw_rows()
    before = [part.clone() for part in data if isinstance(part, torch.Tensor)]
    for result in fit(method, data=data):
        result.score(data.x_valid)
    assert all(map(torch.equal, data, before))


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_scores_are_finite_raw_and_one_a_row(method):
    x = draw_rows(seed=2).x
    for result in fit_once(method):
        y_score = result.score(x)
        assert y_score.shape == (len(x),)
        assert bool(y_score.double().isfinite().all())
        # probabilities would have lost their order at the ends
        assert float(y_score.min()) < 0
        assert torch.equal(y_score[:5], result.score(x[:5]))


@pytest.mark.parametrize("method", ALL, ids=peer_id)
def test_peer_turns_down_tiers_and_losses_that_are_not_its_own(method):
    with pytest.raises(ValueError, match=f"`tier` of '{method.name}'.*got 'forest'"):
        fit(method, tier="forest")
    if method.metrics is not None:
        with pytest.raises(ValueError, match=r"error_rate.*another method"):
            fit(method, [get_true_loss("error_rate")])


@pytest.mark.parametrize("method", [AUCM, AP_SOAP, SMOOTH_AP], ids=peer_id)
def test_networks_of_peers_train_in_every_tier(method):
    pytest.importorskip("tabm")
    budget = replace(BUDGET, max_iter=4, tuning="short")
    data = draw_rows()
    for tier in method.tiers:
        (result,) = fit(method, budget=budget, tier=tier)
        assert result.iterations == 4 * budget.model_steps
        assert result.score(data.x).shape == (len(data.x),)


def test_trees_are_trained_once_for_all_losses_and_chosen_for_each():
    calls = []
    # the first orders the rows well, the second has the lower mean
    scores = [lambda x: x[:, 0], lambda x: -x[:, 0] - 100]

    def prepare(data, max_rounds, seed):
        del data, max_rounds, seed

        def train(setting):
            calls.append(setting)
            return Candidate(setting, scores[len(calls) - 1], len(calls))

        return train

    low = replace(AUC, name="low", function=lambda _, y_score: y_score.mean(-1))
    results = fit(replace(LIGHTGBM, prepare=prepare), [AUC, low])
    assert calls == list(LIGHTGBM.grid[:2])
    assert [result.setting for result in results] == list(LIGHTGBM.grid[:2])
    assert [result.iterations for result in results] == [1, 2]


@pytest.mark.parametrize("method", [LIGHTGBM, XGBOOST], ids=peer_id)
def test_trees_stop_early_and_score_with_the_best_rounds(method):
    data = draw_rows()
    result = fit_once(method)[0]
    assert 1 < result.iterations < 200
    index = [one["setting"] for one in result.tried].index(result.setting)

    def scores_after(rounds):
        only = replace(method, max_rounds=rounds, grid=(method.grid[index],))
        return fit(only, budget=replace(BUDGET, n_settings=1))[0].score(data.x)

    assert torch.equal(result.score(data.x), scores_after(result.iterations))
    assert not torch.equal(result.score(data.x), scores_after(1))


def test_scores_of_logistic_regression_are_its_log_odds():
    data = draw_rows()
    budget = replace(BUDGET, n_settings=1)
    (result,) = fit(LOGISTIC, [AUC], data=data, budget=budget)
    assert result.threshold is None
    # at the optimum with C = 1 the gradient of the penalised loss is zero
    mean, std = data.x.double().mean(0), data.x.double().std(0, correction=0)
    z = (data.x.double() - mean) / std
    y_score = result.score(data.x)
    weights = torch.linalg.lstsq(
        torch.cat([z, torch.ones(len(z), 1)], 1), y_score[:, None]
    ).solution[:-1, 0]
    gradient = z.T @ (torch.sigmoid(y_score) - data.y_true) + weights
    assert gradient.abs().max() < 0.05


def test_threshold_of_scikit_learn_is_the_results_own_and_parts_the_classes():
    data = draw_rows()
    f1, auc = fit(LOGISTIC, [F1, AUC], data=data)
    assert auc.threshold is None
    y_pred = f1.score(data.x) >= f1.threshold
    both, found = int((y_pred & (data.y_true == 1)).sum()), int(y_pred.sum())
    assert 1 - 2 * both / (found + int(data.y_true.sum())) < 0.2


def test_threshold_of_scikit_learn_follows_the_metric():
    def misses_cost_more(y_true, y_pred):
        return 20 * ((y_true == 1) & (y_pred == 0)).sum() + (y_pred > y_true).sum()

    overlapping = draw_rows()
    overlapping.x[:, 0] -= 3.0 * overlapping.y_true
    costs = as_true_loss(misses_cost_more, greater_is_better=False)
    wary, balanced = fit(
        LOGISTIC, [costs, get_true_loss("error_rate")], data=overlapping
    )
    assert wary.threshold < balanced.threshold


def test_logistic_regression_does_without_a_threshold_where_no_folds_are_left():
    data = draw_rows()
    y_true = torch.zeros_like(data.y_true)
    y_true[0] = 1
    (result,) = fit(LOGISTIC, [F1], data=data._replace(y_true=y_true))
    assert result.threshold is None


def test_aucm_is_the_min_max_loss_of_its_paper():
    pytest.importorskip("libauc.losses.auc")
    loss, _, _ = make_aucm(Linear(4), draw_rows(), 0.1)
    y_true, y_score = [1, 0, 0, 0], [0.3, -0.2, 1.0, 0.0]
    got = loss(torch.tensor(y_true), torch.tensor(y_score), torch.arange(4))
    # Yuan et al., Eq. 7, at a = b = alpha = 0; p is the share of positives
    p = 1 / 4
    squares = [
        (1 - p if y == 1 else p) / (1 + math.exp(-s)) ** 2
        for y, s in zip(y_true, y_score, strict=True)
    ]
    assert got.item() == pytest.approx(sum(squares) / 4)


def test_ap_loss_remembers_rows_by_their_number():
    pytest.importorskip("libauc.losses.auc")
    y_true = torch.tensor([1, 1, 0, 0])
    y_score = torch.tensor([0.5, -0.5, 0.2, -0.2], requires_grad=True)

    def slopes(second_rows):
        loss, _, _ = make_ap(Linear(4), draw_rows(), 0.1)
        loss(y_true, -y_score, torch.tensor([0, 1, 2, 3]))
        value = loss(y_true, y_score, torch.tensor(second_rows))
        return torch.autograd.grad(value, y_score)[0]

    assert not torch.allclose(slopes([0, 1, 2, 3]), slopes([4, 5, 6, 7]))


def test_libauc_keeps_the_warm_up_where_its_own_steps_do_harm():
    pytest.importorskip("libauc.losses.auc")
    grid = ({"warm_up": 0.5, "lr": 1e6},)
    (result,) = fit(replace(AUCM, grid=grid))
    assert result.tried[0]["validation"] < 0.1


def test_smooth_ap_is_one_minus_the_ap_of_clear_rankings():
    pytest.importorskip("imbalanced_losses")
    y_true = torch.tensor([0, 1, 0, 1, 1])
    y_score = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])
    # the positives stand second, fourth and fifth
    value = float(SmoothAPObjective(10)(Sets(y_true, y_score)))
    assert value == pytest.approx(1 - (1 / 2 + 2 / 4 + 3 / 5) / 3, abs=1e-3)


def test_smooth_ap_lowers_its_temperature_and_remembers_earlier_rows():
    pytest.importorskip("imbalanced_losses")
    y_true, y_score = torch.tensor([0, 1]), torch.tensor([0.02, 0.0])
    objective = SmoothAPObjective(1)
    values = [float(objective(Sets(y_true, y_score))) for _ in range(2)]
    # the negative stands above the positive by 0.4 of the temperature
    outranked = 1 / (1 + math.exp(-0.4))
    assert values[0] == pytest.approx(1 - 1 / (1 + outranked), abs=1e-5)
    # then by 4, and the earlier pair, whose positive ties, counts as well
    outranked = 1 / (1 + math.exp(-4))
    assert values[1] == pytest.approx(1 - 1.5 / (1.5 + 2 * outranked), abs=1e-5)


@pytest.mark.slow
def test_adversarial_loss_pulls_scores_toward_their_targets():
    pytest.importorskip("ap_perf.layer")
    y_true = torch.tensor([1, 0, 0, 1, 0, 0])
    for metric in ("f1_loss", "mcc_loss"):
        y_score = torch.zeros(6, requires_grad=True)
        AdversarialObjective(metric)(Sets(y_true, y_score)).sum().backward()
        assert bool((y_score.grad[y_true == 1] < 0).all())
        assert bool((y_score.grad[y_true == 0] > 0).all())


@pytest.mark.slow
def test_adversarial_training_takes_only_the_steps_there_is_time_for():
    def steps(max_seconds):
        within = AsManySteps(batch_size=12, max_seconds=max_seconds)
        return fit(replace(AP_PERF, within=within))[0].iterations

    assert steps(1e-6) == BUDGET.model_steps
    assert steps(1e6) == 6 * BUDGET.model_steps


def test_adversarial_loss_turns_down_other_metrics():
    with pytest.raises(ValueError, match=r"`metric` must be one of .* got 'kappa'"):
        AdversarialObjective("kappa")


def test_choice_is_up_to_each_loss_and_nan_counts_as_worst():
    data = draw_rows()
    signal = data.x_valid[:, 0]

    def broken(x):
        return torch.full((len(x),), math.nan)

    candidates = [
        Candidate({"which": "broken"}, broken, 1),
        Candidate({"which": "good"}, lambda _: signal, 2),
        Candidate({"which": "equal"}, lambda _: signal, 3),
        Candidate({"which": "bad"}, lambda _: -signal, 4),
    ]
    (result,) = choose([AUC], candidates, data)
    assert (result.setting, result.iterations) == ({"which": "good"}, 2)
    assert math.isnan(result.tried[0]["validation"])


def test_peers_have_names_of_their_own_and_none_is_missing_here():
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
    assert list(available_peers()) == names


def test_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    def find_nothing(module):
        raise ModuleNotFoundError(f"No module named {module!r}")

    monkeypatch.setattr(packages, "import_module", find_nothing)
    with pytest.raises(ImportError, match=r"`xgboost`.*losslearn-bench\[peers\]"):
        load("xgboost")
    with pytest.raises(ImportError, match=r"--no-deps libauc==2\.0\.1"):
        AUCM.fit(draw_rows(), [AUC], tier="linear", budget=BUDGET, seed=0)
    missing = available_peers()
    assert missing["logistic_tuned"] is None
    assert "No module named" in missing["lightgbm"]
    importlib.invalidate_caches()


def test_rates_of_peers_that_go_by_adam_follow_the_budget():
    for method in (AP_SOAP, SMOOTH_AP, AP_PERF):
        assert all(LR_FACTOR in setting for setting in method.grid)
