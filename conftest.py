"""Fixtures that every test has; what holds for all of them is set as they come."""

from every_test import (  # noqa: F401 - fixtures are found by their names
    data_dir,
    form,
    losslearn_cache,
    no_draws_on_import,
    torch_seed,
)
