"""The page of the strong models: what holds, what it costs, and every cell."""

import statistics
from collections.abc import Sequence

from losslearn_bench.grid.job import Line
from losslearn_bench.strong.autos import auto_section
from losslearn_bench.strong.contrasts import (
    RIVALS,
    Cells,
    Contrast,
    Tally,
    against,
    cells_of,
    count_accepted,
    judge,
    losses_of,
)
from losslearn_bench.strong.costs import cost_table
from losslearn_bench.strong.goals import GOALS, Family
from losslearn_bench.strong.jobs import AUTO, METHODS, MODELS
from losslearn_bench.tables.markdown import (
    NOT_AVAILABLE,
    listed,
    markdown_table,
    mean_and_deviation,
    paragraphs,
)
from losslearn_bench.tables.outcomes import count_verdicts

_HOW = """\
Test losses, lower is better, over random splits of 64 % of the rows to train on, 16 % \
to choose by and 20 % to test. A loss is 1 minus the metric, or minus a metric without \
a highest value (lift, profit). Everybody stops early by the validation rows, and \
nobody is tuned otherwise. *usual* is the model by its usual loss, decided at 1/2; \
*usual_decided* the same with what `losslearn.tune_decision` learns; *usual_stopped* \
has the number of trees that is best by the metric, of some 20, and that decision; of \
a network, whose weights are chosen so anyhow, it is the fit's own control. *trained* \
is what `SurrogateClassifier` chose of its two branches, and *formula* a LightGBM that \
follows the metric's own smooth form, with the decision. A cell is a metric on a data \
set. Verdicts are by a corrected resampled t-test at 5 %, then with Holm's correction \
over the cells of a row. Changes are of *trained* against the other, in % of the \
other's mean loss: below 0 is better, and a loss near 0 makes them large. *formula* is \
the better of two such forms by the validation rows, where a metric has two."""
_FAMILIES: dict[Family, str] = {
    "probability": "a calibrated probability is enough",
    "columns": "columns of the data count",
    "made": "made amounts",
}
_MADE = """\
Made amounts are no data: `exp(z / 2 + noise / 2)` with z a random direction of the \
features, known when deciding and no feature. They stand apart."""
_HEADER = (
    "against",
    "cells",
    "wins / ties / losses",
    "by Holm",
    "lower / equal / higher",
    "mean change",
    "median",
)
_BAR = next(iter(RIVALS))
_ALLOWED = 15
"""One of so many accepted fits may be worse on test rows."""


def make_page(lines: Sequence[Line]) -> str:
    """Return the page of some lines in Markdown."""
    cells = cells_of(lines)
    good = [line for own in cells.values() for line in own]
    models = [one for one in MODELS if any(key.model == one for key in cells)]
    alone = [model for model in models if model != AUTO]
    return paragraphs(
        "# Strong models",
        _HOW,
        _MADE,
        *(part for model in alone for part in _of_model(model, cells)),
        auto_section(cells),
        "## Costs" if good else "",
        _costs_text() if good else "",
        cost_table(good, models) if good else "",
        _errors(lines, cells),
        *(part for model in models for part in _appendix(model, cells)),
    )


def _of_model(model: str, cells: Cells) -> list[str]:
    own = {key: lines for key, lines in cells.items() if key.model == model}
    parts = [f"## {model}", _promise(own), _taken(own)]
    for family, said in _FAMILIES.items():
        some = {
            key: lines for key, lines in own.items() if GOALS[key.goal].family == family
        }
        if some:
            parts += [f"Where {said}:" if family != "made" else "With made amounts:"]
            parts += [_summary(some), _wins(some) if family != "probability" else ""]
    return parts


def _promise(cells: Cells) -> str:
    """Return whether it is ever worse than the bar; made amounts are no part of it."""
    real = {k: lines for k, lines in cells.items() if GOALS[k.goal].family != "made"}
    tally = judge([one for one in against(real, _BAR) if len(one.gaps) > 1])
    lost, lost_by_holm = tally.named("loss"), tally.named("loss", by_holm=True)
    n = len(tally.contrasts)
    if not n:
        return "A single split of each cell says nothing of significance."
    if not lost:
        return (
            f"Against {RIVALS[_BAR]}: never significantly worse over {n} cells, each "
            "taken alone, and so not by Holm."
        )
    told = listed([_told(one) for one in lost])
    return (
        f"Against {RIVALS[_BAR]}: significantly worse in {len(lost)} of {n} cells, "
        f"{len(lost_by_holm)} by Holm: {told}."
    )


