"""The default recipe with one ingredient taken out at a time.

    python bench/studies/ablation.py --data-dir DIR

Four data sets, three metrics, a linear model and the MLP, on splits that the recipe was
tuned on, each set fitted once (`replay=1`); every ingredient is taken out of otherwise
the same fit, with the same seed, batches and steps. The table gives the mean change of
the test loss against the whole recipe: of the surrogate's branch, and of what the user
gets (the branch that is chosen by validation rows). Goes on where it stopped; lines and
table are written under `results/`.
"""

from itertools import product

from fits import Line, make_cells, make_parser, run_grid
from shared import report
from variants import KEY, run_cell

from losslearn_bench.tables.markdown import how_many, markdown_table, mean_and_error

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


def make_table(lines: list[Line]) -> str:
    """Return the mean changes of each model in Markdown."""
    cells = {tuple(line[name] for name in KEY): line for line in lines}
    place = KEY.index("variant")
    rows = []
    for ingredient, changes in INGREDIENTS.items():
        entries = [ingredient]
        for model in MODELS:
            variant, whole = name_variant(model, changes), name_variant(model)
            pairs = [
                (line, other)
                for key, line in cells.items()
                if key[place] == variant
                and (other := cells.get((*key[:place], whole, *key[place + 1 :])))
            ]
            for branch in ("surrogate", "chosen"):
                tests = [(a[branch]["test"], b[branch]["test"]) for a, b in pairs]
                entries += _change([100 * (one / full - 1) for one, full in tests])
        rows.append(entries)
    heads = ("branch", "worse in", "chosen", "worse in")
    columns = [f"{model}: {what}" for model in MODELS for what in heads]
    return markdown_table(["taken out", *columns], rows)


def _change(changes: list[float]) -> list[str]:
    """Return the mean change of the test loss in percent, and how often it rose."""
    if not changes:
        return ["", ""]
    mean = mean_and_error(changes, form="+.1f", unit=" %")
    return [mean, how_many(changes, lower=False)]


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print and write the table."""
    options = make_parser(__doc__, "ablation.jsonl").parse_args(args)
    changed = product(MODELS, ("", *INGREDIENTS.values()))
    variants = [name_variant(model, changes) for model, changes in changed]
    limits = ([MAX_ITER], [MAX_ROWS])
    cells = [
        cell
        for seed, variant in product(range(SEEDS), variants)
        for cell in make_cells(KEY, [seed], DATA, METRICS, [variant], *limits)
    ]
    table = make_table(run_grid(cells, options, run_cell))
    heading = (
        "# Each ingredient taken out\n\n"
        f"Mean change of the test loss ± its standard error over {len(DATA)} data "
        f"sets, {len(METRICS)} metrics and {SEEDS} split(s); {MAX_ITER} iterations, at "
        f"most {MAX_ROWS:,} training rows. Made by `bench/studies/ablation.py`.\n\n"
    )
    report(table, options.results, heading=heading)


if __name__ == "__main__":
    main()
