"""`SurrogateLoss` against cross-entropy in a plain loop, by the size of the batch.

    python benchmarks/small_batches.py --data-dir DIR

Both have the same network, batches, steps, learning rates and looks at the validation
rows, which choose weights and threshold. Prints the table and writes
`results/criterion/small_batches.md` and its lines.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "criterion"
BATCHES = (16, 32, 64, 256)
TASKS = (("linear", "ijcnn1"), ("mlp", "covtype"), ("mlp", "a9a"))
STEPS, LOOKS, LR, MAX_ROWS = 3_000, 20, 1e-2, 20_000
Line = dict[str, Any]


def run_cell(tier: str, name: str, batch: int, seed: int, data_dir: str) -> Line:
    """Train by either criterion and return the F1 losses of the test rows."""
    import torch
    from torch import nn

    from losslearn import SurrogateLoss
    from losslearn.benchmark.harness import training_data
    from losslearn.benchmark.splits import split_rows
    from losslearn.datasets import load_dataset
    from losslearn.metrics import get_true_loss
    from losslearn.models import build_model, score_rows
    from losslearn.thresholds import best_threshold, evaluate

    torch.set_num_threads(1)
    dataset = load_dataset(name, data_dir=data_dir)
    split = split_rows(dataset.y, name, seed, max_train_rows=MAX_ROWS)
    data, f1 = training_data(dataset, split), get_true_loss("f1")
    x_test, y_test = (torch.from_numpy(a[split.test]) for a in (dataset.x, dataset.y))

    def batches(n: int) -> Iterator[torch.Tensor]:
        order = torch.Generator().manual_seed(seed)
        while True:
            yield from torch.randperm(n, generator=order).split(batch)

    def test_loss(criterion: nn.Module) -> float:
        torch.manual_seed(seed)
        model = build_model(tier, data.x)
        optimizer = torch.optim.Adam(model.parameters(), lr=LR)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        best, found = 2.0, float("nan")
        for step, rows in enumerate(
            itertools.islice(batches(len(data.x)), STEPS), start=1
        ):
            model.train()
            scores = model(data.x[rows]).flatten()
            loss = criterion(scores, data.y_true[rows].float())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if step % (STEPS // LOOKS):
                continue
            threshold, value = best_threshold(
                f1, data.y_valid, score_rows(model, data.x_valid)
            )
            if value < best:
                best = value
                y_score = score_rows(model, x_test)
                found = evaluate(f1, y_test, y_score, threshold=threshold)
        return found

    return {
        "tier": tier,
        "dataset": name,
        "batch": batch,
        "seed": seed,
        "criterion": test_loss(SurrogateLoss("f1", random_state=seed)),
        "cross_entropy": test_loss(nn.BCEWithLogitsLoss()),
    }


def make_table(lines: list[Line]) -> str:
    """Return means and differences in Markdown."""
    rows = [
        "| model | data | batch | F1 loss, criterion | cross-entropy | difference "
        "| lower in |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    groups = itertools.groupby(
        lines, key=lambda line: (line["tier"], line["dataset"], line["batch"])
    )
    for (tier, dataset, batch), group in groups:
        found = list(group)
        ours, theirs = (
            [line[name] for line in found] for name in ("criterion", "cross_entropy")
        )
        gaps = [one - other for one, other in zip(ours, theirs, strict=True)]
        error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
        rows.append(
            f"| {tier} | {dataset} | {batch} | {statistics.fmean(ours):.4f} | "
            f"{statistics.fmean(theirs):.4f} | {statistics.fmean(gaps):+.4f} ± "
            f"{error:.4f} | {sum(gap < 0 for gap in gaps)} of {len(gaps)} |"
        )
    return "\n".join(rows) + "\n"


def main(args: list[str] | None = None) -> None:
    """Run every cell, then write lines and table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="each its own split")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-dir", default=os.getenv("LOSSLEARN_DATA"))
    options = parser.parse_args(args)
    cells = itertools.product(TASKS, BATCHES, range(options.seeds))
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = [
            pool.submit(run_cell, *task, batch, seed, options.data_dir)
            for task, batch, seed in cells
        ]
        lines = [future.result() for future in futures]
    table = make_table(lines)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (RESULTS / "small_batches.jsonl").write_text(text)
    (RESULTS / "small_batches.md").write_text(table)
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
