"""Model directories: everything needed to predict for a new table, and no code.

Weights are safetensors, all else is JSON; loading runs nothing that is stored.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from losslearn import __version__
from losslearn._files import check_replaceable, followed, json_text, replacing
from losslearn.encoding import TableEncoder
from losslearn.estimators.seen import SeenRows
from losslearn.metrics.columns import TextColumns
from losslearn.models.kinds import NAMES, empty_module, name_of
from losslearn.models.networks import check_weights, exact_scores
from losslearn.tables.fitted import FittedTable
from losslearn.tables.metric_name import MetricName
from losslearn.tasks.registry import get_task

_FORMAT = "losslearn model"
_VERSION = 4
_WEIGHTS = "weights.safetensors"
_SETTINGS = "settings.json"
_COLUMNS = "columns.json"
_HISTORY = "history.json"
_LEARNING_CURVES = "learning_curves.png"
_SEEN = "seen_rows.bin"
_CHECKED = (_WEIGHTS, _COLUMNS, _HISTORY, _SEEN)
"""Files of which the settings hold a fingerprint, beside one of their own content."""
_FILES = {*_CHECKED, _SETTINGS, _LEARNING_CURVES, "preprocessing.npz"}
"""What a model directory of this version or an earlier one may hold."""
_WRONG_FORM = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What settings of the wrong form can raise."""


def save_model(path: str | os.PathLike[str], model: FittedTable) -> None:
    """Write a model directory; a model that is there already is replaced as a whole.

    Args:
        path: The folder; missing parents are made.
        model: What to write, and its learning curves where there are any.

    Raises:
        ValueError: If something else than a model is there, or the model is a module of
            the user's own, which no file can rebuild, or has weights that are no finite
            numbers.
        OSError: If it cannot be written.
    """
    path = check_destination(path)
    figure = model.learning_curves  # which may add to the report
    settings = _settings_of(model)
    with replacing(path) as folder:
        folder.mkdir()
        check_weights(model.module)
        state = model.module.state_dict()
        weights = {name: part.contiguous().cpu() for name, part in state.items()}
        # not by `save_file`, which lets none but the owner read
        (folder / _WEIGHTS).write_bytes(save(weights))
        model.encoder.dump(folder / _COLUMNS)
        _write_json(folder / _HISTORY, model.history)
        if figure is not None:
            (folder / _LEARNING_CURVES).write_bytes(figure)
        if model.seen is not None:
            (folder / _SEEN).write_bytes(model.seen.hashes.astype("<u8").tobytes())
        settings["sha256"] = {
            name: _fingerprint((folder / name).read_bytes())
            for name in _CHECKED
            if (folder / name).exists()
        }
        settings["sha256"][_SETTINGS] = _fingerprint_of(settings)
        _write_json(folder / _SETTINGS, settings)


def save_somewhere(path: Path, model: FittedTable) -> tuple[Path | None, str | None]:
    """Write a model directory, elsewhere if it cannot be written where it was to be.

    Args:
        path: The folder; if the disk is full, say, one of the same name in the
            system's temporary folder takes its place.
        model: What to write.

    Returns:
        Where it is, None for nowhere; and what went wrong in words, None for nothing.
    """
    try:
        save_model(path, model)
    except (OSError, ValueError) as error:
        failure = f"the model could not be written to {str(path)!r} ({_reason(error)})"
        try:
            other = Path(tempfile.mkdtemp(prefix="losslearn-"))
        except OSError as second:
            return None, f"{failure}, nor to a temporary folder ({_reason(second)})"
        try:
            save_model(other / path.name, model)
        except (OSError, ValueError) as second:
            shutil.rmtree(other, ignore_errors=True)
            return None, f"{failure}, nor to {str(other)!r} ({_reason(second)})"
        return other / path.name, f"{failure}; it is in {str(other / path.name)!r}"
    return path, None


