"""What `model=` stands for, and what makes it something that can be trained."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from torch import nn

from losslearn._fast import fastest
from losslearn._wording import listed
from losslearn.models.boosted import growing
from losslearn.models.boosted.predictor import BoostedPredictor
from losslearn.models.boosted.trees import BoostedTrees
from losslearn.models.networks import MODELS, Spreads, build_model
from losslearn.models.own import own_model
from losslearn.models.predictor import Predictor, TorchPredictor
from losslearn.models.rows import Rows
from losslearn.models.strong.kind import Ensemble
from losslearn.models.strong.tabm import TabM, TabMNetwork

BOOSTERS = ("lightgbm",)
NAMES = (*MODELS, *BOOSTERS, "tabm")
"""What `model=` takes as text."""
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
    """Trees of LightGBM, with its own parameters."""

    takes_gaps = True
    settings: Mapping[str, Any] = {
        "max_iter": 64,  # half of them with the usual loss's own solution
        "rounds": 8,
        "n_evals": 16,
        "catch_up": 40,
    }
    """32 trees in rounds of 4."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """Take the user's parameters."""
        self._parameters = dict(parameters)

    def predictor(self, rows: Rows, fitting: Fitting) -> Predictor:
        """Return it on some rows."""
        if rows.x.device.type != "cpu":
            raise ValueError(
                f"Boosted trees are trained on the CPU, got {rows.x.device}: leave "
                "`device` out."
            )
        model = BoostedTrees(rows.x.shape[1], score_shape=rows.score_shape)
        parameters = growing.settings(self._parameters, seed=fitting.seed)
        return BoostedPredictor(
            model,
            rows,
            parameters,
            seed=fitting.seed,
            categorical=fitting.categorical,
        )


def kind_of(model: object) -> Kind:
    """Return what a `model=` stands for.

    Raises:
        ValueError: If it is nothing that can be trained here.
    """
    if isinstance(model, nn.Module) or model in MODELS:
        assert isinstance(model, str | nn.Module)
        return Network(model)
    if model in BOOSTERS:
        return Booster({})
    if model == "tabm" or isinstance(model, TabM):
        return Ensemble(model if isinstance(model, TabM) else TabM())
    if model == "realmlp":
        raise ValueError(
            "`model='realmlp'` is not offered: its authors' package, pytabkit, needs "
            "PyTorch Lightning. Take 'tabm', or a torch.nn.Module."
        )
    if type(model).__name__ == "LGBMClassifier" and hasattr(model, "get_params"):
        return Booster(growing.native(model.get_params()))
    raise ValueError(
        f"`model` must be one of {listed(NAMES)}, a torch.nn.Module or an "
        f"LGBMClassifier, got {model!r}."
    )
