"""Fixtures of this folder."""

import pytest
from table_cases import mixed_table

from losslearn.encoding import TableEncoder


@pytest.fixture(scope="module")
def table():
    return mixed_table().drop(columns="label")


@pytest.fixture(scope="module")
def encoder(table):
    return TableEncoder().fit(table)
