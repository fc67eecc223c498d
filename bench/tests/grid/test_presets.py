from dataclasses import replace

import pytest

from losslearn.training.recipe import PAPER, Recipe
from losslearn_bench.datasets import DATASETS
from losslearn_bench.grid.cells import Cell, Grid, make_jobs
from losslearn_bench.grid.methods import CRITERION, HAND_MADE, METHODS, SURROGATES
from losslearn_bench.grid.presets import (
    KEEL_DATASETS,
    PAPER_DATASETS,
    PAPER_METRICS,
    TABLE_3,
    make_grid,
)
from losslearn_bench.harness.budget import Budget


def test_table_2_has_three_variants_of_seven_losses_on_nine_data_sets():
    cells = make_grid("table2").cells()
    assert len(cells) == len(set(cells)) == 3 * 7 * 9 * 3
    assert {cell.method for cell in cells} == {"sl_u", "sl_s", "sl_r"}
    assert {cell.metric for cell in cells} == set(PAPER_METRICS)
    assert {cell.tier for cell in cells} == {"mlp"}


def test_table_3_has_the_papers_contests():
    cells = make_grid("table3", repetitions=1).cells()
    assert {(cell.method, cell.metric) for cell in cells} == {
        (method, metric) for metric, own in TABLE_3.items() for method in own
    }
    assert len(cells) == 9 * 9


def test_the_honest_grid_has_every_data_set_and_no_network_in_the_tier_of_trees():
    cells = make_grid("honest").cells()
    assert {cell.dataset for cell in cells} == {*PAPER_DATASETS, *KEEL_DATASETS}
    trees = {cell.method for cell in cells if cell.tier == "trees"}
    assert trees == {"lightgbm", "xgboost"}
    assert "logistic_tuned" not in {cell.method for cell in cells if cell.tier == "mlp"}


def test_table_3_and_the_honest_table_share_their_cells():
    table3, honest = make_grid("table3"), make_grid("honest")
    assert table3.budget == honest.budget
    assert len(set(table3.cells()) & set(honest.cells())) > 100


def test_every_named_data_set_is_in_the_catalogue():
    assert {*PAPER_DATASETS, *KEEL_DATASETS} <= set(DATASETS)


def test_full_size_takes_all_rows_five_splits_and_the_default_recipe():
    grid = make_grid("honest", size="full")
    assert grid.repetitions == 5
    assert grid.budget.max_train_rows is None
    default = Recipe(model_lr=Recipe().rate, penalty=0.0)  # nothing is chosen within
    assert grid.budget.config({}) == replace(default, rounds=1)


def test_cells_of_one_training_make_one_job():
    grid = make_grid("honest", repetitions=1)
    jobs = make_jobs(grid.cells(), grid.budget)
    assert sorted(cell for job in jobs for cell in job.cells) == sorted(grid.cells())
    by_method = {job.cells[0].method: len(job.cells) for job in jobs}
    assert by_method["cross_entropy"] == 5
    assert by_method["sl_r"] == by_method["default_fit"] == 1


def test_the_honest_grid_measures_jaccard_where_it_is_trained_for():
    def measured(size):
        cells = make_grid("honest", size=size, repetitions=1).cells()
        return {cell.method for cell in cells if cell.metric == "jaccard_loss"}

    assert measured("capped") == {
        "default_fit",
        "sl_r",
        "criterion",
        "cross_entropy",
        "soft_jaccard",
        "lovasz_hinge",
        "lovasz_softmax",
    }
    assert {"soft_jaccard", "lightgbm", "evolution_strategies"} <= measured("full")


def test_every_method_has_a_cell_of_the_honest_grid_or_is_run_by_name():
    grid = make_grid("honest")
    run = {cell.method for cell in grid.cells()}
    assert run | {"sl_u", "sl_s", "ap_perf"} == set(METHODS)


def test_the_smoke_grid_has_every_loss_that_ships_in_both_tiers():
    cells = make_grid("smoke").cells()
    ours = {method.name for method in (*HAND_MADE, *SURROGATES, CRITERION)}
    for tier in ("linear", "mlp"):
        assert {cell.method for cell in cells if cell.tier == tier} == ours
    assert len({cell.dataset for cell in cells}) == 2
    trainings = make_jobs(cells, make_grid("smoke").budget)
    assert len(trainings) == (2 * len(ours) + 1) * 2 * 2


def test_jobs_of_other_presets_that_train_the_same_have_the_same_group():
    table3, honest = (make_grid(name, repetitions=1) for name in ("table3", "honest"))
    found = [
        {
            job.group
            for job in make_jobs(grid.cells(), grid.budget)
            if job.cells[0][:3] == ("a9a", "mlp", "cross_entropy")
        }
        for grid in (table3, honest)
    ]
    assert found[0] == found[1]


def test_a_metric_may_be_named_by_an_alias():
    grid = Grid(
        datasets=("a9a",),
        tiers=("mlp",),
        methods=("sl_r",),
        metrics=("AUC",),
        repetitions=1,
        budget=Budget(),
    )
    assert grid.cells() == [Cell("a9a", "mlp", "sl_r", "roc_auc_loss", 0)]


def test_the_papers_protocol_takes_the_papers_algorithm():
    config = Budget(protocol="paper", max_iter=7).config({"mode": "scratch"})
    assert (config.mode, config.max_iter) == ("scratch", 7)
    for name in (
        "strata_shares",
        "weigh_back",
        "standardize",
        "perturbation",
        "warm_up",
        "usual_weight",
        "n_sets",
        "surrogate_steps",
    ):
        assert getattr(config, name) == getattr(PAPER, name)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"protocol": "mine"}, "`protocol` must be one of"),
        ({"tuning": "some"}, "`tuning` must be one of"),
        ({"max_train_rows": 3}, "`max_train_rows` must be at least 10"),
        ({"n_settings": 0}, "`n_settings` must be at least 1"),
        ({"short_share": 0.0}, "`short_share` in"),
        ({"max_iter": 0}, "`max_iter` must be at least 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_budget_that_cannot_be_run_is_an_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        Budget(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"repetitions": 0}, "`repetitions` must be at least 1"),
        ({"methods": ("sl_x",)}, "Unknown method 'sl_x'"),
        ({"metrics": ("f2score",)}, "Unknown metric `f2score`"),
    ],
    ids=["repetitions", "method", "metric"],
)
def test_a_grid_of_unknown_things_is_an_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(make_grid("honest"), **wrong)


def test_an_unknown_preset_is_an_error():
    with pytest.raises(ValueError, match="`preset` must be one of"):
        make_grid("table4")
