"""`SurrogateLoss` against cross-entropy in a plain loop, by the size of the batch.

    python bench/studies/small_batches.py --data-dir DIR

Both have the same network, batches, steps, learning rates and looks at the validation
rows, which choose weights and threshold. Goes on where it stopped; prints the table and
writes `results/criterion/small_batches.md` and its lines.
"""

import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

from variants import Line, make_parser, read_lines, report, run_grid

RESULTS = Path(__file__).parents[1] / "results" / "criterion" / "small_batches.jsonl"
KEY = ("tier", "dataset", "batch", "seed")
BATCHES = (16, 32, 64, 256)
TASKS = (("linear", "ijcnn1"), ("mlp", "covtype"), ("mlp", "a9a"))
STEPS, LOOKS, LR, MAX_ROWS = 3_000, 20, 1e-2, 20_000


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Train by either criterion and return the F1 losses of the test rows."""
    import torch
    from torch import nn

    from losslearn import SurrogateLoss
    from losslearn.metrics import get_true_loss
    from losslearn.models.networks import build_model, score_rows
    from losslearn.tasks.thresholds import best_threshold, evaluate
    from losslearn_bench.datasets import load_dataset
    from losslearn_bench.harness.rows import training_data
    from losslearn_bench.harness.splits import split_rows

    torch.set_num_threads(1)
    tier, name, batch, seed = (cell[key] for key in KEY)
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
        **cell,
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
    for (tier, dataset), batch in itertools.product(TASKS, BATCHES):
        found = [
            line
            for line in lines
            if (line["tier"], line["dataset"], line["batch"]) == (tier, dataset, batch)
        ]
        if not found:
            continue
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
    """Run what is missing, then print and write the table."""
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument("--seeds", type=int, default=4, help="each its own split")
    options = parser.parse_args(args)
    cells = [
        dict(zip(KEY, (*task, batch, seed), strict=True))
        for task, batch, seed in itertools.product(TASKS, BATCHES, range(options.seeds))
    ]
    run_grid(cells, options, run=run_cell, key=KEY)
    report(make_table(read_lines(options.results)), options.results)


if __name__ == "__main__":
    main()
