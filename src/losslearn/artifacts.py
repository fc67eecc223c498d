"""Model directories: everything needed to predict for a new table, and no code.

Weights are safetensors, the columns' preparation is arrays without Python objects, all
else is JSON; loading runs nothing that is stored.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from losslearn import __version__
from losslearn.estimators import SurrogateClassifier
from losslearn.metrics import TrueLoss, as_true_loss, get_true_loss
from losslearn.models import MODELS
from losslearn.tables import TableEncoder

if TYPE_CHECKING:
    import pandas as pd

Label = bool | int | float | str
"""What a class can be called: what JSON can hold."""

_FORMAT = "losslearn model"
_VERSION = 1
WEIGHTS = "weights.safetensors"
SETTINGS = "settings.json"
PREPROCESSING = "preprocessing.npz"
HISTORY = "history.json"
LEARNING_CURVES = "learning_curves.png"
_FILES = frozenset({WEIGHTS, SETTINGS, PREPROCESSING, HISTORY, LEARNING_CURVES})

_UNSAVED = frozenset({"metric", "watch", "fit_progress", "device"})
"""Arguments of the estimator that a file cannot hold, or that are not the model's."""
_DAMAGED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)
"""What settings of the wrong form can raise."""


@dataclass(frozen=True, kw_only=True)
class MetricName:
    """What a model was trained for, as far as a file can say it."""

    given: str
    """As the user wrote it."""
    name: str
    """Name of the true loss."""
    source: Literal["built-in", "scikit-learn", "user"]
    greater_is_better: bool | None = None
    """As the user said, if it had to be said."""

    def true_loss(self) -> TrueLoss:
        """Return the loss, which for a user's own function is not possible.

        Raises:
            ValueError: If the metric is a user's own, or unknown to this version.
        """
        if self.source == "built-in":
            return get_true_loss(self.name)
        if self.source == "scikit-learn":
            from sklearn.metrics import get_scorer

            return as_true_loss(get_scorer(self.given), name=self.given)
        raise ValueError(
            f"The model was trained for a metric of your own, `{self.given}`, which is "
            "not stored with it. Name it again."
        )


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A fitted classifier with the preparation of its columns and its labels."""

    classifier: SurrogateClassifier
    """Fitted to 0 and 1."""
    encoder: TableEncoder
    target: str
    """Name of the target column; a table to predict for may hold it."""
    classes: tuple[Label, Label]
    """What 0 and 1 stand for."""
    metric: MetricName
    report: dict[str, Any]
    """How the fit went, test rows included."""

    def score_frame(self, frame: "pd.DataFrame") -> NDArray[np.float64]:
        """Return the raw score of each row, higher is more likely the second class.

        Args:
            frame: A table with the columns of the training table.

        Raises:
            ValueError: If a column is missing or one too many, or cannot be read the
                way it was in the training rows.
        """
        return self.classifier.decision_function(self._features(frame))

    def predict_frame(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Return score, probability of the second class and label of each row.

        Args:
            frame: A table with the columns of the training table.

        Raises:
            ValueError: As `score_frame`.
        """
        import pandas as pd

        features = self._features(frame)
        is_positive = self.classifier.predict(features) == self.classifier.classes_[1]
        labels = [self.classes[place] for place in is_positive.astype(int).tolist()]
        columns = {
            "score": self.classifier.decision_function(features),
            "probability": self.classifier.predict_proba(features)[:, 1],
            "label": pd.Series(labels, index=frame.index),
        }
        return pd.DataFrame(columns, index=frame.index)

    def _features(self, frame: "pd.DataFrame") -> NDArray[np.float32]:
        if self.target not in self.encoder.columns:
            frame = frame.drop(columns=self.target, errors="ignore")
        return self.encoder.transform(frame)


def name_metric(
    given: str, true_loss: TrueLoss, *, greater_is_better: bool | None = None
) -> MetricName:
    """Return what a file can say of the loss a user named.

    Args:
        given: What the user wrote: a name, a scikit-learn scorer, "file.py:function".
        true_loss: What it stands for.
        greater_is_better: The direction, if the user gave it.
    """
    source: Literal["built-in", "scikit-learn", "user"] = "scikit-learn"
    if true_loss.is_builtin:
        source = "built-in"
    elif ".py" in given:  # what `as_true_loss` takes for a file
        source = "user"
    return MetricName(
        given=given,
        name=true_loss.name,
        source=source,
        greater_is_better=greater_is_better,
    )


