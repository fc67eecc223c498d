"""Encoders in files."""

import base64
import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from table_cases import one_line

from losslearn.encoding import TableEncoder


@pytest.fixture
def dumped(tmp_path, encoder):
    path = tmp_path / "columns.encoder"
    encoder.dump(path)
    return path


def test_a_loaded_encoder_is_the_same_bit_for_bit(tmp_path, table, encoder, dumped):
    loaded = TableEncoder.load(dumped)
    assert loaded.feature_names_in_.tolist() == encoder.feature_names_in_.tolist()
    assert loaded.kinds == encoder.kinds
    assert loaded.get_feature_names_out().tolist() == (
        encoder.get_feature_names_out().tolist()
    )
    assert loaded.transform(table).tobytes() == encoder.transform(table).tobytes()
    loaded.dump(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == dumped.read_bytes()


def test_a_truncated_file_is_refused(dumped):
    content = dumped.read_bytes()
    for n in [*range(0, 200, 10), *range(200, len(content), 40_009), len(content) - 1]:
        dumped.write_bytes(content[:n])
        with pytest.raises(ValueError, match="is damaged or is not") as error:
            TableEncoder.load(dumped)
        assert dumped.name in one_line(error)
    dumped.unlink()
    with pytest.raises(FileNotFoundError, match="There is no file"):
        TableEncoder.load(dumped)


def test_a_changed_byte_is_refused_or_does_not_matter(table, encoder, dumped):
    expected = encoder.transform(table.iloc[:3])
    content = dumped.read_bytes()
    rng = np.random.default_rng(0)
    ends = [*range(150), *range(len(content) - 300, len(content))]
    n_refused = 0
    for place in [*ends, *rng.integers(150, len(content) - 300, 50)]:
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        dumped.write_bytes(broken)
        try:
            loaded = TableEncoder.load(dumped)
        except ValueError:
            n_refused += 1
        else:
            np.testing.assert_array_equal(loaded.transform(table.iloc[:3]), expected)
    assert n_refused > 200


def rewritten(path, change):
    """Change the file and make its digest right again."""
    settings = json.loads(path.read_text())
    change(settings)
    text = json.dumps(settings.get("columns")).encode()
    settings["digest"] = hashlib.sha256(text).hexdigest()
    path.write_text(json.dumps(settings))


def in_column(**changes):
    return lambda settings: settings["columns"][0].update(changes)


def in_scale(**changes):
    return lambda settings: settings["columns"][0]["scale"].update(changes)


def in_spelling(**changes):
    return lambda settings: settings["columns"][7]["spelling"].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.pop("columns"),
        lambda settings: settings.update(columns=[]),
        lambda settings: settings.update(columns=[5]),
        lambda settings: settings.update(columns=None),
        in_column(kind="os.system"),
        in_column(kind=["number"]),
        in_column(name=5),
        in_column(scale={}),
        in_column(scale=[1.0]),
        in_column(marks=5),
        in_column(kind="date"),
        in_scale(deviation=0.0),
        in_scale(deviation=float("nan")),
        in_scale(mean="0"),
        in_scale(more=1.0),
        in_scale(low=1e9),
        in_spelling(weights=5),
        in_spelling(weights="?"),
        in_spelling(weights="AAAAAAAA"),
        in_spelling(directions="AADAfw=="),
        in_spelling(directions=base64.b64encode(b"\xff" * 4 * 4096 * 30).decode()),
        in_spelling(scales=[]),
    ],
)
def test_a_tampered_file_is_refused(dumped, change):
    rewritten(dumped, change)
    with pytest.raises(ValueError, match="is damaged or is not") as error:
        TableEncoder.load(dumped)
    assert one_line(error)


def test_another_version_is_refused(dumped):
    rewritten(dumped, lambda settings: settings.update(version=99))
    with pytest.raises(ValueError, match=r"version 99; expected .*version 4"):
        TableEncoder.load(dumped)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch, dumped):
    monkeypatch.chdir(tmp_path)
    array, skops_like = io.BytesIO(), io.BytesIO()
    np.savez(array, settings=np.array([Evil()], dtype=object))
    with zipfile.ZipFile(skops_like, "w") as file:
        node = {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
        file.writestr("schema.json", json.dumps(node))
    reference = {"__reduce__": ["os.mkdir", "executed"], "columns": [{"kind": "os"}]}
    for content in (
        *(pickle.dumps(Evil()), array.getvalue(), skops_like.getvalue()),
        *(json.dumps(reference).encode(), b"[" * 100_000, b"null", b"\xff"),
    ):
        dumped.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged or is not"):
            TableEncoder.load(dumped)
    assert not Path("executed").exists()
    with pytest.raises(FileExistsError):  # the attack works where it is let in
        [pickle.loads(pickle.dumps(Evil())) for _ in range(2)]
