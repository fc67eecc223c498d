"""The table of `bench/studies/variants.py`."""

import argparse
import json

import pytest
import variants


def line(variant: str, seed: int, test: float, *, branches: tuple[str, ...]) -> dict:
    cell = dict(zip(variants.KEY, ("a", "f1", variant, seed, 1, None), strict=True))
    branch = {"test": test, "cross_entropy": 0.5, "seconds": 1.0}
    return {**cell, **dict.fromkeys(branches, branch)}


@pytest.mark.parametrize("n_old", [0, 1])
def test_a_branch_is_shown_where_all_lines_have_it(n_old, tmp_path):
    losses = {"": (0.3, 0.5), "replay=1": (0.5, 0.6)}
    lines = [
        line(
            variant,
            seed,
            loss,
            branches=variants.METHODS if seed < n_old else variants.BRANCHES,
        )
        for variant, per_seed in losses.items()
        for seed, loss in enumerate(per_seed)
    ]
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    asked = argparse.Namespace(
        results=path, data=["a"], metric=["f1"], variant=list(losses)
    )
    _, _, *rows = variants.make_table(lines, asked).splitlines()
    shown = variants.METHODS if n_old else variants.BRANCHES
    assert [row.split(" | ")[3] for row in rows] == [b for b in shown for _ in losses]
    # (0.2 + 0.1) / 2, and half the difference of the two
    assert "| 0.55000 | +0.15000 ± 0.05000 | 2 of 2 |" in rows[1]
