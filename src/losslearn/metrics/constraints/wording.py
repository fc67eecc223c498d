"""Constraints as text, and back: what files, reports and the command line hold."""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple, cast

from losslearn.metrics.constraints.bounds import Constraint, Quantity

SUBJECT_TO = " subject to "
PENALTY = 5.0
"""What a shortfall of 1 costs, in losses, unless told otherwise."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTITY = re.compile(
    r"\s*(?:(?P<over>gap|worst)\s*\(\s*(?P<of>[\w@. -]+?)\s*,\s*by\s*=\s*"
    r'(?P<by>"(?:[^"\\]|\\.)*"|[^\s"(),]+)\s*\)|(?P<name>[A-Za-z][\w@.-]*))'
)
_BOUND = re.compile(rf"\s*(?P<sign>>=|<=)\s*(?P<bound>{_NUMBER})")
_AND = re.compile(r"\s+and\s+")
_PENALTY = re.compile(rf"\s*\(penalty (?P<penalty>{_NUMBER})\)\s*")


class Written(NamedTuple):
    """The parts of a metric with constraints, as text says them."""

    objective: str
    constraints: tuple[Constraint, ...]
    penalty: float


def as_text(
    objective: object, constraints: Sequence[Constraint], penalty: float
) -> str:
    """Return the text that `read_text` reads; the usual penalty is left out."""
    bounds = " and ".join(constraint.name for constraint in constraints)
    said = repr(float(penalty)).removesuffix(".0")
    more = "" if penalty == PENALTY else f" (penalty {said})"
    return f"{objective}{SUBJECT_TO}{bounds}{more}"


def read_text(text: str) -> Written:
    """Return the parts of a text with `SUBJECT_TO` in it.

    Raises:
        ValueError: If a constraint cannot be read.

    Example:
        >>> read_text("recall subject to precision >= 0.8").constraints[0].bound
        0.8
    """
    objective, _, rest = text.partition(SUBJECT_TO)
    constraints, place = [], 0
    while True:
        constraint, place = _read_one(rest, place)
        constraints.append(constraint)
        if (found := _AND.match(rest, place)) is None:
            break
        place = found.end()
    penalty = PENALTY
    if (said := _PENALTY.match(rest, place)) is not None:
        penalty, place = float(said["penalty"]), said.end()
    if rest[place:].strip():
        raise _unreadable(rest[place:].strip())
    return Written(objective.strip(), tuple(constraints), penalty)


def read_constraint(text: str) -> Constraint:
    """Return the constraint of a text such as "precision >= 0.8".

    Raises:
        ValueError: If it is none.
    """
    constraint, place = _read_one(text, 0)
    if text[place:].strip():
        raise _unreadable(text)
    return constraint


def read_quantity(text: str) -> Quantity | None:
    """Return the quantity of a text; None of one that is none.

    Raises:
        ValueError: If it is one of groups of no rate that there is.
    """
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        return None
    if found["over"]:
        return _quantity(found)
    try:
        return Quantity(found["name"])
    except ValueError:
        return None


def _read_one(text: str, place: int) -> tuple[Constraint, int]:
    """Return the constraint that begins at a place, and where it ends."""
    what = _QUANTITY.match(text, place)
    bound = None if what is None else _BOUND.match(text, what.end())
    if what is None or bound is None:
        raise _unreadable(text[place:].strip())
    sign = cast("str", bound["sign"])
    quantity, value = _quantity(what), float(bound["bound"])
    return (quantity >= value if sign == ">=" else quantity <= value), bound.end()


def _quantity(found: re.Match[str]) -> Quantity:
    if not found["over"]:
        return Quantity(found["name"])
    by = found["by"]
    return Quantity(
        found["of"],
        "gap" if found["over"] == "gap" else "worst",
        json.loads(by) if by.startswith('"') else by,
    )


def _unreadable(text: str) -> ValueError:
    return ValueError(
        f"{text!r} is no constraint. Write one as `precision >= 0.8`, `fpr <= 0.01`, "
        "`gap(tpr, by=sex) <= 0.05` or `worst(accuracy, by=branch) >= 0.7`."
    )
