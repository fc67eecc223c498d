"""Fixtures that every test has; what holds for all of them is set as they come."""

from importlib.util import find_spec

import pytest
from every_test import (  # noqa: F401 - fixtures are found by their names
    data_dir,
    form,
    losslearn_cache,
    no_draws_on_import,
    torch_seed,
)

NEEDS = {
    "large_tables.md": ("losslearn_bench", "bench/, as `make check` has"),
    "strong_networks.md": ("tabm", "the extra `strong`"),
}
"""Of a page's examples: a package, and what brings it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip pages whose examples need what is not installed."""
    for item in items:
        package, source = NEEDS.get(item.path.name, ("", ""))
        if package and not find_spec(package):
            item.add_marker(pytest.mark.skip(reason=f"needs {source}"))
