"""The default fit on covtype, until it is as good as its control.

    taskset -c 0 python bench/studies/whole_fit.py --data-dir DIR

`SurrogateClassifier` trains both methods side by side, with all 464,809 training rows
and the same model, batches and steps. For each loss and seed: how long the control
takes for all its steps, and how long the surrogate's branch takes until its validation
loss is at or below the control's best. One thread; writes `results/whole_fit.json`.
"""

import argparse
import json
import sys
from itertools import product

import torch
from shared import DATA_DIR, write
from sklearn.model_selection import train_test_split
from timing import hardware, make_parser

from losslearn import Recipe, SurrogateClassifier
from losslearn_bench.datasets import load_dataset

METRICS = ("roc_auc", "average_precision", "f1", "error_rate")
REPLAYS = (4, 1)
"""How often a set is fitted: the default, and each set once."""
SEEDS = (0, 1, 2)


def measure(
    options: argparse.Namespace, metric: str, replay: int, seed: int
) -> dict[str, object]:
    """Fit once and compare the two branches' times."""
    data = load_dataset(options.dataset, data_dir=options.data_dir)
    x, _, y, _ = train_test_split(
        data.x, data.y, test_size=0.2, stratify=data.y, random_state=0
    )
    recipe = Recipe(max_iter=options.max_iter, replay=replay)
    given = {"model": options.model, "recipe": recipe, "random_state": seed}
    fitted = SurrogateClassifier(metric, **given).fit(x, y)
    ours, theirs = (
        [look for look in fitted.history_ if look["method"] == method]
        for method in ("surrogate", "cross_entropy")
    )
    best = min(look["validation_loss"] for look in theirs)
    control, seconds = (max(one["seconds"] for one in of) for of in (theirs, ours))
    reached = [look["seconds"] for look in ours if look["validation_loss"] <= best]
    return {
        "dataset": options.dataset,
        "metric": metric,
        "replay": replay,
        "seed": seed,
        "model": options.model,
        "rows": len(x),
        "max_iter": options.max_iter,
        "control_seconds": control,
        "surrogate_seconds": seconds,
        "ratio": seconds / control,
        "control_best": best,
        "surrogate_best": min(look["validation_loss"] for look in ours),
        "seconds_to_control_best": min(reached) if reached else None,
        "ratio_to_control_best": min(reached) / control if reached else None,
    }


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    options = make_parser(
        __doc__,
        "whole_fit.json",
        max_iter=2_000,
        dataset="covtype",
        metric={"action": "append", "choices": METRICS},
        replay={"type": int, "action": "append"},
        seed={"type": int, "action": "append"},
        model={"default": "mlp", "choices": ("mlp", "linear")},
        data_dir=DATA_DIR,
    ).parse_args(args)
    torch.set_num_threads(1)
    lines = []
    for seed, metric, replay in product(
        options.seed or SEEDS, options.metric or METRICS, options.replay or REPLAYS
    ):
        line = measure(options, metric, replay, seed)
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        lines.append(line)
    write(options.out, {"hardware": hardware(), "fits": lines})


if __name__ == "__main__":
    main()
