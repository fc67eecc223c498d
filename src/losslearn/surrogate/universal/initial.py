"""Where the learning of a surrogate starts from: SL-U, SL-S or SL-R."""

from dataclasses import replace

from losslearn.metrics import TrueLoss
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.fit import (
    TOP_HEAVY,
    WITH_COLUMNS,
    FitProgress,
    default_distribution,
    fit_universal,
    loss_units,
    new_surrogate,
)
from losslearn.surrogate.universal.store import get_universal
from losslearn.tasks.generated import (
    GaussianScores,
    ScoreDistribution,
    TargetRows,
    WithColumns,
)
from losslearn.training.recipe import BilevelConfig

_N_SETS = 256
"""Sets from which the units of a surrogate from scratch are taken."""
_N_CALLS = 64
"""The same for a user's own metric, which is called once for each set."""


def initial_surrogate(
    true_loss: TrueLoss,
    config: BilevelConfig,
    *,
    seed: int,
    rows: TargetRows | None = None,
    progress: FitProgress | None = None,
) -> SetSurrogate:
    """Return beta's start: random for SL-S, universal for SL-R and SL-U (section 4.2).

    Draws from torch's global generator, even where shipped weights replace what it
    drew; callers whose own draws must not depend on it fork it.

    Args:
        true_loss: What to train for.
        config: Settings; `mode`, `standardize` and `universal_form` count here.
        seed: Of the random start.
        rows: Training rows, for a loss that needs their columns: its universal
            surrogate is fitted on generated scores beside these columns, for these
            rows alone, and is not cached.
        progress: Called while a universal surrogate is fitted, which happens at the
            first use of a loss that none is shipped for.

    Raises:
        ValueError: If the loss needs columns and there are none, or it fails.
    """
    standardize = config.standardize
    if standardize is None:
        standardize = true_loss.scale_invariant
    distribution: ScoreDistribution | None = None
    if config.universal_form == "gaussian":  # all as in the paper
        distribution = GaussianScores()
        true_loss = replace(true_loss, is_top_heavy=False)
    if true_loss.columns:
        true_loss.further(None if rows is None else rows.columns)
        assert rows is not None, "checked by the line above"
        scores = distribution or default_distribution(true_loss)
        distribution = WithColumns(scores=scores, rows=rows)
    if config.mode == "scratch":
        units = loss_units(
            true_loss,
            distribution=distribution,
            n_sets=_N_SETS if true_loss.is_builtin else _N_CALLS,
            seed=seed,
        )
        return new_surrogate(
            true_loss,
            standardize=standardize,
            units=units,
            distribution=distribution,
            seed=seed,
        )
    if true_loss.columns:  # of these rows, so not for the cache
        sizes = (TOP_HEAVY if true_loss.is_top_heavy else WITH_COLUMNS).set_sizes
        surrogate, _ = fit_universal(
            true_loss,
            distribution=distribution,
            config=replace(WITH_COLUMNS, set_sizes=sizes),
            standardize=standardize,
            progress=progress,
        )
        return surrogate
    return get_universal(
        true_loss,
        distribution=distribution,
        standardize=standardize,
        progress=progress,
    ).surrogate
