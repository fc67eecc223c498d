"""The table of `bench/studies/variants.py`."""

import argparse

import fits
import pytest
import variants


def line(variant: str, seed: int, test: float, *, branches: tuple[str, ...]) -> dict:
    cell = dict(zip(variants.KEY, (seed, "a", "f1", variant, 1, None), strict=True))
    branch = {"test": test, "cross_entropy": 0.5, "seconds": 1.0}
    return {**cell, **dict.fromkeys(branches, branch)}


@pytest.mark.parametrize("n_old", [0, 1])
def test_a_branch_is_shown_where_all_lines_have_it(n_old):
    losses = {"": (0.3, 0.5), "replay=1": (0.5, 0.6)}
    lines = [
        line(
            variant,
            seed,
            loss,
            branches=fits.METHODS if seed < n_old else fits.BRANCHES,
        )
        for variant, per_seed in losses.items()
        for seed, loss in enumerate(per_seed)
    ]
    asked = argparse.Namespace(data=["a"], metric=["f1"], variant=list(losses))
    _, _, *rows = variants.make_table(lines, asked).splitlines()
    shown = fits.METHODS if n_old else fits.BRANCHES
    assert [row.split(" | ")[3] for row in rows] == [b for b in shown for _ in losses]
    # (0.2 + 0.1) / 2, and half the difference of the two
    assert "| 0.55000 | +0.15000 ± 0.05000 | 2 of 2 |" in rows[1]
