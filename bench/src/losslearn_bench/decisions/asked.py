"""Which of the problems of a comparison are asked for, by name, metric or data set."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from losslearn_bench.checks import check_choice


class Asked(NamedTuple):
    """What a problem can be asked for by."""

    name: str
    dataset: str
    metric: str


def chosen(
    whole: Iterable[Asked],
    names: Sequence[str],
    datasets: Sequence[str],
    *,
    called: str,
    has: str = "has",
) -> list[str]:
    """Return the names of what is asked for; all of it without a word.

    Args:
        whole: All there is.
        names: Names or metrics; none for all.
        datasets: Those of some data sets; none for all.
        called: What one is called in messages.
        has: How it goes with a metric there.

    Raises:
        ValueError: If a name is unknown, or nothing is all that is asked for.
    """
    every = list(whole)
    known = list(dict.fromkeys(part for one in every for part in one))
    for name in (*names, *datasets):
        check_choice(called, name, known)
    found = [
        one.name
        for one in every
        if (not names or set(names).intersection(one))
        and (not datasets or one.dataset in datasets)
    ]
    if not found:
        raise ValueError(
            f"No {called} {has} one of the metrics {', '.join(names)} on one of the "
            f"data sets {', '.join(datasets)}. Ask for fewer."
        )
    return found