def check_destination(path: str | os.PathLike[str]) -> Path:
    """Return where a model may be written, before any work is put into it.

    Raises:
        ValueError: If something else than a model is there.
        OSError: If nothing can be written there.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file; expected a folder for the model.")
    if path.is_dir() and any(path.iterdir()):
        _check_is_model(path)
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    trial = parent / f".{path.name}.{os.getpid()}.trial"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise OSError(
            f"{str(path)!r} cannot be written: {error.strerror or error}."
        ) from error
    return path


def _check_is_model(path: Path) -> None:
    try:
        found = json.loads((path / SETTINGS).read_text(encoding="utf-8"))["format"]
    except (OSError, *_DAMAGED):
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
    with _replacing(path) as folder:
        state = model.classifier.model_.state_dict()
        weights = {name: part.contiguous().cpu() for name, part in state.items()}
        save_file(weights, folder / WEIGHTS)
        model.encoder.dump(folder / PREPROCESSING)
        _write_json(folder / HISTORY, model.classifier.history_)
        if figure is not None:
            (folder / LEARNING_CURVES).write_bytes(figure)
        settings["sha256"] = {
            name: _sha256((folder / name).read_bytes())
            for name in (WEIGHTS, PREPROCESSING, HISTORY)
        }
        _write_json(folder / SETTINGS, settings)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a new folder that takes the place of `path` once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        yield part
        _put_in_place(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put_in_place(part: Path, path: Path) -> None:
    """Rename; what was there is taken away only after the new one is complete."""
    if not path.exists():
        part.rename(path)
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


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
        "format": _FORMAT,
        "version": _VERSION,
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


def without_nan(content: object) -> object:
    """Return nested lists and dictionaries with None for numbers that JSON has not."""
    if isinstance(content, float | np.floating):
        return float(content) if math.isfinite(content) else None
    if isinstance(content, np.generic):
        return content.item()
    if isinstance(content, Mapping):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
    encoder = TableEncoder.load(path / PREPROCESSING)
    try:
        return _rebuild(settings, contents, encoder)
    except (RuntimeError, SafetensorError, *_DAMAGED) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"The model in {str(path)!r} is damaged: {reason}. Fit it again."
        ) from error


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
        found, version = settings["format"], settings["version"]
    except _DAMAGED as error:
        raise ValueError(
            f"{str(path / SETTINGS)!r} is damaged or not of a losslearn model."
        ) from error
    if found != _FORMAT:
        raise ValueError(f"{str(path)!r} is no losslearn model but {found!r}.")
    if version != _VERSION:
        raise ValueError(
            f"The model in {str(path)!r} is of format version {version!r}, written by "
            f"losslearn {settings.get('losslearn')}; this is losslearn {__version__}, "
            f"which reads version {_VERSION}. Fit it again."
        )
    return settings


def _read_checked(path: Path, settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of the other files, compared with their fingerprints."""
    contents = {}
    for name in (WEIGHTS, PREPROCESSING, HISTORY):
        try:
            contents[name] = (path / name).read_bytes()
        except FileNotFoundError as error:
            raise ValueError(
                f"The model in {str(path)!r} is incomplete: {name} is missing."
            ) from error
        known = settings.get("sha256")
        if not isinstance(known, dict) or known.get(name) != _sha256(contents[name]):
            raise ValueError(
                f"The model in {str(path)!r} is damaged: {name} is not the file that "
                "was written with it."
            )
    return contents


def _rebuild(
    settings: Mapping[str, Any], contents: Mapping[str, bytes], encoder: TableEncoder
) -> TableModel:
    kind, n_features = settings["model"]["kind"], settings["model"]["n_features"]
    if n_features != len(encoder.feature_names_out):
        raise ValueError(
            f"{n_features} features do not match {len(encoder.feature_names_out)}"
        )
    metric = MetricName(**settings["metric"])
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
