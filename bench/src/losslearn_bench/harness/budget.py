"""What every neural method of a benchmark gets, and by which rules it is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from losslearn.training.recipe import PAPER, Recipe
from losslearn_bench.checks import check_choice

Setting = dict[str, float | int | str]
"""Hyper-parameters by name."""

Settings = tuple[Setting, ...]

Protocol = Literal["honest", "paper"]
Tuning = Literal["none", "short", "full"]

_RENAMED = {
    "pos_rate": "strata_shares",
    "min_per_class": "min_per_stratum",
    "prevalence_weights": "weigh_back",
    "cross_entropy_weight": "usual_weight",
}
"""What grids and result lines call by another name than `Recipe`: those are old, and
go on being read."""

_DEFAULT = Recipe(model_lr=Recipe().rate, penalty=0.0)
"""Nothing is chosen within a training: that is what tuning grids are for."""
_SAME_FOR_BOTH = ("surrogate_lr", "max_grad_norm")
"""What the paper's protocol takes from the defaults, beside the budget's own fields."""
_TUNED = {"mode", "model_lr"}
RECIPE_SETTINGS = {field.name for field in fields(Recipe)} | set(_RENAMED)
"""Settings that set the training; a grid's others are an objective's own."""
_PAPERS_OWN = RECIPE_SETTINGS - _TUNED
"""Settings that no tuning grid chooses under the paper's protocol."""


def renamed(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by the names that `Recipe` has for them.

    Example:
        >>> renamed({"min_per_class": 1, "pos_rate": 0.25, "rounds": 1})
        {'min_per_stratum': 1, 'strata_shares': (0.75, 0.25), 'rounds': 1}
    """
    named = {_RENAMED.get(name, name): value for name, value in setting.items()}
    rate = setting.get("pos_rate")
    return named if rate is None else {**named, "strata_shares": (1 - rate, rate)}


def _without_papers_own(setting: Mapping[str, Any]) -> dict[str, Any]:
    return {name: setting[name] for name in setting if name not in _PAPERS_OWN}


def each(name: str, *values: float) -> Settings:
    """Return a setting for each value."""
    return tuple({name: value} for value in values)


def times(first: Settings, second: Settings) -> Settings:
    """Return all pairs of settings, the first ones varying fastest."""
    return tuple({**a, **b} for b in second for a in first)


LR_FACTOR = "lr_factor"
"""The setting that multiplies the budget's learning rate."""
RATES = each(LR_FACTOR, 1.0, 0.5, 2.0, 0.25, 4.0, 1.5)
STARTS = each("warm_up", 0.5, 0.0)
"""Shares of cross-entropy that a training begins with."""
STARTS_AND_RATES = times(STARTS, RATES[:3])


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The same model steps, batches, schedule and tuning for every neural method.

    Example:
        >>> Budget(max_iter=10).config({"model_lr": 0.1}).model_lr
        0.1
    """

    protocol: Protocol = "honest"
    """"honest": thresholds from validation rows, sets as the data are. "paper":
    thresholds that are best on the test rows (oracle), Jaccard replaced by accuracy,
    sets of 50 % positives without weights, and the paper's own Algorithm 1."""
    max_train_rows: int | None = None
    """Training rows are sampled down to these; validation and test rows never are."""
    tuning: Tuning = "short"
    """"none": each method's first setting. "short": all settings with a fraction of the
    iterations, the one with the lowest validation loss in full. "full": all in full."""
    n_settings: int = 6
    """Size of each neural method's tuning grid."""
    short_share: float = 1 / 6
    """Share of the iterations that short tuning gives to a setting."""
    max_iter: int = _DEFAULT.max_iter
    model_steps: int = _DEFAULT.model_steps
    model_lr: float = _DEFAULT.rate
    batch_size: int = _DEFAULT.batch_size
    n_evals: int = _DEFAULT.n_evals

    def __post_init__(self) -> None:
        """Reject what cannot be run by a ValueError."""
        check_choice("protocol", self.protocol, get_args(Protocol))
        check_choice("tuning", self.tuning, get_args(Tuning))
        if self.max_train_rows is not None and self.max_train_rows < 10:
            said = f"must be at least 10 or None, got {self.max_train_rows}."
            raise ValueError(f"`max_train_rows` {said}")
        if self.n_settings < 1 or not 0 < self.short_share <= 1:
            raise ValueError(
                "`n_settings` must be at least 1 and `short_share` in (0, 1], got "
                f"{self.n_settings} and {self.short_share}."
            )
        self.config({})  # checks the rest

    def config(self, setting: Setting) -> Recipe:
        """Return the training settings, those of a tuning grid's entry among them.

        Under the paper's protocol only `mode` and `model_lr` are taken from an entry.
        """
        given = renamed(setting)
        names = ("max_iter", "model_steps", "model_lr", "batch_size", "n_evals")
        shared: dict[str, Any] = {name: getattr(self, name) for name in names}
        shared["rounds"] = 1  # the control is a method of its own here
        if self.protocol == "honest":
            return replace(_DEFAULT, **{**shared, **given})
        # what made the paper's numbers, but for its number and size of steps
        shared |= {name: getattr(_DEFAULT, name) for name in _SAME_FOR_BOTH}
        replace(PAPER, **given)  # what is not taken is checked, too
        return replace(PAPER, **{**shared, **_without_papers_own(given)})

    def settings(self, grid: Sequence[Setting]) -> list[Setting]:
        """Return the entries of a tuning grid that are tried, each once.

        Without tuning that is the first. Under the paper's protocol without what is the
        paper's in every training, such as the share of a warm-up; entries that differ
        in nothing else are one.

        Example:
            >>> grid = {"warm_up": 0.5, "slope": 3.0}, {"warm_up": 0.0, "slope": 3.0}
            >>> Budget(protocol="paper").settings(grid)
            [{'slope': 3.0}]
        """
        entries = list(grid)
        if self.protocol == "paper":
            kept = [_without_papers_own(entry) for entry in entries]
            entries = [entry for i, entry in enumerate(kept) if entry not in kept[:i]]
        return entries[: 1 if self.tuning == "none" else self.n_settings]

    def shortened(self) -> "Budget":
        """Return the budget of one setting in short tuning."""
        max_iter = max(round(self.max_iter * self.short_share), 1)
        n_evals = max(round(self.n_evals * self.short_share), 1)
        return replace(self, max_iter=max_iter, n_evals=n_evals)

    def as_dict(self) -> dict[str, object]:
        """Return the fields by name, as they stand in a result line."""
        return asdict(self)
