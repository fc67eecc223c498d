"""One change of the recipe at a time: the same fits, paired by seed.

    python bench/studies/variants.py --variant "" --variant replay=1 --data ijcnn1

A variant is settings of `Recipe` joined by commas, `model=linear|mlp|module`
among them: "module" is the same MLP as anybody's own network, which trains by
PyTorch alone. Every cell (data, metric, variant, seed) trains the surrogate's branch
and its cross-entropy control by `losslearn.training.comparison` and becomes one line;
what has a line is not run again. The table sets each variant beside the first one: mean
test loss of either branch, difference with its standard error over seeds, and for how
many seeds it is worse. Thresholds come from validation rows. With `--before`, lines of
the same cells by another checkout, a second table says what changed between the two.
"""

import argparse
import itertools
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

from fits import (
    BRANCHES,
    Line,
    build_kind,
    fit_branches,
    load,
    make_cells,
    make_parser,
    of_cells,
    run_grid,
    where,
)

from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.tables.markdown import how_many, markdown_table, mean_and_error
from losslearn_bench.tables.outcomes import order_of

KEY = ("seed", "data", "metric", "variant", "max_iter", "max_rows")


def parse(variant: str) -> dict[str, Any]:
    """Return the settings that a variant names."""
    pairs = [pair.split("=", 1) for pair in variant.split(",") if pair]
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    from losslearn.metrics import as_true_loss
    from losslearn.training.recipe import Recipe
    from losslearn_bench.harness.budget import renamed

    settings = parse(cell["variant"])
    kind = settings.pop("model", "mlp")
    config = Recipe(**{"max_iter": cell["max_iter"], **renamed(settings)})
    rows = load(cell["data"], cell["seed"], cell["max_rows"], data_dir)
    make_model = partial(build_kind, kind, rows.data.x)
    true_loss = as_true_loss(cell["metric"])
    found = fit_branches(make_model, rows, true_loss, config, seed=cell["seed"])
    return {**cell, **found}


def make_table(lines: list[Line], args: argparse.Namespace) -> str:
    """Return the table of the cells asked for, in Markdown."""
    # lines of before there was a choice have no third branch
    branches = [name for name in BRANCHES if all(name in line for line in lines)]
    rows = []
    groups = itertools.product(args.data, args.metric, branches, args.variant)
    for data, metric, branch, variant in groups:
        own = where(lines, data=data, metric=metric)
        own.sort(key=lambda line: line["seed"])
        first, found = (
            [line[branch] for line in where(own, variant=name)]
            for name in (args.variant[0], variant)
        )
        gaps = [b["test"] - a["test"] for a, b in zip(first, found, strict=True)]
        test, cross_entropy, seconds = (
            statistics.fmean(line[name] for line in found)
            for name in ("test", "cross_entropy", "seconds")
        )
        row = [data, metric, variant or "default", branch, f"{test:.5f}"]
        row += [mean_and_error(gaps, form="+.5f"), how_many(gaps, lower=False)]
        rows.append([*row, f"{cross_entropy:.5f}", f"{seconds:.1f}"])
    head = ["data", "metric", "variant", "branch", "test loss"]
    head += ["minus the first variant's", "worse in"]
    return markdown_table([*head, "validation cross-entropy", "seconds"], rows)


def make_change_table(before: list[Line], after: list[Line]) -> str:
    """Return what became of each variant's test losses, over all its cells."""
    old = {tuple(line[name] for name in KEY): line for line in before}
    rows = []
    variants_of = dict.fromkeys(line["variant"] for line in after)
    for variant, branch in itertools.product(variants_of, BRANCHES):
        both = [
            (
                old[tuple(line[name] for name in KEY)][branch]["test"],
                line[branch]["test"],
            )
            for line in where(after, variant=variant)
        ]
        order = order_of([new - one for one, new in both])
        changes = [100 * (new / one - 1) for one, new in both if one > 0]
        change = mean_and_error(changes, form="+.2f", unit=" %")
        median = f"{statistics.median(changes):+.2f} %"
        rows.append([variant or "default", branch, str(order), change, median])
    head = ["variant", "branch", "lower / equal / higher", "mean change", "median"]
    return markdown_table(head, rows)


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then print the table."""
    parser = make_parser(
        __doc__,
        "variants.jsonl",
        data={"action": "append", "required": True},
        metric={"action": "append"},
        variant={"action": "append", "required": True},
        seeds={"type": int, "default": 5, "help": "each its own split"},
        max_iter={"type": int, "default": 500},
        max_rows={"type": int, "help": "of training"},
        before={"type": Path, "help": "lines of another checkout"},
    )
    options = parser.parse_args(args)
    options.metric = options.metric or ["roc_auc"]
    axes = (range(options.seeds), options.data, options.metric, options.variant)
    cells = make_cells(KEY, *axes, [options.max_iter], [options.max_rows])
    shown = of_cells(run_grid(cells, options, run_cell), cells)
    tables = [make_table(shown, options)]
    if options.before is not None:
        tables.append(make_change_table(JsonLines(options.before).read(), shown))
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
