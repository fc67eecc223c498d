"""The BLAS that compiled kernels call, held to one thread while they do."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _blas() -> ThreadpoolController:
    """Return what numba takes its matrix products from."""
    import_module("scipy.linalg.cython_blas")  # so that it is loaded
    found = ThreadpoolController().select(user_api="blas")
    own = [one["filepath"] for one in found.info() if "scipy" in one["filepath"]]
    return found.select(filepath=own) if own else found


def one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread within.

    The kernels' products are small: more threads only wait for each other, and where
    several processes share the cores they do so for most of the time. Rounding does not
    depend on the number of cores then. Whoever else calls BLAS finds it as it was.
    """
    blas = _blas()
    # a limit costs as much as a small kernel, so none is set that changes nothing
    if all(library.num_threads == 1 for library in blas.lib_controllers):
        return nullcontext()
    limit: AbstractContextManager[Any] = blas.limit(limits=1)
    return limit
