"""Where universal surrogates are kept: shipped with the package, or in the cache."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from losslearn.metrics import TrueLoss
from losslearn.surrogate.cache import cache_dir
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.fit import (
    CALLABLE,
    TOP_HEAVY,
    FitProgress,
    UniversalConfig,
    default_distribution,
    fit_universal,
)
from losslearn.tasks.generated import ScoreDistribution

SHIPPED = Path(__file__).parent / "weights"
"""Universal surrogates of the built-in losses, inside the package."""


class Universal(NamedTuple):
    """A universal surrogate and what is known about it."""

    surrogate: SetSurrogate
    error: float
    """Mean absolute gap to the true loss on fresh sets, in units of the loss."""
    settings: dict[str, object]
    """How it was fitted: distribution, settings of Eq. 3 and seed."""


def get_universal(
    true_loss: TrueLoss,
    *,
    distribution: ScoreDistribution | None = None,
    standardize: bool | None = None,
    progress: FitProgress | None = None,
) -> Universal:
    """Return the universal surrogate of a loss: shipped, cached, or fitted now.

    Args:
        true_loss: The loss.
        distribution: What to fit it on; None takes the wide form, which is shipped for
            each built-in loss.
        standardize: Whether the surrogate standardises scores; None does so where the
            loss allows it.
        progress: Called while one is fitted.

    Raises:
        ValueError: If the loss itself fails on the generated sets.
    """
    if standardize is None:
        standardize = true_loss.scale_invariant
    wide = default_distribution(true_loss)
    is_default = distribution in (None, wide)
    if is_default and true_loss.is_builtin and standardize == true_loss.scale_invariant:
        shipped = SHIPPED / f"{file_stem(true_loss)}.safetensors"
        if shipped.exists():
            return load_universal(shipped)
    distribution = distribution or wide
    config = UniversalConfig() if true_loss.is_builtin else CALLABLE
    if true_loss.is_top_heavy:
        config = TOP_HEAVY
    key = _fingerprint(true_loss, distribution, config, standardize)
    cached = cache_dir() / f"{file_stem(true_loss)}-{key}.safetensors"
    try:
        return load_universal(cached)
    except (FileNotFoundError, ValueError):
        pass  # not there, or damaged: fitted anew
    universal = make_universal(
        true_loss,
        distribution=distribution,
        config=config,
        standardize=standardize,
        progress=progress,
    )
    save_universal(universal, cached)
    return universal


def make_universal(
    true_loss: TrueLoss,
    *,
    distribution: ScoreDistribution | None = None,
    config: UniversalConfig | None = None,
    standardize: bool | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> Universal:
    """Fit a universal surrogate and note how."""
    config = config or UniversalConfig()
    distribution = distribution or default_distribution(true_loss)
    surrogate, error = fit_universal(
        true_loss,
        distribution=distribution,
        config=config,
        standardize=standardize,
        seed=seed,
        progress=progress,
    )
    settings: dict[str, object] = {
        "loss": true_loss.name,
        "form": type(distribution).__name__,
        "distribution": asdict(distribution),  # type: ignore[call-overload]
        "config": asdict(config),
        "seed": seed,
    }
    return Universal(surrogate, error, settings)


def save_universal(universal: Universal, path: Path) -> None:
    """Write a universal surrogate as safetensors, settings and error in its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "error": repr(universal.error),
        "standardize": json.dumps(universal.surrogate.standardize),
        "top_shares": json.dumps(universal.surrogate.top_shares),
        "settings": json.dumps(universal.settings),
    }
    part = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(universal.surrogate.state_dict(), part, metadata=metadata)
    part.replace(path)


def load_universal(path: Path) -> Universal:
    """Read a universal surrogate.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        surrogate = SetSurrogate(
            standardize=json.loads(metadata["standardize"]),
            top_shares=json.loads(metadata.get("top_shares", "[]")),
        )
        surrogate.load_state_dict(state, assign=True)  # in the type it was saved in
        settings = json.loads(metadata["settings"])
        return Universal(surrogate.eval(), float(metadata["error"]), settings)
    except (SafetensorError, KeyError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"`{path}` holds no universal surrogate of this version ({error}). "
            "Delete it and run again: it is fitted anew."
        ) from error


def file_stem(true_loss: TrueLoss) -> str:
    """Return the loss's name with only characters that any file system takes."""
    name = true_loss.name[:80]
    return "".join(char if char.isalnum() or char in "_-." else "_" for char in name)


def _fingerprint(
    true_loss: TrueLoss,
    distribution: ScoreDistribution,
    config: UniversalConfig,
    standardize: bool,
) -> str:
    """Hash what the loss does on a few generated sets, not what it is called.

    A changed function thus gets a new surrogate, wherever the change was made. The
    sets are large, since the top of small ones is the same for many metrics of it.
    """
    generator = torch.Generator().manual_seed(0)
    sets = distribution.draw(16, max(config.set_sizes), generator=generator)
    weight = sets.weight if true_loss.takes_weight else None
    loss = true_loss(sets.y_true, sets.y_score, sample_weight=weight)
    values = [f"{value:.5g}" for value in loss.tolist()]
    what = json.dumps([values, repr(distribution), repr(config), standardize])
    return hashlib.sha256(what.encode()).hexdigest()[:16]
