"""What a reader has to know beside the numbers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from losslearn_bench.tables.entries import Line, check_lines
from losslearn_bench.tables.markdown import listed
from losslearn_bench.tables.published import TABLE_1

_PROTOCOLS = {
    "honest": (
        "weights, settings and thresholds chosen on validation rows; test rows only "
        "report"
    ),
    "paper": "thresholds chosen on the test rows (oracle), as in the paper",
}


def caption(lines: Sequence[Line]) -> str:
    """Return how the lines came about, a sentence a line."""
    check_lines(lines)
    protocol = lines[0]["protocol"]
    n = len({line["repetition"] for line in lines})
    tuning = listed(sorted({str(line["tuning"]) for line in lines}))
    sentences = [
        f'Protocol "{protocol}": {_PROTOCOLS[protocol]}.',
        f"{n} random split{'s' if n > 1 else ''}; tuning: {tuning}.",
        _partial(lines),
        _capped(lines),
        f"Versions: {_pairs(line['versions'] for line in lines)}.",
        f"Hardware: {_pairs(line['hardware'] for line in lines)}.",
    ]
    return "\n".join(filter(None, sentences))


def label(dataset: str, lines: Sequence[Line]) -> str:
    r"""Return a data set's name, with an asterisk if a part of its rows is missing.

    Example:
        >>> label("susy", [{"dataset": "susy", "partial": True}])
        'susy\\*'
    """
    own = [line for line in lines if line["dataset"] == dataset]
    return f"{dataset}\\*" if any(line["partial"] for line in own) else dataset


def _partial(lines: Sequence[Line]) -> str:
    """Return which data sets are incomplete; nothing if none is."""
    partial = [line for line in lines if line["partial"]]
    found = {line["dataset"]: line["rows"]["available"] for line in partial}
    names = []
    for dataset, n_rows in sorted(found.items()):
        row = TABLE_1.get(dataset)
        whole = f" of {row.n_train + row.n_test:,}" if row else ""
        names.append(f"{dataset} ({n_rows:,}{whole} rows)")
    return f"\\* A part of the data set: {listed(names)}." if names else ""


def _capped(lines: Sequence[Line]) -> str:
    """Return how many training rows were used where not all were; else nothing."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for line in lines:
        if line["capped"]:
            found[line["dataset"]].add(line["rows"]["train"])
    texts = {name: listed([f"{n:,}" for n in sorted(found[name])]) for name in found}
    names = [f"{dataset} ({text})" for dataset, text in sorted(texts.items())]
    return f"Training rows capped: {listed(names)}." if names else ""


def _pairs(found: Iterable[Mapping[str, Any]]) -> str:
    """Return names with their values, several where lines differ."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for entries in found:
        for name, value in entries.items():
            values[name].add(str(value))
    return ", ".join(f"{name} {'/'.join(sorted(own))}" for name, own in values.items())
