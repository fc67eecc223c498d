"""Verdicts on many comparisons at once, each over random splits."""

import statistics
from collections.abc import Sequence

from losslearn_bench.tables.significance import (
    LEVEL,
    Verdict,
    corrected_resampled_t_test,
    holm,
)

_TEST_SHARE = 0.25
"""Test rows over all other rows."""


def judge_family(
    gaps: Sequence[Sequence[float]],
) -> tuple[list[Verdict], list[Verdict]]:
    """Return the verdict on each comparison alone, and as one of a family (Holm).

    By the corrected resampled t-test at 5 %; a tie of a single split.

    Args:
        gaps: By how much ours is better in each split, of each comparison.

    Example:
        >>> judge_family([[0.1, 0.11, 0.12], [0.1, -0.2], [-0.4, -0.43, -0.37]])
        (['win', 'tie', 'loss'], ['win', 'tie', 'loss'])
    """
    p_values = [_p_value(own) for own in gaps]
    return (
        [_verdict(own, p) for own, p in zip(gaps, p_values, strict=True)],
        [_verdict(own, p) for own, p in zip(gaps, holm(p_values), strict=True)],
    )


def _p_value(gaps: Sequence[float]) -> float:
    if len(gaps) < 2:
        return 1.0
    return corrected_resampled_t_test(gaps, test_share=_TEST_SHARE).p_value


def _verdict(gaps: Sequence[float], p_value: float) -> Verdict:
    if p_value >= LEVEL:
        return "tie"
    return "win" if statistics.fmean(gaps) > 0 else "loss"
