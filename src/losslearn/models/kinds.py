"""What `model=` stands for, and what makes it something that can be trained."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from torch import nn

from losslearn._fast import fastest
from losslearn._wording import listed
from losslearn.models.boosted.library import Library
from losslearn.models.boosted.predictor import BoostedPredictor
from losslearn.models.boosted.trees import BoostedTrees
from losslearn.models.networks import MODELS, Spreads, build_model
from losslearn.models.own import own_model
from losslearn.models.predictor import Predictor, TorchPredictor
from losslearn.models.rows import Rows
from losslearn.models.strong.kind import Ensemble
from losslearn.models.strong.tabm import TabM, TabMNetwork

BOOSTERS = ("lightgbm", "xgboost")
NAMES = (*MODELS, *BOOSTERS, "tabm")
"""What `model=` takes as text, of one model each."""
AUTO = "auto"
"""The best of several."""
CANDIDATES = ("linear", "lightgbm", "mlp")
"""These, the simpler and faster first."""
MODULES: Mapping[str, type[nn.Module]] = {**MODELS, "tabm": TabMNetwork}
"""What a model directory can hold, by name."""


class Fitting(NamedTuple):
    """What a kind may need to know of a fit."""

    lr: float
    max_grad_norm: float | None
    seed: int
    spreads: Spreads = None
    """The deviation of each feature, where they are not all alike."""
    categorical: tuple[int, ...] = ()
    """Places of the features that are codes of categories."""


class Kind(Protocol):
    """A kind of model."""

    settings: Mapping[str, Any]
    """Of a recipe, where they are better than its defaults."""
    takes_gaps: bool
    """Whether features may be missing, and categories codes."""

    def predictor(self, rows: Rows, fitting: Fitting) -> Predictor:
        """Return an untrained model of some rows."""


class Network:
    """A built-in network, by its name, or a module of the user's own."""

    takes_gaps = False

    def __init__(self, model: str | nn.Module) -> None:
        """Take which one it is."""
        self._model = model
        self.settings: Mapping[str, Any] = {}

    def predictor(self, rows: Rows, fitting: Fitting) -> Predictor:
        """Return it on some rows; raises as `build_model` and `own_model` do."""
        model, shape = self._model, rows.score_shape
        if isinstance(model, nn.Module):
            module = own_model(model, rows.x, score_shape=shape)
        else:
            module = build_model(
                model,
                rows.x,
                rows=rows.numbers,
                score_shape=shape,
                spreads=fitting.spreads,
            )
        lr, max_grad_norm = fitting.lr, fitting.max_grad_norm
        return fastest(TorchPredictor(module, rows, lr=lr, max_grad_norm=max_grad_norm))


class Booster:
    """Trees of a library, with its own parameters."""

    takes_gaps = True
    settings: Mapping[str, Any] = {
        "max_iter": 64,  # half of them with the usual loss's own solution
        "rounds": 8,
        "n_evals": 16,
        "catch_up": 40,
        "margin": 3.5,
    }
    """32 trees in rounds of 4. With a margin of 2, of 23 accepted fits 13 were worse on
    test rows, all of them within 3.3 standard errors (bench/results/strong.md)."""

    def __init__(self, library: Library, parameters: Mapping[str, Any]) -> None:
        """Take the user's parameters."""
        self._library, self._parameters = library, dict(parameters)

    def predictor(self, rows: Rows, fitting: Fitting) -> Predictor:
        """Return it on some rows."""
        if rows.x.device.type != "cpu":
            raise ValueError(
                f"Boosted trees are trained on the CPU, got {rows.x.device}: leave "
                "`device` out."
            )
        library = self._library
        parameters = library.parameters(self._parameters, seed=fitting.seed)
        return BoostedPredictor(
            library,
            rows,
            parameters,
            seed=fitting.seed,
            categorical=fitting.categorical,
        )


def name_of(module: nn.Module) -> str | None:
    """Return which of the names makes such a module; None for one of the user's own."""
    if isinstance(module, BoostedTrees):
        return module.library.name
    return next((name for name, own in MODULES.items() if type(module) is own), None)


def takes_gaps(module: nn.Module) -> bool:
    """Whether features of a row may be missing, as NaN, for a fitted module."""
    return isinstance(module, BoostedTrees)


def empty_module(
    name: str,
    n_features: int,
    *,
    score_shape: tuple[int, ...] = (),
    **sizes: int,
) -> nn.Module:
    """Return a module of a name, to load weights into.

    Raises:
        KeyError: If the name is none.
    """
    if name in BOOSTERS:
        return BoostedTrees(_library(name), n_features)
    return MODULES[name](n_features, score_shape=score_shape, **sizes)


def _library(name: str) -> Library:
    """Return a library by its name; it is not imported before.

    Raises:
        ValueError: If it is not installed.
    """
    if name == "lightgbm":
        from losslearn.models.boosted.lightgbm import LightGBM

        return LightGBM()
    assert name == "xgboost"
    try:
        from losslearn.models.boosted.xgboost import XGBoost
    except ModuleNotFoundError as error:
        raise ValueError(
            "XGBoost is not installed: run `pip install 'losslearn[trees]'`."
        ) from error
    return XGBoost()


_ESTIMATORS = {"LGBMClassifier": "lightgbm", "XGBClassifier": "xgboost"}
"""The libraries of configured boosters."""


def kind_of(model: object) -> Kind:
    """Return what a `model=` stands for.

    Raises:
        ValueError: If it is nothing that can be trained here, its library is not
            installed, or a parameter of a booster's cannot be kept.
    """
    if isinstance(model, nn.Module):
        return Network(model)
    if isinstance(model, str) and model in MODELS:
        return Network(model)
    if isinstance(model, str) and model in BOOSTERS:
        return Booster(_library(model), {})
    if model == "tabm" or isinstance(model, TabM):
        return Ensemble(model if isinstance(model, TabM) else TabM())
    if model == "realmlp":
        raise ValueError(
            "`model='realmlp'` is not offered: its authors' package, pytabkit, needs "
            "PyTorch Lightning. Take 'tabm', or a torch.nn.Module."
        )
    name = _ESTIMATORS.get(type(model).__name__)
    if name is not None and hasattr(model, "get_params"):
        library = _library(name)
        return Booster(library, library.native(model.get_params()))
    if hasattr(model, "predict_proba"):
        raise ValueError(
            f"A {type(model).__name__} cannot be trained for a metric, but decided for "
            f"it: `MetricDecisionClassifier({type(model).__name__}(...), metric)`."
        )
    raise ValueError(
        f"`model` must be one of {listed(NAMES)}, a torch.nn.Module, an LGBMClassifier "
        f"or an XGBClassifier, got {model!r}."
    )
