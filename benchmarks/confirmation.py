"""The default fit on splits that its recipe was not tuned on.

    python benchmarks/confirmation.py --data-dir DIR

Repetitions 3 to 7 of the benchmark's random splits; the recipe was tuned on 0 to 2.
Every method has the same model, batches, steps, schedule and size of tuning grid, and
at most 20,000 training rows; thresholds and settings come from validation rows. It can
be stopped and goes on where it stopped. Writes one table a tier and the lines under
`results/confirmation/`.
"""

import argparse
import os
import statistics
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from losslearn.benchmark.cells import Grid
from losslearn.benchmark.local import LocalBackend
from losslearn.benchmark.presets import HONEST_METRICS, make_grid
from losslearn.benchmark.registry import HAND_MADE
from losslearn.benchmark.results import LINES, ResultsFile
from losslearn.benchmark.running import Progress, run_grid
from losslearn.benchmark.tables.entries import Entry, best_by_validation, collect
from losslearn.benchmark.tables.entries import compare as judge
from losslearn.benchmark.tables.outcomes import is_hand_made

RESULTS = Path(__file__).parent / "results" / "confirmation"
OURS, CONTROL = "default_fit", "cross_entropy"
BEST = "the best hand-made loss of each cell by validation loss"
FIRST, REPETITIONS = 3, 5
METRICS = (*HONEST_METRICS, "mcc_loss")
TIERS = ("linear", "mlp")


def make_grids() -> list[Grid]:
    """Return what runs; the dear ones last, a repetition at a time."""
    honest = make_grid("honest")
    whole = replace(
        honest,
        datasets=tuple(name for name in honest.datasets if name != "santander"),
        metrics=METRICS,
        repetitions=REPETITIONS,
        first_repetition=FIRST,
        only=None,
    )
    others = tuple(
        method.name
        for method in HAND_MADE
        if method.name not in (CONTROL, "evolution_strategies")
    )
    return [
        replace(whole, methods=(CONTROL, OURS), tiers=("linear",)),
        replace(whole, methods=others, tiers=("linear",)),
        *(
            replace(whole, methods=(CONTROL, OURS), tiers=("mlp",), repetitions=n)
            for n in range(1, REPETITIONS + 1)
        ),
    ]


def _place(verdict: str, ours: Entry, theirs: Entry) -> str:
    gap = statistics.fmean(ours.test.values()) - statistics.fmean(theirs.test.values())
    return verdict if verdict != "tie" else f"tie ({gap:+.4f})"


def _mean(entry: Entry) -> str:
    values = list(entry.test.values())
    mean = f"{statistics.fmean(values):.4f}"
    return f"{mean} ± {statistics.stdev(values):.4f}" if len(values) > 1 else mean


def make_table(results: ResultsFile, tier: str) -> str:
    """Return the table of a tier in Markdown."""
    entries = {
        key: entry
        for key, entry in collect(results.lines()).items()
        if key.tier == tier and entry.n
    }
    rows = [
        "| data | metric | splits | default fit | cross-entropy | | best hand-made | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    counts: dict[str, Counter[str]] = {CONTROL: Counter(), BEST: Counter()}
    by_metric: dict[str, Counter[str]] = {}
    for key, ours in entries.items():
        control = entries.get(key._replace(method=CONTROL))
        if key.method != OURS or control is None:
            continue
        verdict = judge(ours, control)
        counts[CONTROL][verdict] += 1
        by_metric.setdefault(key.metric, Counter())[verdict] += 1
        rivals = {
            other.method: entry
            for other, entry in entries.items()
            if (other.dataset, other.metric) == (key.dataset, key.metric)
            and is_hand_made(other.method)
            and entry.n == ours.n
        }
        best = best_by_validation(rivals) if len(rivals) > 1 else None
        hand_made = "| |"
        if best is not None:
            against = judge(ours, rivals[best])
            counts[BEST][against] += 1
            hand_made = (
                f"{_mean(rivals[best])} ({best}) | "
                f"{_place(against, ours, rivals[best])} |"
            )
        rows.append(
            f"| {key.dataset} | {key.metric} | {ours.n} | {_mean(ours)} | "
            f"{_mean(control)} | {_place(verdict, ours, control)} | {hand_made}"
        )
    summary = [
        f"Against {name}: {count['win']} wins, {count['tie']} ties, {count['loss']} "
        "losses."
        for name, count in counts.items()
        if count
    ]
    by_loss = "; ".join(
        f"{name} {count['win']} / {count['tie']} / {count['loss']}"
        for name, count in by_metric.items()
    )
    return "\n\n".join(
        [
            f"# The default fit, {tier} tier",
            "Test losses, mean ± deviation over the splits; a verdict is a corrected "
            "resampled t-test at 5 %.",
            *summary,
            f"By loss, wins / ties / losses against cross-entropy: {by_loss}.",
            "\n".join(rows),
            "",
        ]
    )


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tier", choices=TIERS, help="run this one alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--data-dir", type=Path, default=os.getenv("LOSSLEARN_DATA"))
    parser.add_argument("--tables-only", action="store_true", help="run nothing")
    options = parser.parse_args(args)
    options.out.mkdir(parents=True, exist_ok=True)
    results = ResultsFile(options.out / LINES)

    def watch(progress: Progress) -> None:
        if progress.latest is not None and progress.latest.error is not None:
            sys.stderr.write(f"{progress.latest.job.name}: {progress.latest.error}\n")
        sys.stderr.write(f"\r{progress.n_done} of {progress.n_cells} cells ")

    if not options.tables_only:
        with LocalBackend(options.jobs) as backend:
            for grid in make_grids():
                if options.tier not in (None, *grid.tiers):
                    continue
                data_dir = options.data_dir and Path(options.data_dir)
                run_grid(grid, results, backend, data_dir=data_dir, watch=watch)
    for tier in TIERS:
        table = make_table(results, tier)
        (options.out / f"{tier}.md").write_text(table)
        sys.stdout.write(table)


if __name__ == "__main__":
    main()
