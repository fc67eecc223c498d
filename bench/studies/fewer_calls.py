"""A metric that takes one set a call, called four times less often by `replay`.

    python bench/studies/fewer_calls.py --data-dir DIR

The default recipe (linear model, fewer iterations) with scikit-learn's
`average_precision_score` as the user's own metric, once with each set fitted in one
turn and once in four. For each data set and split: how often the metric was called in
training, the seconds of the surrogate's branch, and the test loss of its best weights.
Writes `results/fewer_calls.json`.
"""

import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from shared import DATA_DIR, write
from sklearn.metrics import average_precision_score
from timing import hardware, make_parser

from losslearn import Recipe, SurrogateClassifier
from losslearn.metrics import Sets, as_true_loss
from losslearn_bench.harness.rows import load_rows

DATASETS = ("ijcnn1", "covtype", "skin")


def measure(
    dataset: str, split: int, replay: int, *, max_iter: int, data_dir: Path | None
) -> dict[str, object]:
    """Fit once and count the calls."""
    rows = load_rows(dataset, split, max_train_rows=20_000, data_dir=data_dir)
    data, test = rows.data, rows.test
    n_calls = 0

    def counted(y_true: np.ndarray, y_score: np.ndarray) -> float:
        nonlocal n_calls
        n_calls += 1
        return float(average_precision_score(y_true, y_score))

    classifier = SurrogateClassifier(
        counted,
        greater_is_better=True,
        response_method="decision_function",
        model="linear",
        recipe=Recipe(max_iter=max_iter, replay=replay),
        random_state=split,
    )
    # few rows to choose by, so that what is counted are the calls of the training
    x, y, x_valid, y_valid = (part.numpy() for part in data[:4])
    classifier.fit(x, y, X_valid=x_valid, y_valid=y_valid)
    true_loss = as_true_loss("average_precision")
    losses = {
        name: float(true_loss(Sets(test.y_true, torch.from_numpy(score))))
        for name, score in classifier.method_scores(test.x.numpy()).items()
    }
    results = classifier.report_["results"]
    seconds = {line["method"]: line["seconds"] for line in results}
    return {
        "dataset": dataset,
        "split": split,
        "replay": replay,
        "max_iter": max_iter,
        "calls": n_calls,
        "seconds": seconds["surrogate"],
        "control_seconds": seconds["cross_entropy"],
        **{f"{name}_test_loss": loss for name, loss in losses.items()},
    }


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    options = make_parser(
        __doc__,
        "fewer_calls.json",
        splits=3,
        max_iter=600,
        dataset={"action": "append"},
        data_dir=DATA_DIR,
    ).parse_args(args)
    torch.set_num_threads(1)
    lines = []
    datasets = options.dataset or DATASETS
    # the metric's universal surrogate is fitted at its first use, and cached
    measure(datasets[0], 0, 1, max_iter=2, data_dir=options.data_dir)
    for dataset in datasets:
        for replay in (1, 4):
            given = {"max_iter": options.max_iter, "data_dir": options.data_dir}
            splits = range(options.splits)
            found = [measure(dataset, split, replay, **given) for split in splits]
            lines += found
            calls, seconds, losses = (
                [line[name] for line in found]
                for name in ("calls", "seconds", "surrogate_test_loss")
            )
            sys.stdout.write(
                f"{dataset:10s} replay {replay}: {statistics.mean(calls):8.0f} calls "
                f"{statistics.mean(seconds):7.1f} s "
                f"test loss {statistics.mean(losses):.4f} "
                f"({', '.join(f'{loss:.4f}' for loss in losses)})\n"
            )
            sys.stdout.flush()
    write(options.out, {"hardware": hardware(), "fits": lines})


if __name__ == "__main__":
    main()
