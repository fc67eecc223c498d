"""Universal surrogates (Eq. 3): fitted to a loss once, on generated sets."""

from losslearn.surrogate.universal.fit import (
    FitProgress,
    Universal,
    UniversalConfig,
    fit_universal,
)
from losslearn.surrogate.universal.store import (
    SHIPPED,
    file_stem,
    get_universal,
    initial_surrogate,
    load_universal,
    make_universal,
    save_universal,
)

__all__ = [
    "SHIPPED",
    "FitProgress",
    "Universal",
    "UniversalConfig",
    "file_stem",
    "fit_universal",
    "get_universal",
    "initial_surrogate",
    "load_universal",
    "make_universal",
    "save_universal",
]
