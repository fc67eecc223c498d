"""Fixtures of this folder."""

import pytest
from metric_cases import random_sets


@pytest.fixture
def sets():
    return random_sets(3, 60)
