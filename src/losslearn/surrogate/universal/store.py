"""Where universal surrogates are kept: shipped with the package, or in the cache."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from losslearn._files import replacing
from losslearn.metrics import TrueLoss
from losslearn.surrogate.cache import cache_dir
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.fit import (
    CALLABLE,
    TOP_HEAVY,
    FitProgress,
    UniversalConfig,
    fit_universal,
)
from losslearn.tasks.registry import get_task
from losslearn.tasks.task import SetDistribution, Task

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
    task: Task | None = None,
    form: str = "wide",
    standardize: bool | None = None,
    progress: FitProgress | None = None,
) -> Universal:
    """Return the universal surrogate of a loss: shipped, cached, or fitted now.

    Args:
        true_loss: The loss.
        task: Generates the sets; None takes the loss's.
        form: Of the generated sets; the wide one is shipped for each built-in loss.
        standardize: Whether the surrogate standardises scores; None does so where the
            loss allows it.
        progress: Called while one is fitted.

    Raises:
        ValueError: If the loss itself fails on the generated sets.
    """
    task = task or get_task(true_loss.task)
    if standardize is None:
        standardize = true_loss.scale_invariant
    is_default = form == "wide" and standardize == true_loss.scale_invariant
    view = task.view(true_loss, standardize=standardize)
    if is_default and true_loss.is_builtin:
        shipped = SHIPPED / f"{file_stem(true_loss)}.safetensors"
        if shipped.exists():
            return load_universal(shipped, view)
    distribution = task.generated(true_loss, form=form)
    config = UniversalConfig() if true_loss.is_builtin else CALLABLE
    if true_loss.is_top_heavy:
        config = TOP_HEAVY
    key = _fingerprint(true_loss, distribution, config, standardize)
    cached = cache_dir() / f"{file_stem(true_loss)}-{key}.safetensors"
    try:
        return load_universal(cached, view)
    except (FileNotFoundError, ValueError):
        pass  # not there, or damaged: fitted anew
    universal = make_universal(
        true_loss,
        task=task,
        form=form,
        config=config,
        standardize=standardize,
        progress=progress,
    )
    save_universal(universal, cached)
    return universal


def make_universal(
    true_loss: TrueLoss,
    *,
    task: Task | None = None,
    form: str = "wide",
    config: UniversalConfig | None = None,
    standardize: bool | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> Universal:
    """Fit a universal surrogate and note how (see `fit_universal`)."""
    task, config = task or get_task(true_loss.task), config or UniversalConfig()
    surrogate, error = fit_universal(
        true_loss,
        task=task,
        form=form,
        config=config,
        standardize=standardize,
        seed=seed,
        progress=progress,
    )
    distribution = task.generated(true_loss, form=form)
    settings: dict[str, object] = {
        "loss": true_loss.name,
        "form": type(distribution).__name__,
        "distribution": dict(vars(distribution)),
        "config": asdict(config),
        "seed": seed,
    }
    return Universal(surrogate, error, settings)


def save_universal(universal: Universal, path: Path) -> None:
    """Write a universal surrogate as safetensors, settings and error in its header."""
    metadata = {
        "error": repr(universal.error),
        "settings": json.dumps(universal.settings),
    }
    with replacing(path) as part:
        save_file(universal.surrogate.state_dict(), part, metadata=metadata)


def load_universal(path: Path, view: nn.Module) -> Universal:
    """Read a universal surrogate.

    Args:
        path: The file.
        view: What its g sees, of the task, the loss and the settings it was made for.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        surrogate = SetSurrogate(view)  # type: ignore[arg-type] # as in `new_surrogate`
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
    distribution: SetDistribution,
    config: UniversalConfig,
    standardize: bool,
) -> str:
    """Hash what the loss does on a few generated sets, not what it is called.

    A changed function thus gets a new surrogate, wherever the change was made. The
    sets are large, since the top of small ones is the same for many metrics of it.
    """
    generator = torch.Generator().manual_seed(0)
    sets = distribution.draw(16, max(config.set_sizes), generator=generator)
    loss = true_loss(sets if true_loss.takes_weight else sets.present())
    values = [f"{value:.5g}" for value in loss.tolist()]
    what = json.dumps([values, repr(distribution), repr(config), standardize])
    return hashlib.sha256(what.encode()).hexdigest()[:16]
