"""The recipe: settings of a fit; the one home of their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Literal, Self, get_args

Mode = Literal["universal", "scratch", "refined"]
Schedule = Literal["constant", "cosine"]
UniversalForm = Literal["gaussian", "wide"]

_RATE = 1e-2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of Algorithm 1 and of the control by the usual loss beside it.

    The control uses those of the upper level; the two always get the same model,
    batches, steps, schedule and penalty.
    """

    mode: Mode = "refined"
    """SL-U, SL-S or SL-R: a universal surrogate kept as it is, one learned from
    scratch, or a universal one refined on the data."""
    max_iter: int = 2_000
    """T, how often the two levels take turns, at most: without a `model_lr`, shorter
    runs are tried on the validation rows."""
    model_steps: int = 3
    """K_alpha, updates of the model per turn."""
    surrogate_steps: int = 4
    """K_beta, updates of the surrogate per turn."""
    model_lr: float | None = None
    """eta_alpha, Adam's learning rate for the model. None is 0.01, solves a linear
    model for the usual loss instead of the steps of warm-up and control, and tries for
    any other how many iterations are best."""
    penalty: float | None = None
    """Weight of half the sum of squared weights, offsets and norms left out, beside the
    usual loss; None is 0, and chooses that of a linear model on the validation rows."""
    surrogate_lr: float = 3e-3
    """eta_beta, Adam's learning rate for the surrogate."""
    schedule: Schedule = "cosine"
    """How the model's learning rate goes: constant, or to 0 along a cosine."""
    max_grad_norm: float = 1.0
    """Gradients of either level are clipped to this norm."""
    batch_size: int = 500
    """N, rows of a set (at most the rows there are)."""
    n_sets: int = 4
    """Sets of one surrogate update."""
    replay: int = 4
    """Turns in which a set that was scored and valued once is fitted; with 4, model and
    metric are called for a quarter of the sets."""
    strata_shares: tuple[float, ...] | None = None
    """Share of each stratum (as of a class) in a set; None keeps the data's."""
    min_per_stratum: int = 8
    """At least so many rows of each stratum in a set."""
    weigh_back: bool = True
    """Weigh the rows of a set back to the strata's shares in the data."""
    standardize: bool | None = None
    """Standardise scores before g; None does so for losses that allow it."""
    universal_form: UniversalForm = "wide"
    """Scores a universal surrogate was fitted on: the paper's Gaussian ones (Eq. 3), or
    separated, skewed and tied ones at any prevalence. With the paper's, the set network
    is Eq. 2 for every loss; else it has a view of the top where that decides alone."""
    perturbation: float = 0.5
    """Strongest noise on the scores that the surrogate is fitted to, in deviations of
    the set's scores."""
    warm_up: float = 0.5
    """Share of the iterations with the usual loss alone, before the learned loss."""
    usual_weight: float = 5.0
    """Weight of the usual loss beside the learned loss in units of its spread."""
    adaptive: bool = True
    """Weigh the learned loss by the health of its gradient, and the usual one, after
    each round, by the validation loss; without, the weights stay as they are."""
    rounds: int = 10
    """Turns the two branches take after the warm-up; after each but the last the
    surrogate's progress is accepted, or given up for the control's, by the validation
    loss. With 1 it is never given up; with 0 there is no learned loss, and all
    iterations are the usual one's."""
    catch_up: int = 50
    """Updates of the surrogate at the start of a round, before the model follows it."""
    n_evals: int = 40
    """Looks at the validation rows over all iterations."""
    margin: float = 1.0
    """Standard errors by which the learned loss must be ahead on the validation rows to
    be chosen. Of several looks the luckiest is compared."""
    patience: int | None = None
    """Stop after so many looks without a better validation loss; None never does: the
    last, smallest steps find the best weights often (with 10, 21 of 99 fits of a linear
    model lost theirs)."""

    def __post_init__(self) -> None:
        """Reject settings that cannot train.

        Raises:
            ValueError: If a setting is outside its range.
        """
        choices = {"mode": Mode, "schedule": Schedule, "universal_form": UniversalForm}
        for name, choice in choices.items():
            allowed = get_args(choice)
            self._require(name, getattr(self, name) in allowed, f"one of {allowed}")
        counts = "max_iter model_steps n_sets min_per_stratum replay n_evals"
        for name in counts.split():
            self._require(name, self._is_at_least(name, 1), "at least 1")
        for name in ("surrogate_lr", "max_grad_norm"):
            above = self._is_at_least(name, 0) and getattr(self, name) != 0
            self._require(name, above, "above 0")
        rate, penalty = self.model_lr, self.penalty
        above = rate is None or (self._is_at_least("model_lr", 0) and rate != 0)
        self._require("model_lr", above, "above 0 or None")
        known = penalty is None or self._is_at_least("penalty", 0)
        self._require("penalty", known, "at least 0 or None")
        for name in (
            *("surrogate_steps", "perturbation", "usual_weight", "catch_up"),
            *("margin", "rounds"),
        ):
            self._require(name, self._is_at_least(name, 0), "at least 0")
        self._require("batch_size", self.batch_size >= 2, "at least 2")
        self._require("warm_up", 0 <= self.warm_up < 1, "in [0, 1)")
        shares, patience = self.strata_shares, self.patience
        fit = shares is None or all(0 < share < 1 for share in shares)
        self._require("strata_shares", fit, "shares in (0, 1) or None")
        patient = patience is None or patience >= 1
        self._require("patience", patient, "at least 1 or None")

    def _is_at_least(self, name: str, least: float) -> bool:
        value: object = getattr(self, name)
        return isinstance(value, Real) and float(value) >= least

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            got = getattr(self, name)
            raise ValueError(f"`{name}` must be {expected}, got {got!r}.")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name, as scikit-learn's estimators do."""
        del deep
        # not `asdict`, which copies: a clone's settings must be the very same objects
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the recipe that `get_params` gave, also by way of JSON."""
        shares = state["strata_shares"]
        return cls(**{**state, "strata_shares": shares and tuple(shares)})

    def adapted(self, settings: Mapping[str, Any]) -> Self:
        """Return the recipe with better settings, where its own are the defaults."""
        default = type(self)()
        return replace(
            self,
            **{
                name: value
                for name, value in settings.items()
                if getattr(self, name) == getattr(default, name)
            },
        )

    @property
    def rate(self) -> float:
        """The model's learning rate; the usual one as long as none is chosen."""
        return _RATE if self.model_lr is None else self.model_lr

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be chosen on the validation rows."""
        return self.model_lr is not None and self.penalty is not None

    @property
    def eval_every(self) -> int:
        """Iterations between two looks at the validation rows."""
        return max(1, self.max_iter // self.n_evals)

    def round_ends(self) -> list[int]:
        """Return the iterations at which the rounds after the warm-up end."""
        start, rounds = self.warm_up_iter, self.rounds
        if rounds == 0:
            return []
        left = self.max_iter - start
        ends = {start + left * turn // rounds for turn in range(1, rounds + 1)}
        return sorted(ends - {start})

    @property
    def warm_up_iter(self) -> int:
        """Iterations of the warm-up."""
        return round(self.warm_up * self.max_iter) if self.rounds else self.max_iter


PAPER = Recipe(
    mode="refined",
    max_iter=300_000,
    model_steps=3,
    surrogate_steps=10,
    model_lr=1e-5,
    penalty=0.0,
    surrogate_lr=1e-5,
    schedule="constant",
    max_grad_norm=1e-5,
    batch_size=100,
    n_sets=1,
    replay=1,
    strata_shares=(0.5, 0.5),
    min_per_stratum=1,
    weigh_back=False,
    standardize=False,
    universal_form="gaussian",
    perturbation=0.0,
    warm_up=0.0,
    usual_weight=0.0,
    adaptive=False,
    rounds=1,
    catch_up=0,
    n_evals=300,
)
"""The paper's settings (section 4.1); far too slow to be anybody's default."""