def _told(contrast: Contrast) -> str:
    return f"{contrast.key.goal} ({contrast.change:+.1f} %)"


def _taken(cells: Cells) -> str:
    lines = [line for own in cells.values() for line in own]
    sentences = []
    for name, of_made in (("", False), ("With made amounts: ", True)):
        own = [one for one in lines if (_family(one) == "made") == of_made]
        found = count_accepted(own)
        if not found.n_fits:
            continue
        said = (
            f"accepted in {found.n} of {found.n_fits} fits, where its test loss is "
            f"lower than its own control's {found.better} times, the same "
            f"{found.same} and higher {found.worse}"
        )
        most = found.n / _ALLOWED
        bar = f" (at most {most:.1f} are to be, one of {_ALLOWED})" if found.n else ""
        begin = name or "The learned branch is "
        sentences.append(f"{begin}{said}{bar}.")
    return " ".join(sentences)


def _family(line: Line) -> Family:
    return GOALS[line["goal"]].family


def _summary(cells: Cells) -> str:
    rows = []
    for rival, said in RIVALS.items():
        tally = judge(against(cells, rival))
        if tally.contrasts:
            rows.append([f"{rival}: {said}", *_counts(tally)])
    return markdown_table(_HEADER, rows)


def _counts(tally: Tally) -> list[str]:
    means = [statistics.fmean(one.gaps) for one in tally.contrasts]
    order = [sum(m > 0 for m in means), means.count(0), sum(m < 0 for m in means)]
    changes = [one.change for one in tally.contrasts]
    return [
        str(len(means)),
        count_verdicts(tally.verdicts),
        count_verdicts(tally.by_holm),
        " / ".join(map(str, order)),
        f"{statistics.fmean(changes):+.1f} %",
        f"{statistics.median(changes):+.1f} %",
    ]


def _wins(cells: Cells) -> str:
    tally = judge(against(cells, _BAR))
    won, n = tally.named("win"), len(tally.contrasts)
    if not n:
        return ""
    told = f": {listed([_told(one) for one in won])}" if won else ""
    by_holm = len(tally.named("win", by_holm=True))
    return (
        f"Significantly better than the bar in {len(won)} of {n} cells, {by_holm} by "
        f"Holm{told}."
    )


def _costs_text() -> str:
    return (
        "Seconds of whole fits on one thread, the universal start apart, which a "
        "metric with columns takes once, any other at its first use: medians, and the "
        "worst. The package's own booster stops by the validation rows; the usual "
        "branch grows boosters on folds first. A network's own time is that branch's."
    )


def _errors(lines: Sequence[Line], cells: Cells) -> str:
    """Return what failed and has no losses yet."""
    done = {
        (key.goal, key.model, line["repetition"])
        for key, own in cells.items()
        for line in own
    }
    left = {
        (line["goal"], line["model"], line["repetition"]): line["error"]
        for line in lines
        if "error" in line
    }
    told = [
        f"- {goal}, {model}, split {split}: {error}"
        for (goal, model, split), error in left.items()
        if (goal, model, split) not in done
    ]
    return paragraphs("## Failed", "\n".join(told)).rstrip() if told else ""


def _appendix(model: str, cells: Cells) -> list[str]:
    own = {key: lines for key, lines in cells.items() if key.model == model}
    names = [
        name for lines in own.values() for line in lines for name in line["losses"]
    ]
    methods = [name for name in METHODS if name in names]
    methods += sorted({name for name in names if name not in METHODS})
    rows = [
        [
            key.goal,
            *(_shown(lines, method) for method in methods),
            f"{sum(line['accepted'] for line in lines)} of {len(lines)}",
            _median(lines, "n_trees", ".0f"),
            _median(lines, "cosine", ".2f"),
        ]
        for key, lines in own.items()
    ]
    header = ["cell", *methods, "accepted", "trees", "cosine"]
    return [f"## Every cell: {model}", markdown_table(header, rows)]


def _shown(lines: Sequence[Line], method: str) -> str:
    found = list(losses_of(lines, method).values())
    return mean_and_deviation(found) if found else NOT_AVAILABLE


def _median(lines: Sequence[Line], name: str, form: str) -> str:
    known = [line[name] for line in lines if line[name] is not None]
    return f"{statistics.median(known):{form}}" if known else NOT_AVAILABLE
