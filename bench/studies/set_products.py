"""The set network's matrix products: ours beside BLAS, as the kernels call either.

    taskset -c 0 python bench/studies/set_products.py

One surrogate step has each product once: thirty codes of thirty units of n pairs, the
way back, and the gradient of the weights. Prints a table and writes
`results/set_products.json`.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit
from shared import write
from timing import hardware, interleaved, make_parser

from losslearn._fast.kernels.arithmetic import Matrix
from losslearn._fast.kernels.blas import one_thread
from losslearn._fast.kernels.products import multiply, multiply_by_rows

Timed = Callable[[Matrix, Matrix, Matrix, int], None]

UNITS, TIMES = 30, 100
"""Units of the network's two layers, and products of one call that is timed."""


def repeated(product: Callable[[Matrix, Matrix, Matrix], None]) -> Timed:
    """Return a compiled loop over a product, so that a call of it costs nothing."""
    compiled = njit(product)

    def loop(left: Matrix, right: Matrix, out: Matrix, times: int) -> None:
        for _ in range(times):
            compiled(left, right, out)

    timed: Timed = njit(loop)
    return timed


PRODUCTS = {
    "forward": (
        repeated(lambda weight, rows, out: multiply(weight, rows, out)),
        repeated(lambda weight, rows, out: np.dot(weight, rows, out)),
    ),
    "back": (
        repeated(lambda weight, rows, out: multiply(weight.T.copy(), rows, out)),
        repeated(lambda weight, rows, out: np.dot(weight.T, rows, out)),
    ),
    "gradient": (
        repeated(lambda slopes, rows, out: multiply_by_rows(slopes, rows, out)),
        repeated(lambda slopes, rows, out: np.dot(slopes, rows.T, out)),
    ),
}
"""Each product of ours, and by BLAS."""


class Line(NamedTuple):
    """Microseconds of one product."""

    product: str
    n: int
    ours: float
    blas: float


def measure(n: int, blocks: int, seconds: float) -> list[Line]:
    """Return the times of all products of sets of n rows."""
    generator = np.random.default_rng(0)

    def draw(*shape: int) -> Matrix:
        return generator.standard_normal(shape).astype(np.float32)

    weight, rows, slopes = draw(UNITS, UNITS), draw(UNITS, n), draw(UNITS, n)
    arrays = {
        "forward": (weight, rows, draw(UNITS, n)),
        "back": (weight, slopes, draw(UNITS, n)),
        "gradient": (slopes, rows, draw(UNITS, UNITS)),
    }
    named = [(name, way) for name, both in PRODUCTS.items() for way in both]
    ways = [partial(way, *arrays[name], TIMES) for name, way in named]
    milliseconds = interleaved(*ways, blocks=blocks, seconds=seconds)
    times = [1e3 * taken / TIMES for taken in milliseconds]
    return [
        Line(name, n, ours, blas)
        for name, ours, blas in zip(PRODUCTS, times[::2], times[1::2], strict=True)
    ]


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    parser = make_parser(__doc__, "set_products.json", blocks=25, seconds=0.02)
    options = parser.parse_args(args)
    with one_thread():
        timing = (options.blocks, options.seconds)
        lines = [line for n in (100, 500, 1_000) for line in measure(n, *timing)]
    for line in lines:
        sys.stdout.write(
            f"| {line.product} | {line.n:,} | {line.ours:.1f} | {line.blas:.1f} | "
            f"{line.ours / line.blas:.2f} x |\n"
        )
    table = [line._asdict() for line in lines]
    write(options.out, {"hardware": hardware(), "microseconds": table})


if __name__ == "__main__":
    main()
