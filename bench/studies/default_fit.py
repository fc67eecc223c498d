"""The default fit beside its control, and beside penalised logistic regression.

    python bench/studies/default_fit.py --data-dir DIR [--model mlp]

Repetitions 3 to 7 of the benchmark's random splits; the recipe was tuned on 0 to 2. At
most 100,000 training rows, a fifth as many to choose by, a fifth of the rows to test.
`SurrogateClassifier` gets training and validation rows as one, all settings as they
come, and its control is its other branch: the same model by cross-entropy, penalised or
trained as long as was best, with a decision rule of its own. The logistic regression
(linear tier) has the C of the lowest log-loss in five folds of the same rows and the
rule that `losslearn.tune_decision` learns from the folds' probabilities. Writes lines,
the table and a figure of each tier below `results/default_fit/`; with `--docs` the
tables that the docs show are brought up to date.
"""

import argparse
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from fits import Line, load, make_cells, make_parser, mean_of, of_cells, run_grid, where
from numpy.typing import NDArray
from shared import RESULTS, put_table

from losslearn_bench.grid.presets import (
    HONEST_METRICS,
    KEEL_DATASETS,
    PAPER_DATASETS,
)
from losslearn_bench.tables.markdown import markdown_table
from losslearn_bench.tables.significance import (
    LEVEL,
    corrected_resampled_t_test,
    holm,
)

if TYPE_CHECKING:
    from losslearn.metrics import TrueLoss
    from losslearn_bench.harness.rows import HeldOut

Array = NDArray[Any]

KEY = ("seed", "data", "metric", "model")
DATA = (
    *(name for name in PAPER_DATASETS if name != "santander"),  # not to be had
    *KEEL_DATASETS,
    "higgs_sample",
)
METRICS = (*HONEST_METRICS, "mcc_loss")
MODELS = ("linear", "mlp")
SEEDS = range(3, 8)
AXES = {"data": DATA, "metric": METRICS, "model": MODELS}
RIVALS = {"control": "its control", "logistic": "penalised logistic regression"}
DOCS = tuple(
    RESULTS.parents[1] / page for page in ("README.md", "docs/when_it_helps.md")
)
"""Pages that show the tables."""
_MOST_ROWS = 100_000
_TEST_SHARE = 0.25
"""Test rows over rows learned from."""
_PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""C of logistic regression."""


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Fit once and return the line."""
    import torch

    from losslearn import SurrogateClassifier
    from losslearn.metrics import Sets

    rows = load(cell["data"], cell["seed"], _MOST_ROWS, data_dir)
    data = rows.data
    x = torch.cat([data.x, data.x_valid]).numpy()
    y = torch.cat([data.y_true, data.y_valid]).numpy()
    clf = SurrogateClassifier(
        cell["metric"], model=cell["model"], random_state=cell["seed"]
    )
    begin = time.perf_counter()
    with warnings.catch_warnings(action="ignore"):  # which the report says too
        clf.fit(x, y)
    seconds, target = time.perf_counter() - begin, rows.test.y_true.long()
    losses = {}
    for name, score in clf.method_scores(rows.test.x.numpy()).items():
        judge = clf.method_rules_[name].judged(clf.true_loss_)
        losses[name] = float(judge(Sets(target, torch.from_numpy(score))))
    report = clf.report_
    line = {
        **cell,
        "control": losses["cross_entropy"],
        "learned": losses["surrogate"],
        "in_use": losses[report["chosen"]],
        "chosen": report["chosen"],
        "validation": {one["role"]: one["validation"] for one in report["results"]},
        "rows": {**report["rows"], "test": len(target)},
        "folds": report["folds"],
        "settings": report["settings"],
        "seconds": round(seconds, 2),
    }
    if cell["model"] == "linear":
        begin = time.perf_counter()
        line["logistic"] = _logistic(clf.true_loss_, (x, y), rows.test)
        line["logistic_seconds"] = round(time.perf_counter() - begin, 2)
    return line


