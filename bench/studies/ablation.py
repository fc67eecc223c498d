"""The default recipe with one ingredient taken out at a time.

    python bench/studies/ablation.py --data-dir DIR

Four data sets, three metrics, a linear model and the MLP, on splits that the recipe was
tuned on, each set fitted once (`replay=1`); every ingredient is taken out of otherwise
the same fit, with the same seed, batches and steps. The table gives the mean change of
the test loss against the whole recipe: of the surrogate's branch, and of what the user
gets (the branch that is chosen by validation rows). Goes on where it stopped; lines and
table are written under `results/`.
"""

import statistics
from pathlib import Path

from variants import KEY, Line, make_parser, read_lines, report, run_grid

RESULTS = Path(__file__).parents[1] / "results" / "ablation.jsonl"
DATA = ("ijcnn1", "covtype", "a9a", "keel_page_blocks0")
METRICS = ("f1", "error_rate", "average_precision")
MODELS = ("linear", "mlp")
SEEDS, MAX_ITER, MAX_ROWS = 2, 500, 20_000
INGREDIENTS = {
    "a universal surrogate to start from": "mode=scratch",
    "standardised scores": "standardize=false",
    "several sets in an update": "n_sets=1",
    "at least eight rows of a class in a set": "min_per_class=1",
    "noise on the scores": "perturbation=0",
    "a warm-up by cross-entropy": "warm_up=0",
    "a surrogate fitted before it is followed": "catch_up=0",
    "cross-entropy beside the learned loss": "cross_entropy_weight=0,adaptive=false",
    "weights that adapt": "adaptive=false",
    "rounds that may be given up": "rounds=1",
    "the learning rate's decay (of both branches)": 'schedule="constant"',
    "all of these but the decay": (
        "mode=scratch,standardize=false,n_sets=1,min_per_class=1,perturbation=0,"
        "warm_up=0,catch_up=0,cross_entropy_weight=0,adaptive=false,rounds=1"
    ),
}
"""What is taken out, and the settings that do it."""


def name_variant(model: str, changes: str = "") -> str:
    """Return the variant of `variants.py` that fits a model with changed settings."""
    return ",".join(filter(None, (f"model={model}", "replay=1", changes)))


def make_cells() -> list[Line]:
    """Return what runs, a seed at a time."""
    variants = [
        name_variant(model, changes)
        for model in MODELS
        for changes in ("", *INGREDIENTS.values())
    ]
    return [
        dict(zip(KEY, (data, metric, variant, seed, MAX_ITER, MAX_ROWS), strict=True))
        for seed in range(SEEDS)
        for variant in variants
        for data in DATA
        for metric in METRICS
    ]


def make_table(lines: list[Line]) -> str:
    """Return the mean changes of each model in Markdown."""
    by_cell = {tuple(line[name] for name in KEY): line for line in lines}
    heads = [
        f"{model}: {what}"
        for model in MODELS
        for what in ("branch", "worse in", "chosen", "worse in")
    ]
    rows = [
        f"| taken out | {' | '.join(heads)} |",
        "| --- |" + " --- |" * len(heads),
    ]
    for ingredient, changes in INGREDIENTS.items():
        entries = []
        for model in MODELS:
            variant = name_variant(model, changes)
            pairs = [
                (line, by_cell.get((*key[:2], name_variant(model), *key[3:])))
                for key, line in by_cell.items()
                if key[2] == variant
            ]
            entries += _changes(pairs, "surrogate") + _changes(pairs, "chosen")
        rows.append(f"| {ingredient} | {' | '.join(entries)} |")
    return "\n".join(rows) + "\n"


def _changes(pairs: list[tuple[Line, Line | None]], branch: str) -> list[str]:
    """Return the mean change of the test loss in percent, and how often it rose."""
    changes = [
        line[branch]["test"] / whole[branch]["test"] - 1
        for line, whole in pairs
        if whole is not None
    ]
    if not changes:
        return ["", ""]
    error = 0.0
    if len(changes) > 1:
        error = statistics.stdev(changes) / len(changes) ** 0.5
    ties = sum(change == 0 for change in changes)
    return [
        f"{100 * statistics.fmean(changes):+.1f} ± {100 * error:.1f} %",
        f"{sum(change > 0 for change in changes)} of {len(changes)}"
        + (f", {ties} equal" if ties else ""),
    ]


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    options = make_parser(__doc__, RESULTS).parse_args(args)
    run_grid(make_cells(), options)
    table = make_table(read_lines(options.results))
    heading = (
        "# Each ingredient taken out\n\n"
        f"Mean change of the test loss ± its standard error over {len(DATA)} data "
        f"sets, {len(METRICS)} metrics and {SEEDS} split(s); {MAX_ITER} iterations, at "
        f"most {MAX_ROWS:,} training rows. Made by `python bench/studies/ablation.py`.\n\n"
    )
    report(table, options.results, heading=heading)


if __name__ == "__main__":
    main()
