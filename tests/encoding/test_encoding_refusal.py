"""What cannot be encoded, or restored, is refused with a word on why."""

from base64 import b64encode

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from losslearn import TableEncoder
from losslearn.encoding.columns import as_dates, as_numbers, code_values, read_kind
from losslearn.encoding.fitted_column import fit_column, restore_column
from losslearn.encoding.frames import as_matrix, as_pandas, check_doubles
from losslearn.encoding.scaling import Scale
from losslearn.encoding.spelling import Spelling

LISTS = pd.Series([[1], [2]], name="c")
WORDS = pd.Series(["ash", "elm", "elm"], name="c")
SCALE = {"median": 0, "tail": 0, "low": -1, "high": 1, "mean": 0, "deviation": 1}
NOTES = pd.Series([f"{a} and {b}" for a in "abcdefgh" for b in "ijklmnop"], name="c")
SPELLING = fit_column(NOTES, "text").state()["spelling"]
NOT_FINITE = b64encode(np.array([np.nan], "<f4").tobytes()).decode()


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: read_kind(LISTS), ValueError, "'c' holds lists"),
        (lambda: read_kind(pd.Series([1j, 2j], name="c")), ValueError, "complex"),
        (lambda: read_kind(WORDS, "number"), ValueError, "cannot be read as number"),
        (lambda: read_kind(WORDS, "date"), ValueError, "cannot be read as date"),
        (lambda: code_values(LISTS), ValueError, "'c' holds lists"),
        (lambda: fit_column(LISTS), ValueError, "'c' holds lists"),
        (lambda: fit_column(WORDS, "date"), ValueError, "cannot be read as date"),
        (lambda: as_numbers(pd.Series([np.inf])), ValueError, "infinite values, in 1"),
        (lambda: as_numbers(WORDS), ValueError, "held numbers.*got 'ash'"),
        (lambda: as_dates(WORDS), ValueError, "held dates.*got 'ash'"),
        (
            lambda: as_dates(pd.Series(["1.2.2020"]), date_formats=("%Y/%m/%d",)),
            ValueError,
            "held dates written as %Y/%m/%d",
        ),
        (lambda: as_matrix([[1.0, np.nan]]), ValueError, "missing or infinite"),
        (lambda: as_matrix([[np.inf]]), ValueError, "missing or infinite"),
        (lambda: as_matrix([["ash"]]), ValueError, "could not convert"),
        (lambda: check_doubles(["a", "a"], "It"), ValueError, "It has more.*'a'"),
        (
            lambda: as_pandas(pa.table([[1], [2]], names=["a", "a"])),
            ValueError,
            "The table has more than one column of the same name: 'a'",
        ),
        (lambda: TableEncoder().set_params(speed=1), ValueError, "no setting 'speed'"),
        (
            lambda: TableEncoder({"c": "colour"}).fit(WORDS.to_frame()),
            ValueError,
            "`read_as` must give columns.*'colour' for 'c'",
        ),
        (
            lambda: TableEncoder({"d": "text"}).fit(WORDS.to_frame()),
            ValueError,
            "`read_as` must give columns.*'text' for 'd'",
        ),
        (lambda: Scale(**{**SCALE, "mean": np.nan}), ValueError, "not a scale"),
        (lambda: Scale(**{**SCALE, "deviation": 0}), ValueError, "not a scale"),
        (lambda: Scale(**{**SCALE, "low": 1}), ValueError, "not a scale"),
        (
            lambda: Spelling.from_state({**SPELLING, "weights": NOT_FINITE}),
            ValueError,
            "not finite",
        ),
        (
            lambda: Spelling.from_state({**SPELLING, "weights": ""}),
            ValueError,
            "reshape",
        ),
        (
            lambda: Spelling.from_state(without(SPELLING, "weights")),
            LookupError,
            "weights",
        ),
        (lambda: Spelling.from_state({**SPELLING, "scales": [1]}), TypeError, "int"),
        (lambda: restore_column({"kind": "colour"}), LookupError, "colour"),
        (lambda: restore_column({"kind": "number"}), LookupError, "scale"),
        (
            lambda: restore_column({"kind": "left out", "reason": "x", "name": "c"}),
            ValueError,
            "unknown reason 'x'",
        ),
        (
            lambda: restore_column({"kind": "left out", "reason": "id", "name": 1}),
            TypeError,
            "expected text, got 1",
        ),
    ],
)
def test_each_refusal_says_why(use, error, message):
    with pytest.raises(error, match=message) as said:
        use()
    assert "\n" not in str(said.value)
