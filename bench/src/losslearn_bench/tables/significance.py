"""Whether one method is better than another, over repetitions and over data sets.

By Demsar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", and
Nadeau and Bengio (2003), "Inference for the Generalization Error".
"""

import itertools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Verdict = Literal["win", "tie", "loss"]
"""What a comparison of losses says of ours: lower, not told apart, higher."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Losses = Sequence[float]

LEVEL = 0.05
_ROUNDING = 1e-12  # losses are of order one; smaller differences are not theirs
_MOST_EXACT = 13
"""Data sets up to which scipy's signed-rank test is exact where ranks are shared."""


class Significance(NamedTuple):
    """A test's statistic, and how likely one as extreme is without a difference."""

    statistic: float
    p_value: float


class AverageRanks(NamedTuple):
    """Ranks averaged over data sets, 1 is best."""

    ranks: NDArray[np.float64]
    """One for each method; NaN if no data set has all methods."""
    n_datasets: int
    """How many data sets have all methods, and so were ranked."""


def corrected_resampled_t_test(
    differences: Sequence[float], *, test_share: float
) -> Significance:
    r"""Test whether the mean difference over repeated random splits is zero.

    Splits share rows, so their differences are not independent, and the plain t-test
    finds differences that are none. The correction of Nadeau and Bengio widens the
    variance:

    .. math::
        t = \bar d \Big/ \sqrt{\Big(\frac1n + \frac{n_\text{test}}{n_\text{train}}\Big)
            \hat\sigma^2}

    with n - 1 degrees of freedom; the p-value is two-sided. Equal differences have no
    spread: the statistic is then 0 (p-value 1) if they are zero, and infinite (p-value
    0) if not. `test_share` is test rows over rows learned from: 0.25 for 80 to 20.

    Example:
        >>> result = corrected_resampled_t_test([-0.1, -0.2, -0.3], test_share=0.25)
        >>> round(result.statistic, 3), round(result.p_value, 3)
        (-2.619, 0.12)
    """
    values = _finite(differences)
    if len(values) < 2:
        raise ValueError(
            f"`differences` must hold at least 2 repetitions, got {len(values)}: "
            "one alone has no spread. Run more repetitions."
        )
    if not 0 <= test_share < math.inf:
        raise ValueError(
            "`test_share` must be the test rows over the rows learned from, at least "
            f"0, got {test_share}."
        )
    mean = float(values.mean())
    if float(np.ptp(values)) <= _ROUNDING:
        is_zero = abs(mean) <= _ROUNDING
        statistic = 0.0 if is_zero else math.copysign(math.inf, mean)
        return Significance(statistic, float(is_zero))
    factor = 1 / len(values) + test_share
    statistic = mean / math.sqrt(factor * float(values.var(ddof=1)))
    p_value = 2 * stats.t.sf(abs(statistic), len(values) - 1)
    return Significance(statistic, float(p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that stay honest for a whole family of tests (Holm, 1979).

    Those below a level are as many wrong finds as one test alone would have, at most.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    n, highest = len(p_values), 0.0
    found = [0.0] * n
    for place, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min((n - place) * p_values[index], 1.0))
        found[index] = highest
    return found


def wilcoxon(differences: Sequence[float]) -> Significance:
    """Test whether differences over data sets are as often, and as far, up as down.

    The signed-rank test, two-sided: its statistic is the smaller sum of ranks. The
    ranks of zero differences are split evenly between the signs (Demsar).

    Example:
        >>> wilcoxon([-0.1, -0.2, -0.3, -0.4, -0.5])
        Significance(statistic=0.0, p_value=0.0625)
    """
    values = _finite(differences)
    n = len(values)
    if not n:
        raise ValueError("`differences` must hold at least one data set, got none.")
    values = np.where(np.abs(values) <= _ROUNDING, 0.0, values)
    if not values.any():
        return Significance(n * (n + 1) / 4, 1.0)
    if n > _MOST_EXACT:
        found = stats.wilcoxon(values, zero_method="zsplit")
        return Significance(float(found.statistic), float(found.pvalue))
    ranks = stats.rankdata(np.abs(values))
    observed = abs(np.sign(values) @ ranks)
    # scipy, where ranks are shared, calls its statistic for one choice after the other
    signs = np.array(list(itertools.product((-1, 1), repeat=n)))
    reached = np.mean(signs @ np.where(values, ranks, 0) >= observed)
    smaller = (ranks.sum() - observed) / 2
    return Significance(float(smaller), min(2 * float(reached), 1.0))


def verdict(ours: Losses, control: Losses, *, test_share: float) -> Verdict:
    """Judge losses paired by repetition by the corrected resampled t-test at 5 %.

    It is a tie where there are fewer than two repetitions to tell by.

    Example:
        >>> verdict([0.20, 0.21, 0.22], [0.30, 0.30, 0.32], test_share=0.25)
        'win'
    """
    if len(ours) != len(control):
        raise ValueError(
            "`ours` and `control` must be paired, one loss each for every repetition, "
            f"got {len(ours)} and {len(control)}. Keep the repetitions that both have."
        )
    differences = _finite(ours) - _finite(control)
    if len(differences) < 2:
        return "tie"
    result = corrected_resampled_t_test(differences.tolist(), test_share=test_share)
    if result.p_value >= LEVEL:
        return "tie"
    return "win" if result.statistic < 0 else "loss"


def average_ranks(table: ArrayLike) -> AverageRanks:
    """Rank the methods on each data set, and average over the data sets.

    Equal losses share the mean of their ranks. A data set on which a method is missing
    is left out as a whole: ranks among fewer methods are lower, and would flatter those
    that ran everywhere else.

    Example:
        >>> average_ranks([[0.1, 0.2, 0.2], [0.1, 0.2, 0.3], [0.1, 0.2, float("nan")]])
        AverageRanks(ranks=array([1.  , 2.25, 2.75]), n_datasets=2)
    """
    complete = _complete_rows(table)
    if not len(complete):
        return AverageRanks(np.full(complete.shape[1], np.nan), 0)
    return AverageRanks(stats.rankdata(complete, axis=1).mean(0), len(complete))


def friedman(table: ArrayLike) -> float:
    """Return how likely ranks as unlike are if all methods are alike on average.

    1 if all methods tie everywhere; NaN for fewer than three methods or two complete
    data sets.
    """
    complete = _complete_rows(table)
    if complete.shape[0] < 2 or complete.shape[1] < 3:
        return math.nan
    if not np.ptp(complete, axis=1).any():
        return 1.0
    return float(stats.friedmanchisquare(*complete.T).pvalue)


def critical_difference(n_methods: int, n_datasets: int) -> float:
    r"""Return how far apart two average ranks must be to differ (Nemenyi, 5 %).

    .. math::
        \mathrm{CD} = q_\alpha \sqrt{\frac{k (k + 1)}{6 N}}

    for k methods on N data sets; q is the studentised range over the square root of two
    (Demsar).

    Example:
        >>> round(critical_difference(4, 14), 2)
        1.25
    """
    q = stats.studentized_range.ppf(1 - LEVEL, n_methods, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(n_methods * (n_methods + 1) / (6 * n_datasets)))


def indistinguishable_groups(
    ranks: Sequence[float], cd: float
) -> list[tuple[int, ...]]:
    """Return the largest groups of methods whose average ranks all lie within `cd`.

    They are places in `ranks`, best first; two or more, none inside another.

    Example:
        >>> indistinguishable_groups([3.0, 1.0, 1.8, 4.5], 1.5)
        [(1, 2), (2, 0)]
    """
    order = [int(place) for place in np.argsort(ranks, kind="stable")]
    groups: list[tuple[int, ...]] = []
    reached = 0
    for start, first in enumerate(order):
        end = start
        while end < len(order) and ranks[order[end]] - ranks[first] < cd:
            end += 1
        if end - start > 1 and end > reached:
            groups.append(tuple(order[start:end]))
            reached = end
    return groups


def _finite(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the values as an array, once each is known to be a number."""
    array = np.asarray(values, dtype=np.float64)
    if not bool(np.isfinite(array).all()):
        raise ValueError(
            f"The values must be finite, got {array.tolist()}. Leave out repetitions "
            "and data sets that have no value."
        )
    return array


def _complete_rows(table: ArrayLike) -> NDArray[np.float64]:
    """Return the data sets that have a loss of every method, rounding noise removed."""
    array = np.asarray(table, dtype=np.float64)
    return np.asarray(array[~np.isnan(array).any(axis=1)].round(12))