def _reason(error: Exception) -> str:
    """Return why something could not be written, without the path."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def check_encoder(encoder: object) -> None:
    """Check that a file can hold an encoder.

    Raises:
        ValueError: If it is of the user's own.
    """
    if not isinstance(encoder, TableEncoder):
        raise ValueError(
            "An encoder of your own cannot be written to a model directory, only a "
            f"`TableEncoder`; got {type(encoder).__name__}."
        )


def _settings_of(model: FittedTable) -> dict[str, Any]:
    kind = name_of(model.module)
    if kind is None:
        raise ValueError(
            "A model of your own cannot be written to a model directory, only "
            f"{sorted(NAMES)}; got {type(model.module).__name__}."
        )
    check_encoder(model.encoder)
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "losslearn": __version__,
        "task": model.task.name,
        "metric": model.metric.to_dict(),
        "target": model.target,
        "ids": list(model.ids),
        "labels": model.labels.to_dict(),
        "rule": model.rule.to_dict(),
        "texts": {
            name: model.texts.values(name)
            for name in model.rule.columns
            if name in model.texts
        },
        "calibration": dict(model.calibration),
        "model": {
            "kind": kind,
            "n_features": len(model.encoder.get_feature_names_out()),
            "sizes": getattr(model.module, "sizes", {}),
        },
        "columns": model.encoder.kinds,
        "recipe": dict(model.recipe),
        "report": {**model.report, "model": None},
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json_text(content, indent=2) + "\n", encoding="utf-8")


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fingerprint_of(settings: Mapping[str, Any]) -> str:
    """Return the fingerprint of all that settings say but this."""
    others = {**settings["sha256"]}
    others.pop(_SETTINGS, None)
    content = json_text({**settings, "sha256": others})
    return _fingerprint(content.encode())


def check_destination(path: str | os.PathLike[str]) -> Path:
    """Return where a model may be written, before any work is put into it.

    Raises:
        ValueError: If something else than a model is there.
        OSError: If nothing can be written there.
    """
    path = Path(path)
    if path.is_symlink():
        path = followed(path)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file; expected a folder for the model.")
    if path.is_dir() and any(path.iterdir()):
        _check_is_model(path)
    check_replaceable(path)
    return path


def _check_is_model(path: Path) -> None:
    try:
        found = json.loads((path / _SETTINGS).read_text(encoding="utf-8"))["format"]
    except (OSError, *_WRONG_FORM):
        found = None
    if found != _FORMAT:
        raise ValueError(
            f"{str(path)!r} is there already and is no losslearn model. Choose another "
            "folder."
        )
    others = sorted({entry.name for entry in path.iterdir()} - _FILES)
    if others:
        raise ValueError(
            f"{str(path)!r} holds a losslearn model and other files, such as "
            f"{others[0]!r}, which would be lost. Choose another folder."
        )


def load_model(path: str | os.PathLike[str]) -> FittedTable:
    """Return the model of a model directory; runs nothing that is stored in it.

    Args:
        path: The folder that `save_model` or `losslearn fit` wrote.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no model, or one that is incomplete, damaged or of
            another version.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no model directory {str(path)!r}.")
    if not (path / _SETTINGS).is_file():
        raise ValueError(f"{str(path)!r} is no losslearn model: it has no {_SETTINGS}.")
    settings = _read_settings(path)
    contents = _read_checked(path, settings)
    encoder = TableEncoder.load(path / _COLUMNS)
    try:
        return _rebuild(settings, contents, encoder)
    except (RuntimeError, SafetensorError, *_WRONG_FORM) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"The model in {str(path)!r} is damaged: {reason}. Fit it again."
        ) from error


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads((path / _SETTINGS).read_text(encoding="utf-8"))
        found, version = settings["format"], settings["version"]
    except _WRONG_FORM as error:
        raise ValueError(
            f"{str(path / _SETTINGS)!r} is damaged or not of a losslearn model."
        ) from error
    if found != _FORMAT:
        raise ValueError(f"{str(path)!r} is no losslearn model but {found!r}.")
    if version != _VERSION:
        raise ValueError(
            f"The model in {str(path)!r} was written by losslearn "
            f"{settings.get('losslearn')} in format {version!r}; this is losslearn "
            f"{__version__}, which reads format {_VERSION}. Fit it again."
        )
    try:
        is_whole = settings["sha256"][_SETTINGS] == _fingerprint_of(settings)
    except _WRONG_FORM:
        is_whole = False
    if not is_whole:
        raise _not_as_written(path, _SETTINGS)
    return settings


def _not_as_written(path: Path, name: str) -> ValueError:
    return ValueError(
        f"The model in {str(path)!r} is damaged: {name} is not the file that was "
        "written with it. Fit it again."
    )


def _read_checked(path: Path, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of the other files, compared with their fingerprints."""
    contents = {}
    known = settings.get("sha256")
    for name in _CHECKED:
        if name == _SEEN and isinstance(known, dict) and name not in known:
            continue  # of many equal rows none are kept
        try:
            contents[name] = (path / name).read_bytes()
        except FileNotFoundError as error:
            raise ValueError(
                f"The model in {str(path)!r} is incomplete: {name} is missing."
            ) from error
        found = _fingerprint(contents[name])
        if not isinstance(known, dict) or known.get(name) != found:
            raise _not_as_written(path, name)
    return contents


def _rebuild(
    settings: Mapping[str, Any], contents: Mapping[str, bytes], encoder: TableEncoder
) -> FittedTable:
    kind, n_features = settings["model"]["kind"], settings["model"]["n_features"]
    if n_features != len(encoder.get_feature_names_out()):
        raise ValueError(
            f"{n_features} features do not match {len(encoder.get_feature_names_out())}"
        )
    metric = MetricName.from_dict(settings["metric"])
    if metric.source == "built-in":
        metric.true_loss()
    task = get_task(settings["task"])
    sizes = settings["model"].get("sizes", {})
    module = empty_module(kind, n_features, score_shape=task.score_shape, **sizes)
    module.load_state_dict(load(contents[_WEIGHTS]))
    check_weights(module)
    rule, calibration = settings["rule"], dict(settings["calibration"])
    for value in (*_numbers_in(rule), *calibration.values()):
        _check_finite(value)
    seen = contents.get(_SEEN)
    model = FittedTable(
        module=module.eval(),
        encoder=encoder,
        task=task,
        target=str(settings["target"]),
        ids=tuple(map(str, settings["ids"])),
        labels=task.restore_labels(settings["labels"]),
        metric=metric,
        rule=task.restore_rule(rule),
        texts=TextColumns.of(settings["texts"]),
        calibration=calibration,
        recipe=dict(settings["recipe"]),
        report=dict(settings["report"]),
        history=json.loads(contents[_HISTORY]),
        seen=None if seen is None else SeenRows(np.frombuffer(seen, "<u8")),
    )
    # what cannot say anything of one row is damaged
    x = torch.zeros(1, n_features)
    score = exact_scores(module, x, score_shape=task.score_shape).numpy()
    if not np.isfinite(score).all():
        raise ValueError("it gives a row no finite score")
    columns = {name: torch.zeros(1, dtype=torch.float64) for name in model.rule.columns}
    task.predictions(score, model.rule, model.labels, calibration, columns)
    return model


def _numbers_in(state: object) -> Iterator[object]:
    """Yield the numbers of a rule, however deep."""
    if isinstance(state, Mapping | list):
        parts = state.values() if isinstance(state, Mapping) else state
        for part in parts:
            yield from _numbers_in(part)
    elif isinstance(state, float | int):
        yield state


def _check_finite(value: object) -> None:
    if not isinstance(value, float | int) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
