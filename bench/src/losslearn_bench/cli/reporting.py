"""Tables and figures of a benchmark, from its lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from losslearn.cli.reporting import note
from losslearn.report.figures import save_figure, write_whole
from losslearn_bench.datasets import DATASETS, find_dataset
from losslearn_bench.figures.critical_difference import draw_critical_difference
from losslearn_bench.figures.outcomes import draw_outcomes
from losslearn_bench.figures.page import Picture, Section, write_page
from losslearn_bench.grid.job import Line
from losslearn_bench.grid.methods import METHODS
from losslearn_bench.grid.presets import Preset, Size
from losslearn_bench.grid.results import LINES, ResultsFile
from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.entries import collect
from losslearn_bench.tables.honest import honest_table, rank_methods
from losslearn_bench.tables.lines import left_out, table_lines
from losslearn_bench.tables.outcomes import CONTROL, OURS, REFINED, contrasts
from losslearn_bench.tables.paper import table_1, table_2, table_3

_TITLES: dict[Preset, str] = {
    "table2": "Table 2: universal, learned from scratch, refined",
    "table3": "Table 3: the refined surrogate against hand-made losses",
    "honest": "Every method, thresholds from validation rows",
    "smoke": "Smoke run: everything once, too short to judge by",
}
_LIMIT = 60.0
"""Changes of more than so many % are drawn at the edge of their figure."""
_CHANGES = (
    "A point is a random split, the bar their mean; left of the line the learned loss "
    f"has the lower test loss. Changes of more than {_LIMIT:.0f} % are drawn as a "
    "triangle at the edge. Coloured are wins and losses by the corrected resampled "
    "t-test at 5 %. An asterisk marks data sets of which a part is used."
)
_RANKS = (
    "1 is best. A bar joins methods that Nemenyi's test does not tell apart: their "
    "ranks differ by less than the critical difference. Methods and data sets that "
    "were not run in full are left out."
)
_PAPER_FIGURES = {
    "Figure 1: loss surfaces": {
        "figure1.svg": "Above the true losses over the scores of two rows of a batch "
        "of ten, below the surrogates learned from them."
    },
    "Figure 2: one parameter": {
        "figure2.svg": "True and surrogate loss over the one parameter of a model, at "
        "four moments of training.",
        "figure2.gif": "The same as it goes.",
    },
    "Figure 3: convergence": {
        "figure3.svg": "Learned from scratch (SL-S) and refined from the universal "
        "surrogate (SL-R), without cross-entropy, on ijcnn1 with at most 20,000 "
        "training rows. For the error rate SL-S stays at or near the share of "
        "positives, where every row is called negative: its surrogate error of about 0 "
        "there is that of learning a constant, not of a good surrogate."
    },
}


def write_tables(
    out: Path, preset: Preset, protocol: Protocol, lines: Sequence[Line]
) -> Section:
    """Write a grid's table as Markdown, and its figures; return what the page shows."""
    if preset == "table2":
        table = table_2(lines, protocol)
    elif preset == "table3":
        table = table_3(lines)
    else:
        table = honest_table(lines, protocol)
    stem, title = str(preset), _TITLES[preset]
    if protocol == "paper":
        stem, title = f"{preset}_paper", f"{title} (the paper's protocol)"
    path = out / f"{stem}.md"
    write_whole(path, table.encode())
    note(f"table written to {path}")
    pictures: list[Picture] = []
    if preset == "honest":
        pictures = [*_draw_changes(out, stem, lines), *_draw_ranks(out, stem, lines)]
    return Section(title, table, pictures)


def _draw_changes(out: Path, stem: str, lines: Sequence[Line]) -> Iterator[Picture]:
    """Write how the learned loss changes the test loss, a figure per tier.

    It is that of the fit that users get, where it ran.
    """
    ran = {line["method"] for line in lines}
    ours = next((name for name in OURS if name in ran), REFINED)
    found = contrasts(lines, ours=ours, control=CONTROL)
    partial = {line["dataset"] for line in lines if line["partial"]}
    for tier in dict.fromkeys(one.key.tier for one in found):
        own = [one for one in found if one.key.tier == tier]
        has_part = partial & {one.key.dataset for one in own}
        title = f"{tier}: {METHODS[ours].title} against cross-entropy"
        below = "* a part of the data set" if has_part else None
        figure = draw_outcomes(
            own, title=title, limit=_LIMIT, note=below, partial=partial
        )
        path = save_figure(figure, out / f"{stem}_{tier}")[-1]
        yield Picture(path.read_bytes(), f"{title}. {_CHANGES}")


def _draw_ranks(out: Path, stem: str, lines: Sequence[Line]) -> Iterator[Picture]:
    """Write the average ranks with their critical difference, a figure per metric."""
    entries = collect(lines)
    for tier, metric in dict.fromkeys((key.tier, key.metric) for key in entries):
        ranking = rank_methods(entries, tier, metric)
        if len(ranking.ranks) < 2 or ranking.n_datasets < 2:
            continue
        titles = {name: method.title for name, method in METHODS.items()}
        ranks = {titles.get(name, name): rank for name, rank in ranking.ranks.items()}
        title = f"{tier}, {metric}: average rank over {ranking.n_datasets} data sets"
        apart = ranking.critical_difference
        figure = draw_critical_difference(ranks, apart, title=title)
        path = save_figure(figure, out / f"{stem}_{tier}_{metric}_ranks")[-1]
        yield Picture(path.read_bytes(), f"{title}. {_RANKS}")


def write_report(
    out: Path, *, size: Size, repetitions: int | None, data_dir: Path | None
) -> None:
    """Write every table and figure that there are lines for, and one page of all.

    A table whose lines all stand in those before it is left out. The page ends with
    what stands in no table.
    """
    results = ResultsFile(out / LINES)
    lines = results.lines()
    if not lines:
        raise ValueError(
            f"There are no lines in {str(results.path)!r}. "
            "Run `losslearn-bench run` first."
        )
    table = table_1([find_dataset(name, data_dir=data_dir) for name in DATASETS])
    write_whole(out / "table1.md", table.encode())
    sections = [Section("Table 1: the data sets", table)]
    shown: dict[int, Line] = {}  # by identity
    for protocol in get_args(Protocol):
        for preset in _TITLES:
            own = table_lines(
                lines, preset, size=size, protocol=protocol, repetitions=repetitions
            )
            if any(id(line) not in shown for line in own):
                sections.append(write_tables(out, preset, protocol, own))
                shown |= {id(line): line for line in own}
    sections += _other_sections(out)
    if missing := left_out(lines, list(shown.values()), size=size):
        said = [f"{count:,} line(s) {reason}." for reason, count in missing.items()]
        for sentence in said:
            note(f"in no table: {sentence}")
        sections.append(Section("Left out", "\n".join(said)))
    page = out / "index.html"
    write_page(page, title="The experiments of losslearn", sections=sections)
    note(f"page written to {page}")


def _other_sections(out: Path) -> list[Section]:
    """Return what other commands wrote into the folder."""
    sections = []
    runtime = out / "runtime.md"
    if runtime.exists():
        sections.append(Section("Runtime (section 4.4)", runtime.read_text()))
    for title, captions in _PAPER_FIGURES.items():
        there = {out / name: caption for name, caption in captions.items()}
        pictures = [Picture(p.read_bytes(), c) for p, c in there.items() if p.exists()]
        if pictures:
            sections.append(Section(title, pictures=pictures))
    return sections
