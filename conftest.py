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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the page that reads by the experiments, where these are not installed."""
    if find_spec("losslearn_bench"):
        return
    for item in items:
        if item.path.name == "large_tables.md":
            item.add_marker(
                pytest.mark.skip(reason="needs bench/, as `make check` has")
            )
