"""Writing a model directory."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from losslearn import __version__
from losslearn.models.networks import MODELS
from losslearn.tables.saved.directories import check_destination, replacing
from losslearn.tables.saved.layout import (
    CHECKED,
    FORMAT,
    HISTORY,
    LEARNING_CURVES,
    PREPROCESSING,
    SETTINGS,
    VERSION,
    WEIGHTS,
    fingerprint,
    without_nan,
)
from losslearn.tables.saved.table_model import TableModel

_UNSAVED = frozenset({"metric", "watch", "fit_progress", "device"})
"""Arguments of the estimator that a file cannot hold, or that are not the model's."""


def save_model(
    path: str | os.PathLike[str],
    model: TableModel,
    *,
    figure: bytes | None = None,
) -> None:
    """Write a model directory; a model that is there already is replaced as a whole.

    Args:
        path: The folder; missing parents are made.
        model: What to write.
        figure: Learning curves as PNG, written beside it.

    Raises:
        ValueError: If something else than a model is there, or the classifier's model
            is a module of the user's own, which no file can rebuild.
        OSError: If it cannot be written.
    """
    path = check_destination(path)
    settings = _settings_of(model)
    with replacing(path) as folder:
        state = model.classifier.model_.state_dict()
        weights = {name: part.contiguous().cpu() for name, part in state.items()}
        save_file(weights, folder / WEIGHTS)
        model.encoder.dump(folder / PREPROCESSING)
        _write_json(folder / HISTORY, model.classifier.history_)
        if figure is not None:
            (folder / LEARNING_CURVES).write_bytes(figure)
        settings["sha256"] = {
            name: fingerprint((folder / name).read_bytes()) for name in CHECKED
        }
        _write_json(folder / SETTINGS, settings)


def _settings_of(model: TableModel) -> dict[str, Any]:
    classifier = model.classifier
    kind = classifier.model
    if not isinstance(kind, str):
        raise ValueError(
            "A model of your own cannot be written to a model directory, only "
            f"{sorted(MODELS)}; got {type(kind).__name__}."
        )
    arguments = {
        name: value
        for name, value in classifier.get_params(deep=False).items()
        if name not in _UNSAVED
    }
    slope, intercept = classifier.calibration_
    return {
        "format": FORMAT,
        "version": VERSION,
        "losslearn": __version__,
        "metric": asdict(model.metric),
        "target": model.target,
        "classes": list(model.classes),
        "threshold": classifier.threshold_,
        "calibration": {"slope": slope, "intercept": intercept},
        "model": {"kind": kind, "n_features": classifier.n_features_in_},
        "columns": model.encoder.kinds,
        "estimator": arguments,
        "report": model.report,
    }


def _write_json(path: Path, content: object) -> None:
    text = json.dumps(
        without_nan(content), indent=2, allow_nan=False, ensure_ascii=False
    )
    path.write_text(text + "\n", encoding="utf-8")
