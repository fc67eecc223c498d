"""Tests of significance against their definitions, and the paper's printed numbers."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from losslearn_bench.tables.published import (
    PUBLISHED_AS,
    TABLE_1,
    TABLE_2,
    TABLE_2_RANKS,
    TABLE_3,
    TABLE_3_WINS,
)
from losslearn_bench.tables.significance import (
    average_ranks,
    corrected_resampled_t_test,
    critical_difference,
    friedman,
    indistinguishable_groups,
    verdict,
    wilcoxon,
)

few = settings(max_examples=30, deadline=None)
# coarse, so that ties and zeros are common
losses = st.integers(-20, 20).map(lambda number: number / 20)


def shared_ranks(row):
    """Rank by counting: those below, and half of the others that tie."""
    return [
        1 + sum(b < a for b in row) + (sum(b == a for b in row) - 1) / 2 for a in row
    ]


def signed_ranks(differences, ranks):
    """Return the smaller sum of ranks, and how many choices of signs reach it.

    A zero adds half of its rank to either sum, whatever the signs.
    """
    pairs = list(zip(differences, ranks, strict=True))
    halves = sum(rank / 2 for d, rank in pairs if d == 0)
    ranks = [rank for d, rank in pairs if d]
    up = halves + sum(rank for d, rank in pairs if d > 0)
    smaller = min(up, sum(ranks) + 2 * halves - up)
    sums = [
        halves + sum(itertools.compress(ranks, signs))
        for signs in itertools.product([0, 1], repeat=len(ranks))
    ]
    p_value = 2 * sum(total <= smaller for total in sums) / len(sums)
    return smaller, min(p_value, 1)


@few
@given(st.lists(losses, min_size=3, max_size=3).filter(lambda d: len(set(d)) > 1))
def test_corrected_t_test_is_that_of_the_definition(differences):
    mean = sum(differences) / 3
    variance = sum((d - mean) ** 2 for d in differences) / 2
    t = mean / math.sqrt((1 / 3 + 0.25) * variance)
    got = corrected_resampled_t_test(differences, test_share=0.25)
    assert got.statistic == pytest.approx(t)
    # the distribution of t has a closed form at two degrees of freedom
    assert got.p_value == pytest.approx(1 - abs(t) / math.sqrt(2 + t**2))


def test_without_shared_rows_the_correction_is_gone():
    differences = [-0.1, 0.02, -0.3, -0.05]
    got = corrected_resampled_t_test(differences, test_share=0)
    t = np.mean(differences) / stats.sem(differences)
    assert got == pytest.approx((t, 2 * stats.t.sf(abs(t), 3)))


@pytest.mark.parametrize(
    ("differences", "statistic", "p_value"),
    [([0.1, 0.1], math.inf, 0), ([-0.1, -0.1], -math.inf, 0), ([0.0, 0.0], 0, 1)],
)
def test_equal_differences_have_no_spread(differences, statistic, p_value):
    got = corrected_resampled_t_test(differences, test_share=0.25)
    assert got == (statistic, p_value)


def test_equal_differences_are_known_through_rounding():
    ours, control = np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6])
    assert len(set((ours - control).tolist())) > 1
    got = corrected_resampled_t_test((ours - control).tolist(), test_share=0.25)
    assert got == (-math.inf, 0)


@pytest.mark.parametrize(
    ("differences", "test_share", "message"),
    [
        ([0.1], 0.25, "at least 2 repetitions, got 1"),
        ([0.1, math.nan], 0.25, "must be finite"),
        ([0.1, 0.2], -0.1, "at least 0, got -0.1"),
        ([0.1, 0.2], math.inf, "at least 0, got inf"),
    ],
)
def test_t_test_says_what_it_needs(differences, test_share, message):
    with pytest.raises(ValueError, match=message):
        corrected_resampled_t_test(differences, test_share=test_share)


@few
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique_by=abs))
def test_wilcoxon_counts_the_signs(differences):
    differences = [d for d in differences if d] or [1]
    order = sorted(differences, key=abs)
    expected = signed_ranks(order, range(1, len(order) + 1))
    assert wilcoxon(differences) == pytest.approx(expected)


@few
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9).filter(any))
def test_wilcoxon_shares_ranks_and_splits_zeros(differences):
    ranks = shared_ranks([abs(d) for d in differences])
    assert wilcoxon(differences) == pytest.approx(signed_ranks(differences, ranks))


@pytest.mark.parametrize("n", [12, 13, 14, 40])
def test_wilcoxon_is_that_of_scipy(n):
    differences = np.random.default_rng(n).integers(-6, 9, n)
    expected = stats.wilcoxon(differences, zero_method="zsplit")
    got = wilcoxon(differences.tolist())
    assert got == pytest.approx((expected.statistic, expected.pvalue))


def test_wilcoxon_splits_zeros_between_the_signs():
    # ranks of the sizes 0, 0, 1, 2: 1.5, 1.5, 3, 4; below zero 4 and half of 3
    assert wilcoxon([0, 0, 1, -2]).statistic == 3 + 1.5
    assert wilcoxon([0, 0, 0]) == (3, 1)


def test_wilcoxon_needs_a_data_set():
    with pytest.raises(ValueError, match="at least one data set, got none"):
        wilcoxon([])


@pytest.mark.parametrize(
    ("ours", "control", "expected"),
    [
        ([0.20, 0.21, 0.22], [0.30, 0.30, 0.32], "win"),
        ([0.30, 0.30, 0.32], [0.20, 0.21, 0.22], "loss"),
        ([0.20, 0.31, 0.20], [0.30, 0.30, 0.30], "tie"),  # one repetition disagrees
        ([0.10, 0.20, 0.20], [0.25, 0.25, 0.25], "tie"),  # p = .04 uncorrected
        ([0.30, 0.30], [0.30, 0.30], "tie"),
        ([0.10, 0.10], [0.30, 0.30], "win"),  # no spread at all
        ([0.10], [0.30], "tie"),
        ([], [], "tie"),
    ],
)
def test_verdict(ours, control, expected):
    assert verdict(ours, control, test_share=0.25) == expected


def test_verdict_says_what_it_needs():
    with pytest.raises(ValueError, match=r"must be paired.* got 2 and 1"):
        verdict([0.1, 0.2], [0.1], test_share=0.25)
    with pytest.raises(ValueError, match="must be finite"):
        verdict([math.nan], [0.1], test_share=0.25)


tables = st.integers(3, 5).flatmap(
    lambda width: st.lists(
        st.lists(losses, min_size=width, max_size=width), min_size=2, max_size=6
    )
)


@few
@given(tables)
def test_average_ranks_share_ties(table):
    by_row = [shared_ranks(row) for row in table]
    expected = [sum(column) / len(table) for column in zip(*by_row, strict=True)]
    got = average_ranks(table)
    assert got.ranks.tolist() == pytest.approx(expected)
    assert got.n_datasets == len(table)


def test_rounding_makes_no_rank():
    assert average_ranks([[0.1 + 0.2, 0.3]]).ranks.tolist() == [1.5, 1.5]


def test_data_set_without_all_methods_is_not_ranked():
    ranks, n_datasets = average_ranks([[0.1, 0.2], [0.3, math.nan]])
    assert (ranks.tolist(), n_datasets) == ([1, 2], 1)
    ranks, n_datasets = average_ranks([[math.nan, 0.2]])
    assert n_datasets == 0
    assert np.isnan(ranks).all()


@few
@given(
    st.integers(3, 5).flatmap(
        lambda k: st.lists(st.permutations(range(k)), min_size=2, max_size=6)
    )
)
def test_friedman_is_that_of_the_definition(table):
    n, k = len(table), len(table[0])
    ranks = [sum(column) / n + 1 for column in zip(*table, strict=True)]
    total = sum(rank**2 for rank in ranks) - k * (k + 1) ** 2 / 4
    statistic = 12 * n / (k * (k + 1)) * total
    assert friedman(table) == pytest.approx(stats.chi2.sf(statistic, k - 1))


def test_friedman_where_all_tie_or_too_little_is_there():
    assert friedman([[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]]) == 1
    assert math.isnan(friedman([[0.1, 0.2], [0.1, 0.2]]))
    assert math.isnan(friedman([[0.1, 0.2, 0.3], [0.1, 0.2, math.nan]]))


@pytest.mark.parametrize(
    ("n_methods", "q"),
    # Table 5 of Demsar (2006)
    [(2, 1.960), (3, 2.343), (4, 2.569), (10, 3.164)],
)
def test_critical_difference_is_that_of_the_printed_quantiles(n_methods, q):
    expected = q * math.sqrt(n_methods * (n_methods + 1) / (6 * 14))
    got = critical_difference(n_methods, 14)
    assert got == pytest.approx(expected, rel=5e-4)  # three decimals are printed


@few
@given(
    st.lists(st.integers(2, 12), min_size=1, max_size=6),
    st.integers(0, 6),
)
def test_groups_are_the_largest_that_lie_within_the_difference(halves, cd):
    ranks = [half / 2 for half in halves]
    alike = [
        set(group)
        for size in range(2, len(ranks) + 1)
        for group in itertools.combinations(range(len(ranks)), size)
        if max(ranks[i] for i in group) - min(ranks[i] for i in group) < cd / 2
    ]
    largest = [group for group in alike if not any(group < other for other in alike)]
    got = indistinguishable_groups(ranks, cd / 2)
    assert sorted(map(sorted, got)) == sorted(map(sorted, largest))
    for group in got:
        assert [ranks[i] for i in group] == sorted(ranks[i] for i in group)


@pytest.fixture
def paper(pytestconfig):
    path = pytestconfig.rootpath.parents[1] / "shared" / "paper.md"
    if not path.is_file():
        pytest.skip(f"no paper at {path}")
    return path.read_text()


def test_published_numbers_are_the_printed_ones(paper):
    table_1, table_2, table_3 = (
        [
            [float(number) for number in line.split("\t")[skip:]]
            for line in map(str.rstrip, paper.splitlines())
            if re.fullmatch(pattern, line)
        ]
        for pattern, skip in (
            (r"[\w-]+\t2(\t[\d.]+){4}", 1),
            (r"[\w-]*\tSL-[URS](\t[\d.]+){7}", 2),
            (r"([A-Z0-9]{3}|Wins)(\t[\d.]+){9}", 1),
        )
    )
    assert [list(row[1:]) for row in TABLE_1.values()] == table_1
    ours = [list(row) for rows in TABLE_2.values() for row in rows.values()]
    assert ours + [list(row) for row in TABLE_2_RANKS.values()] == table_2
    assert [list(row) for row in (*TABLE_3.values(), TABLE_3_WINS)] == table_3
    assert list(TABLE_2["skin"]) == ["sl_u", "sl_r", "sl_s"]


def test_published_tables_share_their_data_sets_and_refined_surrogate():
    assert list(TABLE_1) == list(TABLE_2) == list(TABLE_3)
    for dataset, row in TABLE_3.items():
        refined = TABLE_2[dataset]["sl_r"]
        contest = (row.mcr_sl_r, row.auc_sl_r, row.jac_sl_r, row.f1_sl_r)
        assert contest == (refined.mcr, refined.auc, refined.jac, refined.f1)


def test_published_wins_are_those_of_the_published_losses():
    blocks = {"mcr": [], "auc": [], "jac": [], "f1": []}
    for field in TABLE_3_WINS._fields:
        blocks[field.split("_")[0]].append(field)
    for fields in blocks.values():
        wins = dict.fromkeys(fields, 0.0)
        for row in TABLE_3.values():
            lowest = min(getattr(row, field) for field in fields)
            winners = [field for field in fields if getattr(row, field) == lowest]
            for field in winners:
                wins[field] += 1 / len(winners)
        assert wins == {field: getattr(TABLE_3_WINS, field) for field in fields}


def test_published_ranks_are_not_those_of_the_published_losses():
    for column in PUBLISHED_AS:
        by_row = [
            shared_ranks([getattr(row, column) for row in rows.values()])
            for rows in TABLE_2.values()
        ]
        ranks = [sum(ranks) / 9 for ranks in zip(*by_row, strict=True)]
        printed = [getattr(row, column) for row in TABLE_2_RANKS.values()]
        gaps = [abs(a - b) for a, b in zip(ranks, printed, strict=True)]
        assert 0.1 < max(gaps) < 0.4
    # but both put the universal surrogate last in all but AUC
    assert TABLE_2_RANKS["sl_u"].auc == min(row.auc for row in TABLE_2_RANKS.values())
    assert all(rank > 2.5 for rank in TABLE_2_RANKS["sl_u"][1:])


def test_published_jaccard_is_an_error_rate():
    for rows in TABLE_2.values():
        for method in ("sl_r", "sl_s"):
            assert rows[method].jac == pytest.approx(rows[method].mcr, abs=0.005)
    assert PUBLISHED_AS["jac"] == PUBLISHED_AS["mcr"] == "error_rate"
