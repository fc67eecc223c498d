"""Asking for memory before it is needed."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOATS_PER_LINE = 16
"""Numbers of single precision that a processor fetches together, 64 bytes."""


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, array: Any, place: Any) -> Any:  # noqa: ANN401 - as above
    """Let the processor fetch an array's element, and its neighbours, and go on.

    A hint: nothing comes of it where the place is outside the array.
    """
    del typing_context, place

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - as above
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
