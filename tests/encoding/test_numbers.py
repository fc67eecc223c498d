"""Numbers as people write them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslearn.encoding.numbers import NumberForm


def us(value: float) -> str:
    return f"{value:,.2f}"


def german(value: float) -> str:
    return us(value).translate(str.maketrans(",.", ".,"))


def swiss(value: float) -> str:
    return us(value).replace(",", "'")


def french(value: float) -> str:
    return german(value).replace(".", "\u202f")


WRITERS = {"us": us, "german": german, "swiss": swiss, "french": french}
AROUND = ["{}", "${}", "{} €", "EUR {}", "{}%", "{} kg", "{} km/h"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("country", WRITERS)
@given(
    amounts=st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=20),
    has_minus_before=st.booleans(),
)
def test_amounts_of_any_country_are_found_again(
    country, around, amounts, has_minus_before
):
    # one with a mark of thousands and one with cents say which is which
    values = [123456.78, *(amount / 100 for amount in amounts)]

    def written(value: float) -> str:
        text = around.format(WRITERS[country](abs(value)))
        if value >= 0:
            return text
        return f"-{text}" if has_minus_before else f"({text})"

    texts = [written(value) for value in values]
    form = NumberForm.of(texts)
    assert form is not None
    np.testing.assert_allclose(form.read(texts), values)


@given(seconds=st.lists(st.integers(0, 86_399), min_size=1))
def test_clock_times_are_seconds(seconds):
    texts = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds]
    form = NumberForm.of(texts)
    assert form == NumberForm("clock")
    assert form.read(texts).tolist() == seconds


@given(seconds=st.lists(st.integers(-(10**7), 10**7), min_size=1))
def test_time_spans_are_those_that_pandas_writes(seconds):
    import pandas as pd

    texts = [str(pd.Timedelta(s, "s")) for s in seconds]
    form = NumberForm("span")
    assert form.read(texts).tolist() == seconds


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_what_programs_write_is_exact(numbers):
    assert NumberForm("plain").read([repr(n) for n in numbers]).tolist() == numbers


@pytest.mark.parametrize(
    "texts",
    [
        ["01", "02", "7A"],
        ["A12", "A13"],
        ["5 kg", "7 g"],
        ["$5", "€7"],
        ["1.2.3", "1.2.4"],
        ["2020-01-03"],
        ["06 12 34 56 78", "06 11 22 33 44"],
        ["3 and 4"],
        ["24:10"],
        ["", "-"],
    ],
)
def test_what_is_no_number_stays_text(texts):
    assert NumberForm.of(texts) is None


def test_multiples_count():
    form = NumberForm.of(["1.2k", "3M", "500"])
    assert form.read(["1.2k", "3M", "500"]).tolist() == [1_200, 3_000_000, 500]


def test_another_unit_later_is_not_read_as_the_first():
    form = NumberForm.of(["5 kg", "7 kg"])
    assert math.isnan(form.read(["5 g"])[0])
    with pytest.raises(LookupError, match="no style"):
        NumberForm("roman")
