"""Rows from anywhere in a table, fetched before they are needed."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import float32, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from losslearn._fast.kernels.arithmetic import Matrix, Vector, compiled

Rows = NDArray[np.int64]
"""Numbers of rows of a table."""

Table = tuple[Matrix, Vector, Vector]
"""A table, `[rows, features]`; of each feature its mean, and one over its deviation, 0
for a constant one."""

_AHEAD = 8
"""Rows between what is asked for and what is worked on."""

_FLOATS_PER_LINE = 16
"""Numbers of single precision that a processor fetches together, 64 bytes."""


@intrinsic  # type: ignore[untyped-decorator]
def _prefetch(typing_context: Any, array: Any, place: Any) -> Any:  # noqa: ANN401 - numba's own
    """Let the processor fetch an array's element, and its neighbours, and go on.

    A hint: nothing comes of it where the place is outside the array.
    """
    del typing_context, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - numba's own
        data = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(data.data, [arguments[1]]), byte)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
            "llvm.prefetch.p0i8",
        )
        to_read, keep_close, data_not_code = number(0), number(3), number(1)
        builder.call(function, [address, to_read, keep_close, data_not_code])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@compiled
def _fetch_ahead(flat: Vector, width: int, rows: Rows, i: int) -> None:
    """Let the row be fetched that is needed some rows after the i-th.

    They lie anywhere in the table, and each would be waited for in turn.
    """
    if i + _AHEAD < len(rows):
        first = rows[i + _AHEAD] * width
        for j in range(0, width, _FLOATS_PER_LINE):
            _prefetch(flat, first + j)


@compiled
def gather(table: Table, rows: Rows, out: Matrix) -> None:
    """Write standardised rows of a table."""
    x, mean, inverse = table
    flat, n_features = x.reshape(-1), x.shape[1]
    for i in range(len(rows)):
        _fetch_ahead(flat, n_features, rows, i)
        row = rows[i]
        for j in range(n_features):
            out[i, j] = (x[row, j] - mean[j]) * inverse[j]


@compiled
def score_linear(alpha: Vector, table: Table, rows: Rows) -> Vector:
    """Return the linear model's scores, without a copy of the rows."""
    x, mean, inverse = table
    flat, n_features = x.reshape(-1), x.shape[1]
    weight = alpha[:n_features] * inverse
    bias = alpha[n_features]
    for j in range(n_features):
        bias -= weight[j] * mean[j]
    scores = np.empty(len(rows), np.float32)
    for i in range(len(rows)):
        _fetch_ahead(flat, n_features, rows, i)
        row, total = rows[i], float32(0.0)
        for j in range(n_features):
            total += weight[j] * x[row, j]
        scores[i] = total + bias
    return scores
