"""Reading a model directory; nothing in it is run."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load

from losslearn import __version__
from losslearn.models.networks import MODELS
from losslearn.tables.saved.layout import (
    CHECKED,
    FORMAT,
    HISTORY,
    PREPROCESSING,
    SETTINGS,
    VERSION,
    WEIGHTS,
    WRONG_FORM,
    fingerprint,
)
from losslearn.tables.saved.table_model import MetricName, TableModel

if TYPE_CHECKING:
    from losslearn.tables import TableEncoder


def load_model(path: str | os.PathLike[str]) -> TableModel:
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
    if not (path / SETTINGS).is_file():
        raise ValueError(f"{str(path)!r} is no losslearn model: it has no {SETTINGS}.")
    settings = _read_settings(path)
    contents = _read_checked(path, settings)
    from losslearn.tables import TableEncoder  # brings scikit-learn

    encoder = TableEncoder.load(path / PREPROCESSING)
    try:
        return _rebuild(settings, contents, encoder)
    except (RuntimeError, SafetensorError, *WRONG_FORM) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"The model in {str(path)!r} is damaged: {reason}. Fit it again."
        ) from error


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        found, version = settings["format"], settings["version"]
    except WRONG_FORM as error:
        raise ValueError(
            f"{str(path / SETTINGS)!r} is damaged or not of a losslearn model."
        ) from error
    if found != FORMAT:
        raise ValueError(f"{str(path)!r} is no losslearn model but {found!r}.")
    if version != VERSION:
        raise ValueError(
            f"The model in {str(path)!r} is of format version {version!r}, written by "
            f"losslearn {settings.get('losslearn')}; this is losslearn {__version__}, "
            f"which reads version {VERSION}. Fit it again."
        )
    return settings


def _read_checked(path: Path, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of the other files, compared with their fingerprints."""
    contents = {}
    for name in CHECKED:
        try:
            contents[name] = (path / name).read_bytes()
        except FileNotFoundError as error:
            raise ValueError(
                f"The model in {str(path)!r} is incomplete: {name} is missing."
            ) from error
        known = settings.get("sha256")
        if not isinstance(known, dict) or known.get(name) != fingerprint(
            contents[name]
        ):
            raise ValueError(
                f"The model in {str(path)!r} is damaged: {name} is not the file that "
                "was written with it."
            )
    return contents


def _rebuild(
    settings: Mapping[str, Any], contents: Mapping[str, bytes], encoder: "TableEncoder"
) -> TableModel:
    from losslearn.estimators.classifier import (
        SurrogateClassifier,  # brings scikit-learn
    )

    kind, n_features = settings["model"]["kind"], settings["model"]["n_features"]
    if n_features != len(encoder.feature_names_out):
        raise ValueError(
            f"{n_features} features do not match {len(encoder.feature_names_out)}"
        )
    named = dict(settings["metric"])
    # models from before metrics had columns do not name any
    metric = MetricName(**{**named, "columns": tuple(named.get("columns", ()))})
    classifier = SurrogateClassifier(metric.name, **settings["estimator"])
    module = MODELS[kind](n_features)
    module.load_state_dict(load(contents[WEIGHTS]))
    calibration = settings["calibration"]
    classifier.model_ = module.eval()
    classifier.classes_ = np.array([0, 1])
    classifier.n_features_in_ = n_features
    classifier.threshold_ = _finite(settings["threshold"])
    classifier.calibration_ = (
        _finite(calibration["slope"]),
        _finite(calibration["intercept"]),
    )
    classifier.history_ = json.loads(contents[HISTORY])
    classifier.report_ = settings["report"]
    classifier.n_iter_ = _iterations(settings["report"])
    if metric.source != "user":
        classifier.true_loss_ = metric.true_loss()
    negative, positive = settings["classes"]
    return TableModel(
        classifier=classifier,
        encoder=encoder,
        target=str(settings["target"]),
        classes=(negative, positive),
        metric=metric,
        report=dict(settings["report"]),
    )


def _finite(value: object) -> float:
    if not isinstance(value, float | int) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _iterations(report: Mapping[str, Any]) -> int:
    """Return the iterations of the chosen method."""
    return next(
        int(result["iterations"])
        for result in report["results"]
        if result["method"] == report["chosen"]
    )
