"""Fixtures of this folder."""

import time
import urllib.request

import pytest
from dataset_cases import Web

from losslearn_bench.datasets import (
    DATASETS,
    catalogue,
    loading,
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Keep the folder of the real data sets out of reach."""
    monkeypatch.delenv("LOSSLEARN_DATA", raising=False)
    monkeypatch.setattr(loading, "_BESIDE", tmp_path / "no such folder")


@pytest.fixture
def know(monkeypatch):
    """Put a data set into the catalogue for one test."""

    def put(info):
        known = {**DATASETS, info.name: info}
        for module in (catalogue, loading):
            monkeypatch.setattr(module, "DATASETS", known)

    return put


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def pauses(monkeypatch):
    """Collect the pauses between tries instead of waiting."""
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture
def web():
    """Put nothing but a made-up internet behind `urlopen`."""
    made_up = Web()
    urllib.request.install_opener(made_up)
    yield made_up
    urllib.request.install_opener(None)