def _logistic(
    true_loss: "TrueLoss", fit: tuple[Array, Array], test: "HeldOut"
) -> float:
    """Return the test loss of penalised logistic regression with its best rule."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from losslearn import tune_decision
    from losslearn.metrics import Sets

    (x, y), folds = fit, StratifiedKFold(5, shuffle=True, random_state=0)
    found = []
    for penalty in _PENALTIES:
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=penalty, max_iter=1_000)
        )
        held_out = cross_val_predict(model, x, y, cv=folds, method="predict_proba")
        found.append((log_loss(y, held_out), model, held_out[:, 1]))
    _, model, held_out = min(found, key=lambda one: one[0])
    probability = torch.from_numpy(model.fit(x, y).predict_proba(test.x.numpy())[:, 1])
    target = test.y_true.long()
    if not true_loss.needs_rule:
        return float(true_loss(Sets(target, probability)))
    rule = tune_decision(y, held_out, true_loss)
    decided = torch.from_numpy(np.asarray(rule.decide(probability.numpy()), float))
    return float(true_loss.of_decisions()(Sets(target, decided)))


class Contrast(NamedTuple):
    """The default fit against a rival in a cell, over the splits."""

    model: str
    data: str
    metric: str
    rival: str
    gaps: list[float]

    @property
    def mean(self) -> float:
        """Below 0 where the default fit is better."""
        return statistics.fmean(self.gaps)

    @property
    def p_value(self) -> float:
        """Of the corrected resampled t-test; 1 where nothing differs."""
        if not any(self.gaps):
            return 1.0
        return corrected_resampled_t_test(self.gaps, test_share=_TEST_SHARE).p_value


def contrasts(lines: list[Line], model: str) -> list[Contrast]:
    """Return the default fit against each rival, cell by cell."""
    found = []
    for rival in RIVALS:
        for cell in make_cells(("data", "metric"), DATA, METRICS):
            own = [one for one in where(lines, model=model, **cell) if rival in one]
            gaps = [one["in_use"] - one[rival] for one in own]
            if len(gaps) > 1:
                found.append(Contrast(model, *cell.values(), rival, gaps))
    return found


def _counted(signs: list[int]) -> str:
    return " / ".join(str(sum(one == sign for one in signs)) for sign in (-1, 0, 1))


def _sign(value: float) -> int:
    return (value > 1e-9) - (value < -1e-9)


def make_summary(found: list[Contrast]) -> str:
    """Return wins, ties and losses of each metric in Markdown."""
    rows = []
    for model, rival in dict.fromkeys((one.model, one.rival) for one in found):
        own = [one for one in found if (one.model, one.rival) == (model, rival)]
        p_values = [one.p_value for one in own]
        signs, by_holm = (
            [_sign(one.mean) * (p < LEVEL) for one, p in zip(own, each, strict=True)]
            for each in (p_values, holm(p_values))
        )
        by_metric = [
            _counted([s for s, one in zip(signs, own, strict=True) if one.metric == m])
            for m in METRICS
        ]
        means = _counted([_sign(one.mean) for one in own])
        fits = _counted([_sign(gap) for one in own for gap in one.gaps])
        told = [*by_metric, f"**{_counted(signs)}**", _counted(by_holm), means, fits]
        rows.append([f"{model}, {RIVALS[rival]}", *told])
    heads = ["model, against", *METRICS, "all", "by Holm", "means", "fits"]
    return markdown_table(heads, rows)


def make_table(lines: list[Line], model: str) -> str:
    """Return the cells of a tier in Markdown."""
    found = {one[1:4]: one for one in contrasts(lines, model)}
    rivals = [rival for rival in RIVALS if any(key[2] == rival for key in found)]
    rows = []
    for cell in make_cells(("data", "metric"), DATA, METRICS):
        own = where(lines, model=model, **cell)
        if not own:
            continue
        told = [*cell.values(), str(len(own))]
        told += [_shown(own, name) for name in ("in_use", *rivals)]
        for rival in rivals:
            contrast = found.get((*cell.values(), rival))
            told.append("" if contrast is None else _said(contrast))
        n = sum(one["chosen"] == "surrogate" for one in own)
        rows.append([*told, f"{n} of {len(own)}"])
    heads = ["data", "metric", "splits", "in use", *rivals]
    heads += [f"in use - {rival}" for rival in rivals]
    return markdown_table([*heads, "learned is used"], rows)


def make_changed(lines: list[Line]) -> str:
    """Return, in Markdown, the cells that differ from the control."""
    rows = []
    for model in MODELS:
        for one in contrasts(lines, model):
            if one.rival != "control" or one.p_value >= LEVEL:
                continue
            own = where(lines, model=model, data=one.data, metric=one.metric)
            means = [mean_of(own, name) for name in ("in_use", *RIVALS)]
            n = sum(line["chosen"] == "surrogate" for line in own)
            rows.append(
                [f"{model}: {one.data}, {one.metric}", *means, f"{n} of {len(own)}"]
            )
    heads = ["where it differs", "in use", *RIVALS.values(), "learned is used"]
    return markdown_table(heads, rows)


def _shown(lines: list[Line], name: str) -> str:
    values = [line[name] for line in lines if name in line]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.4f} ± {spread:.4f}"


def _said(contrast: Contrast) -> str:
    is_told = contrast.p_value < LEVEL
    return f"{contrast.mean:+.4f}{' *' if is_told else ''}"


def draw(found: list[Contrast], lines: list[Line], path: Path, title: str) -> None:
    """Write the figure of a tier: the cells in which some fit changed anything.

    A dot is a split and a diamond their mean, blue for a win and red for a loss.
    """
    from losslearn.report.figures import new_figure, save_figure, tidy
    from losslearn.report.palette import BLUE, INK, VERMILION

    changed = [one for one in found if one.rival == "control" and any(one.gaps)]
    if not changed:
        return
    figure = new_figure(8, 1.0 + 0.19 * len(changed))
    ax = figure.subplots()
    for place, one in enumerate(reversed(changed)):
        own = where(lines, model=one.model, data=one.data, metric=one.metric)
        base = statistics.fmean(line["control"] for line in own) or 1.0
        changes = [100 * gap / base for gap in one.gaps]
        color = INK if one.p_value >= LEVEL else BLUE if one.mean < 0 else VERMILION
        ax.plot(changes, [place] * len(changes), "o", color=color, alpha=0.4)
        ax.plot(statistics.fmean(changes), place, "D", color=color)
    ax.set_yticks(
        range(len(changed)), [f"{one.data}, {one.metric}" for one in reversed(changed)]
    )
    ax.set_ylim(-0.7, len(changed) - 0.3)
    ax.axvline(0, color=INK, linewidth=0.8)
    told = "change of the test loss, % of the control's\n(diamonds: means, blue: a win)"
    ax.set(xlabel=told, title=title)
    tidy(ax)
    save_figure(figure, path)


def write_results(lines: list[Line], folder: Path) -> str:
    """Write tables and figures of the lines in a folder; return the summary."""
    every = []
    for model in MODELS:
        own = where(lines, model=model)
        found = contrasts(own, model)
        if not found:
            continue
        every += found
        title = f"{model}: the default fit against its control"
        draw(found, own, folder / model, title)
        text = (
            f"# The default fit, {model}\n\nTest losses, mean ± deviation over the "
            "splits, lower is better; * is a difference by the corrected resampled "
            f"t-test at 5 %.\n\n{make_summary(found)}\n\n{make_table(own, model)}\n"
        )
        (folder / f"{model}.md").write_text(text)
    summary, changed = make_summary(every), make_changed(lines)
    (folder / "summary.md").write_text(f"{summary}\n\n{changed}\n")
    return f"{summary}\n\n{changed}"


def main(args: list[str] | None = None) -> None:
    """Run what is missing, then write tables and figures."""
    parser = make_parser(
        __doc__,
        "default_fit/lines.jsonl",
        **{name: {"action": "append", "choices": of} for name, of in AXES.items()},
        tables_only={"action": "store_true", "help": "run nothing"},
        docs={"action": "store_true", "help": "put the tables into the docs too"},
    )
    options: argparse.Namespace = parser.parse_args(args)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    axes = (getattr(options, name) or of for name, of in AXES.items())
    cells = make_cells(KEY, SEEDS, *axes)
    lines = run_grid([] if options.tables_only else cells, options, run_cell)
    every = make_cells(KEY, SEEDS, *AXES.values())
    told = write_results(of_cells(lines, every), options.results.parent)
    sys.stdout.write(f"{told}\n")
    if options.docs:
        for page in DOCS:
            for table in told.split("\n\n"):
                put_table(page, table)


if __name__ == "__main__":
    main()
