"""Universal surrogates (Eq. 3): fitted to a loss once, on generated scores."""

from losslearn.surrogate.universal.fit import (
    FitProgress,
    UniversalConfig,
    fit_universal,
)
from losslearn.surrogate.universal.initial import initial_surrogate
from losslearn.surrogate.universal.store import (
    SHIPPED,
    Universal,
    file_stem,
    get_universal,
    load_universal,
    make_universal,
    save_universal,
)
from losslearn.tasks.generated import GaussianScores, TargetRows, WideScores

__all__ = [
    "SHIPPED",
    "FitProgress",
    "GaussianScores",
    "TargetRows",
    "Universal",
    "UniversalConfig",
    "WideScores",
    "file_stem",
    "fit_universal",
    "get_universal",
    "initial_surrogate",
    "load_universal",
    "make_universal",
    "save_universal",
]
