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

from fits import Line, load, make_parser, run_grid, where
from shared import report

from losslearn_bench.tables.markdown import how_many, markdown_table, mean_and_error

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

    tier, name, batch, seed = (cell[key] for key in KEY)
    data, test, _, _ = load(name, seed, MAX_ROWS, data_dir)
    f1 = get_true_loss("f1")

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
        drawn = itertools.islice(batches(len(data.x)), STEPS)
        for step, rows in enumerate(drawn, start=1):
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
            y_score = score_rows(model, data.x_valid)
            threshold, value = best_threshold(f1, data.y_valid, y_score)
            if value < best:
                best = value
                y_score = score_rows(model, test.x)
                found = evaluate(f1, test.y_true, y_score, threshold=threshold)
        return found

    return {
        **cell,
        "criterion": test_loss(SurrogateLoss("f1", random_state=seed)),
        "cross_entropy": test_loss(nn.BCEWithLogitsLoss()),
    }


def make_table(lines: list[Line]) -> str:
    """Return means and differences in Markdown."""
    rows = []
    for (tier, dataset), batch in itertools.product(TASKS, BATCHES):
        found = where(lines, tier=tier, dataset=dataset, batch=batch)
        if not found:
            continue
        means = [
            f"{statistics.fmean(line[name] for line in found):.4f}"
            for name in ("criterion", "cross_entropy")
        ]
        gaps = [line["criterion"] - line["cross_entropy"] for line in found]
        change = [mean_and_error(gaps), how_many(gaps, lower=True)]
        rows.append([tier, dataset, str(batch), *means, *change])
    heads = ["model", "data", "batch", "F1 loss, criterion", "cross-entropy"]
    return markdown_table([*heads, "difference", "lower in"], rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    seeds = {"type": int, "default": 4, "help": "each its own split"}
    parser = make_parser(__doc__, "criterion/small_batches.jsonl", seeds=seeds)
    options = parser.parse_args(args)
    axes = itertools.product(TASKS, BATCHES, range(options.seeds))
    cells = [dict(zip(KEY, (*task, *rest), strict=True)) for task, *rest in axes]
    report(make_table(run_grid(cells, options, run_cell)), options.results)


if __name__ == "__main__":
    main()
