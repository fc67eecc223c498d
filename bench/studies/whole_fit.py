"""The default fit on covtype, until it is as good as its control.

    taskset -c 0 python bench/studies/whole_fit.py --data-dir DIR

`SurrogateClassifier` trains both methods side by side, with all 464,809 training rows
and the same model, batches and steps. For each loss and seed: how long the control
takes for all its steps, and how long the surrogate's branch takes until its validation
loss is at or below the control's best. One thread; writes `results/whole_fit.json`.
"""

import json
import os
import sys
from itertools import product
from pathlib import Path

import torch
from sklearn.model_selection import train_test_split
from timing import hardware, make_parser, write

from losslearn import Recipe, SurrogateClassifier
from losslearn_bench.datasets import load_dataset

METRICS = ("roc_auc", "average_precision", "f1", "error_rate")
REPLAYS = (4, 1)
"""How often a set is fitted: the default, and each set once."""
SEEDS = (0, 1, 2)


def measure(
    dataset: str,
    metric: str,
    *,
    replay: int,
    seed: int,
    model: str,
    max_iter: int,
    data_dir: Path | None,
) -> dict[str, object]:
    """Fit once and compare the two branches' times."""
    data = load_dataset(dataset, data_dir=data_dir)
    x, _, y, _ = train_test_split(
        data.x, data.y, test_size=0.2, stratify=data.y, random_state=0
    )
    fitted = SurrogateClassifier(
        metric,
        model=model,
        recipe=Recipe(max_iter=max_iter, replay=replay),
        random_state=seed,
    ).fit(x, y)
    looks = {
        method: [look for look in fitted.history_ if look["method"] == method]
        for method in ("surrogate", "cross_entropy")
    }
    best = min(look["validation_loss"] for look in looks["cross_entropy"])
    control = max(look["seconds"] for look in looks["cross_entropy"])
    reached = [
        look["seconds"]
        for look in looks["surrogate"]
        if look["validation_loss"] <= best
    ]
    ours = max(look["seconds"] for look in looks["surrogate"])
    return {
        "dataset": dataset,
        "metric": metric,
        "replay": replay,
        "seed": seed,
        "model": model,
        "rows": len(x),
        "max_iter": max_iter,
        "control_seconds": control,
        "surrogate_seconds": ours,
        "ratio": ours / control,
        "control_best": best,
        "surrogate_best": min(look["validation_loss"] for look in looks["surrogate"]),
        "seconds_to_control_best": min(reached) if reached else None,
        "ratio_to_control_best": min(reached) / control if reached else None,
    }


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    parser = make_parser(__doc__, "whole_fit.json", max_iter=2_000)
    parser.add_argument("--dataset", default="covtype")
    parser.add_argument("--metric", action="append", choices=METRICS)
    parser.add_argument("--replay", type=int, action="append")
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--model", default="mlp", choices=("mlp", "linear"))
    parser.add_argument("--data-dir", type=Path, default=os.getenv("LOSSLEARN_DATA"))
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    lines = []
    for seed, metric, replay in product(
        options.seed or SEEDS, options.metric or METRICS, options.replay or REPLAYS
    ):
        line = measure(
            options.dataset,
            metric,
            replay=replay,
            seed=seed,
            model=options.model,
            max_iter=options.max_iter,
            data_dir=options.data_dir,
        )
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        lines.append(line)
    write(options.out, {"hardware": hardware(), "fits": lines})


if __name__ == "__main__":
    main()
