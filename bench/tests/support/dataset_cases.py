"""What the tests of this folder share."""

import hashlib
import io
import json
from types import SimpleNamespace
from urllib.parse import urlparse
from urllib.response import addinfourl

import pandas as pd
import sklearn.datasets

from losslearn_bench.datasets import (
    DatasetInfo,
    loading,
)

BESIDE = loading._BESIDE


TINY = DatasetInfo(
    name="tiny",
    title="Six rows",
    n_rows=6,
    n_features=2,
    n_positives=2,
    origin="This file",
    licence="none",
    openml_id=7,
    positive_label="2",
    drop=("id",),
)


ROWS = {"a": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "b": [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]}


TARGET = [0, 1, 0, 0, 1, 0]


DESCRIPTION = "/api/v1/json/data/7"


DOWNLOAD = "/data/v1/download/7/tiny.arff"


X = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 1.0], [5.0, 0.0]]


class Web:
    """Stands for the internet: sends bytes by path, after some errors of the path."""

    def __init__(self):
        self.pages, self.errors, self.asked = {}, {}, []

    def open(self, request, *_):
        path = urlparse(request.full_url).path
        self.asked.append(path)
        errors = self.errors.get(path, self.errors.get("everywhere", []))
        if errors:
            raise errors.pop(0)
        return addinfourl(io.BytesIO(self.pages[path]), {}, request.full_url)

    def has_tiny(self, *, row="{},{},{}", form="ARFF"):
        """Let OpenML have the six rows, as its API sends them."""
        rows = zip(*ROWS.values(), ("1", "2", "1", "1", "2", "1"), strict=True)
        arff = "@RELATION tiny\n@ATTRIBUTE a REAL\n@ATTRIBUTE b REAL\n"
        arff += "@ATTRIBUTE Class {1,2}\n@DATA\n"
        arff += "".join(row.format(*values) + "\n" for values in rows)
        about = {
            "status": "active",
            "description": "Six rows",
            "format": form,
            "url": f"https://openml.org{DOWNLOAD}",
            "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
            "name": "tiny",
            "version": "1",
        }
        kinds = {"a": "numeric", "b": "numeric", "Class": "nominal"}
        features = [
            {
                "index": str(index),
                "name": name,
                "data_type": kind,
                "is_target": str(name == "Class").lower(),
                "is_ignore": "false",
                "is_row_identifier": "false",
                "number_of_missing_values": "0",
            }
            for index, (name, kind) in enumerate(kinds.items())
        ]
        number = [{"name": "NumberOfInstances", "value": "6.0"}]
        answers = {
            DESCRIPTION: {"data_set_description": about},
            "/api/v1/json/data/features/7": {"data_features": {"feature": features}},
            "/api/v1/json/data/qualities/7": {"data_qualities": {"quality": number}},
        }
        self.pages = {path: json.dumps(said).encode() for path, said in answers.items()}
        self.pages[DOWNLOAD] = arff.encode()


def write(path, *, features=ROWS, target=TARGET):
    pd.DataFrame({**features, "target": target}).to_parquet(path)
    return path


def answer(monkeypatch, reply):
    """Let OpenML answer with a reply, or with what a function returns."""
    calls = []

    def fetch(**asked):
        calls.append(asked)
        return reply() if callable(reply) else reply

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    return calls


def sent(*, features=ROWS, labels=("1", "2", "1", "1", "2", "1")):
    frame = pd.DataFrame(features)
    target = pd.Series(labels, name="Class", dtype="category")
    return SimpleNamespace(data=frame, target=target, feature_names=list(frame.columns))


def files_in(path):
    return sorted(str(file.name) for file in path.rglob("*") if file.is_file())
