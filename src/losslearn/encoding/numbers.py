"""Numbers as they are written: by programs, by people, as truth, clock or time span."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SPACES = re.compile("[ \u00a0\u2009\u202f'\u2019_]")
"""What may stand between thousands in any country."""
_CURRENCIES = re.compile(
    "AED|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|"
    "MYR|NOK|NZD|PEN|PHP|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_TIMES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "bn": 1e9}
"""What stands behind a number and multiplies it."""
_PARTS = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d.,+-]*)(?P<sign_too>[+-]?)"
    r"(?P<digits>[\d., \u00a0\u2009\u202f'\u2019_]*\d)(?P<after>\D*)"
)
_DIGITS = {
    ".": re.compile(r"(\d{1,3}(,\d{2,3})*,\d{3}|\d+)?(\.\d+)?"),
    ",": re.compile(r"(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?"),
}
"""What digits look like, by the decimal mark."""
_UNIT = re.compile(r"[^\W\d_]{1,5}[²³]?(/[^\W\d_]{1,5}[²³]?)?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")
_SPAN = re.compile(r"(-?\d+) days?,? *([+-]?)(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)")
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes:
        style: "plain", "truth", "clock" (seconds since midnight), "span" (seconds), or
            an example of the separators of people's numbers: "1,234.5", "1.234,5".
        unit: What may stand beside people's numbers: a currency, "%", a unit.

    Example:
        >>> form = NumberForm.of(["$1,234.50", "-$7", "($2.5)"])
        >>> form
        NumberForm(style='1,234.5', unit='$')
        >>> form.read(["$1,234.50", "-$7", "($2.5)", "7 kg"]).tolist()
        [1234.5, -7.0, -2.5, nan]
    """

    style: str = "plain"
    unit: str = ""

    def __post_init__(self) -> None:
        """Reject a style that nobody reads.

        Raises:
            LookupError: If it is unknown.
        """
        if self.style not in (*_READERS, *_MARKS):
            raise LookupError(f"no style of numbers: {self.style!r}")

    @classmethod
    def of(
        cls, texts: Sequence[str], *, is_enough: Callable[[Floats], bool] | None = None
    ) -> Self | None:
        """Return the first form in which these are numbers; None if there is none.

        Args:
            texts: Without surrounding blanks.
            is_enough: Whether the numbers found, NaN for other texts, are enough; None
                asks for all.
        """
        is_enough = is_enough or (lambda numbers: not np.isnan(numbers).any())
        for style in (*_READERS, *_MARKS):
            form = cls(style, _unit_of(texts, style) if style in _MARKS else "")
            if is_enough(form.read(texts)):
                return form
        return None

    def read(self, texts: Sequence[str]) -> Floats:
        """Return the numbers; NaN for texts of another form."""
        if self.style == "plain":
            return _plain(texts)
        if self.style in _READERS:
            found = [_READERS[self.style](text) for text in texts]
            return np.array([np.nan if one is None else one for one in found], float)
        mark, numbers = _MARKS[self.style], np.full(len(texts), np.nan)
        for place, text in enumerate(texts):
            value, unit = _taken_apart(text, mark)
            # a sign may be left out, letters may not: 7A among numbers is a code
            if unit == self.unit or (not unit and not self.unit.isalpha()):
                numbers[place] = value
        return numbers


def _plain(texts: Sequence[str]) -> Floats:
    import pandas as pd

    values = pd.to_numeric(pd.Series(list(texts), dtype=object), errors="coerce")
    return values.to_numpy(dtype=np.float64)


def _clock(text: str) -> float | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = found.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _span(text: str) -> float | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    days, sign, hours, minutes, seconds = found.groups()
    within = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return 86_400 * int(days) + (-within if sign == "-" else within)


_READERS: Mapping[str, Callable[[str], float | None]] = {
    "plain": float,  # of all texts at once
    "truth": lambda text: _TRUTH.get(text.lower()),
    "clock": _clock,
    "span": _span,
}
_MARKS = {"1,234.5": ".", "1.234,5": ","}


def _taken_apart(text: str, mark: str) -> tuple[float, str]:
    """Return an amount and its unit, NaN where the text is none."""
    nothing = float("nan"), ""
    text = text.replace("\u2212", "-").strip()
    is_debt = text.startswith("(") and text.endswith(")")
    found = _PARTS.fullmatch(text[1:-1].strip() if is_debt else text)
    if found is None:
        return nothing
    before, after = found["before"].strip(), found["after"].strip()
    grouping = "," if mark == "." else "."
    digits = _SPACES.sub(grouping, found["digits"])
    is_known = (not before or _is_sign(before)) and (
        not after or _is_sign(after) or _UNIT.fullmatch(after)
    )
    if not is_known or (before and after) or not _DIGITS[mark].fullmatch(digits):
        return nothing
    value = float(digits.replace(grouping, "").replace(mark, "."))
    value *= _TIMES.get(after, 1.0)
    is_below = is_debt or "-" in found["sign"] + found["sign_too"]
    return -value if is_below else value, "" if after in _TIMES else before or after


def _is_sign(text: str) -> bool:
    """Return whether this is a currency, or a sign of a share or a degree."""
    is_symbol = all(unicodedata.category(char) == "Sc" for char in text)
    is_code = _CURRENCIES.fullmatch(text) is not None
    return is_symbol or is_code or text in {"%", "‰", "°", "°C", "°F"}


def _unit_of(texts: Sequence[str], style: str) -> str:
    """Return the unit that most of the amounts have."""
    units = [_taken_apart(text, _MARKS[style]) for text in texts[:1_000]]
    named = [unit for value, unit in units if unit and not math.isnan(value)]
    return max(sorted(set(named)), key=named.count, default="")
