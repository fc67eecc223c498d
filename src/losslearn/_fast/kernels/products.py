"""Products of a small matrix and a long one, three rows by three at a time.

The set network's matrices have some thirty rows of some hundred numbers. BLAS spends
much of its time on them with bringing them into an order of its own; three rows by
three fit the processor's registers as they are.
"""

from numba import float32

from losslearn._fast.kernels.arithmetic import Matrix, compiled


@compiled
def multiply(weight: Matrix, rows: Matrix, out: Matrix) -> None:
    """Write the product of weights `[units, inputs]` and rows `[inputs, n]`."""
    units, inputs = weight.shape
    n, in_threes = rows.shape[1], inputs // 3 * 3
    out[:] = float32(0.0)
    for k in range(0, units - 2, 3):
        o0, o1, o2 = out[k], out[k + 1], out[k + 2]
        for j in range(0, in_threes, 3):
            a0, a1, a2 = weight[k, j], weight[k, j + 1], weight[k, j + 2]
            b0, b1, b2 = weight[k + 1, j], weight[k + 1, j + 1], weight[k + 1, j + 2]
            c0, c1, c2 = weight[k + 2, j], weight[k + 2, j + 1], weight[k + 2, j + 2]
            r0, r1, r2 = rows[j], rows[j + 1], rows[j + 2]
            for i in range(n):
                x0, x1, x2 = r0[i], r1[i], r2[i]
                o0[i] += a0 * x0 + a1 * x1 + a2 * x2
                o1[i] += b0 * x0 + b1 * x1 + b2 * x2
                o2[i] += c0 * x0 + c1 * x1 + c2 * x2
    # what three by three leave
    for k in range(units):
        for j in range(in_threes if k < units // 3 * 3 else 0, inputs):
            w, row, to = weight[k, j], rows[j], out[k]
            for i in range(n):
                to[i] += w * row[i]


@compiled
def multiply_by_rows(left: Matrix, right: Matrix, out: Matrix) -> None:
    """Write the product of `[units, n]` and `[inputs, n]` transposed."""
    units, n = left.shape
    inputs = len(right)
    for k in range(0, units - 2, 3):
        l0, l1, l2 = left[k], left[k + 1], left[k + 2]
        for j in range(0, inputs - 2, 3):
            r0, r1, r2 = right[j], right[j + 1], right[j + 2]
            a0 = a1 = a2 = b0 = b1 = b2 = c0 = c1 = c2 = float32(0.0)
            for i in range(n):
                x0, x1, x2 = r0[i], r1[i], r2[i]
                a, b, c = l0[i], l1[i], l2[i]
                a0 += a * x0
                a1 += a * x1
                a2 += a * x2
                b0 += b * x0
                b1 += b * x1
                b2 += b * x2
                c0 += c * x0
                c1 += c * x1
                c2 += c * x2
            out[k, j], out[k, j + 1], out[k, j + 2] = a0, a1, a2
            out[k + 1, j], out[k + 1, j + 1], out[k + 1, j + 2] = b0, b1, b2
            out[k + 2, j], out[k + 2, j + 1], out[k + 2, j + 2] = c0, c1, c2
    # what three by three leave
    for k in range(units):
        for j in range(inputs // 3 * 3 if k < units // 3 * 3 else 0, inputs):
            row, other, total = left[k], right[j], float32(0.0)
            for i in range(n):
                total += row[i] * other[i]
            out[k, j] = total
