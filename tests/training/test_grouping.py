"""Groups of rows stay on one side of a split."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslearn.training import grouping
from losslearn.training.grouping import group_codes, keep_together, split_by_groups
from losslearn.training.splitting import split_rows

SHARES = [(0.8, 0.2), (0.64, 0.16, 0.2), (0.5, 0.5)]


@given(
    n_rows=st.integers(40, 300),
    n_groups=st.integers(12, 60),
    rate=st.floats(0.2, 0.8),
    shares=st.sampled_from(SHARES),
    one_by_one=st.sampled_from([4, 4_000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_groups_stay_whole_and_no_row_is_lost(
    n_rows, n_groups, rate, shares, one_by_one, seed
):
    draw = np.random.default_rng(seed)
    strata = (draw.random(n_rows) < rate).astype(int)
    strata[:4] = 0, 0, 1, 1
    groups = pd.factorize(draw.integers(0, n_groups, n_rows))[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_ONE_BY_ONE", one_by_one)
        try:
            parts = split_by_groups(strata, groups, shares, least=1, seed=seed)
        except ValueError as error:
            assert "cannot be divided" in str(error)  # noqa: PT017 - in some only
            fewest = min(len(set(groups[strata == code])) for code in (0, 1))
            assert fewest < 2 * len(shares)
            return
    assert sorted(np.concatenate(parts)) == list(range(n_rows))
    sides = [set(groups[part]) for part in parts]
    assert sum(map(len, sides)) == len(set.union(*sides))
    for part in parts:
        assert set(strata[part]) == {0, 1}


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("n_groups", [100, 9_000])
def test_each_part_has_its_share_of_each_stratum(shares, n_groups):
    draw = np.random.default_rng(0)
    groups = pd.factorize(draw.integers(0, n_groups, 20_000))[0]
    strata = (draw.random(20_000) < 0.1).astype(int)
    parts = split_by_groups(strata, groups, shares, least=1, seed=0)
    for part, share in zip(parts, shares, strict=True):
        got = np.bincount(strata[part]) / np.bincount(strata)
        assert got == pytest.approx([share, share], abs=0.03)


def test_groups_too_few_and_rows_without_one_are_refused():
    strata = np.arange(20) % 2
    with pytest.raises(ValueError, match="cannot be divided into 2 parts"):
        split_by_groups(strata, np.zeros(20, int), (0.8, 0.2), least=1, seed=0)
    with pytest.raises(ValueError, match="lacks a value in 2 of 3 rows"):
        group_codes(pd.Series(["a", None, np.nan]), n_rows=3, called="`groups`")
    with pytest.raises(ValueError, match=r"for each of the 3 rows, got shape \[2\]"):
        group_codes([1, 2], n_rows=3, called="`groups`")


@pytest.mark.parametrize(
    ("n_rare", "n_equal", "is_kept"),
    [(100, 12, True), (100, 66, True), (100, 67, False), (6, 2, True), (6, 3, False)],
)
def test_rows_of_one_code_are_not_kept_where_a_part_would_lack_its_share(
    n_rare, n_equal, is_kept
):
    strata = np.repeat([0, 1], [900, n_rare])
    codes = np.append(np.zeros(n_equal, int), np.arange(1, len(strata) - n_equal + 1))
    split = split_rows(strata[::-1], test_size=0.2, validation_size=0.16, seed=0)
    kept = keep_together(split, strata[::-1], codes, seed=0)
    assert (kept is not None) == is_kept
    if kept is not None:
        assert [int((codes[part] == 0).sum()) for part in kept].count(n_equal) == 1
        for part, alone in zip(kept, split, strict=True):
            got = np.bincount(strata[::-1][part])
            assert got == pytest.approx(np.bincount(strata[::-1][alone]), abs=2)
