"""Where learning starts from: a surrogate shipped, in the cache, or made now."""

import hashlib
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from losslearn._files import write_whole
from losslearn.metrics import TrueLoss
from losslearn.surrogate.cache import cache_dir
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.universal.fit import (
    CALLABLE,
    TOP_HEAVY,
    WITH_COLUMNS,
    FitProgress,
    Problem,
    Universal,
    UniversalConfig,
    fit_problem,
    new_surrogate,
)
from losslearn.tasks.task import TargetRows, Task

SHIPPED = Path(__file__).parent / "weights"
"""Universal surrogates of the built-in losses, inside the package."""
_N_SETS, _N_CALLS = 256, 64
"""Sets for the units of a surrogate from scratch; fewer for one call a set."""


def initial_surrogate(
    true_loss: TrueLoss,
    task: Task,
    *,
    mode: str,
    form: str = "wide",
    standardize: bool | None = None,
    seed: int,
    rows: TargetRows | None = None,
    progress: FitProgress | None = None,
) -> SetSurrogate:
    """Return beta's start: random for SL-S, universal for SL-R and SL-U (section 4.2).

    Draws from torch's global generator, even where shipped weights replace what it
    drew; callers whose own draws must not depend on it fork it.

    Args:
        true_loss: What to train for.
        task: Generates sets, and says what g sees of them.
        mode: "scratch", "universal" or "refined".
        form: Of the generated sets, "wide", or "gaussian" for all as in the paper.
        standardize: As of `fit_universal`.
        seed: Of the random start.
        rows: Training rows, for a loss that needs their columns: its universal
            surrogate is fitted on generated scores beside these columns, for these
            rows alone, and is not cached.
        progress: Called while a universal surrogate is fitted, which happens at the
            first use of a loss that none is shipped for.

    Raises:
        ValueError: If the loss needs columns and there are none, or it fails.
    """
    if form == "gaussian":
        true_loss = replace(true_loss, is_top_heavy=False)
    if true_loss.columns:
        true_loss.further(None if rows is None else rows.columns)
    elif mode != "scratch":
        return get_universal(
            true_loss, task=task, form=form, standardize=standardize, progress=progress
        ).surrogate
    problem = Problem.of(true_loss, task, form=form, standardize=standardize, rows=rows)
    if mode == "scratch":
        n_sets = _N_SETS if true_loss.is_builtin else _N_CALLS
        generator = torch.Generator().manual_seed(seed)
        _, values = problem.draw(n_sets, 256, generator)
        return new_surrogate(problem.view, values, seed=seed)
    # of these rows, so not for the cache
    sizes = (TOP_HEAVY if true_loss.is_top_heavy else WITH_COLUMNS).set_sizes
    config = replace(WITH_COLUMNS, set_sizes=sizes)
    return fit_problem(problem, config, progress=progress).surrogate


def get_universal(
    true_loss: TrueLoss,
    *,
    task: Task | None = None,
    form: str = "wide",
    standardize: bool | None = None,
    progress: FitProgress | None = None,
) -> Universal:
    """Return the universal surrogate of a loss: shipped, cached, or fitted now.

    The wide form is shipped for each built-in loss; arguments as of `fit_universal`.
    """
    problem = Problem.of(true_loss, task, form=form, standardize=standardize)
    is_default = form == "wide" and problem.standardize == true_loss.scale_invariant
    shipped = SHIPPED / f"{file_stem(true_loss)}.safetensors"
    if is_default and true_loss.is_builtin and shipped.exists():
        return load_universal(shipped, problem.view)
    config = UniversalConfig() if true_loss.is_builtin else CALLABLE
    if true_loss.is_top_heavy:
        config = TOP_HEAVY
    name = f"{file_stem(true_loss)}-{_fingerprint(problem, config)}.safetensors"
    cached = cache_dir() / name
    try:
        return load_universal(cached, problem.view)
    except (OSError, ValueError):
        pass  # not to be had, or damaged: fitted anew
    universal = fit_problem(problem, config, progress=progress)
    try:
        save_universal(universal, cached)
    except OSError as error:
        warnings.warn(
            f"The universal surrogate of {true_loss.name} is not kept for the next "
            f"fit: {str(cached)!r} cannot be written ({error.strerror or error}).",
            RuntimeWarning,
            stacklevel=2,
        )
    return universal


def make_universal(
    true_loss: TrueLoss,
    *,
    task: Task | None = None,
    config: UniversalConfig | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> Universal:
    """Fit a universal surrogate as it is shipped; see `fit_universal`."""
    problem, config = Problem.of(true_loss, task), config or UniversalConfig()
    return fit_problem(problem, config, seed=seed, progress=progress)


def save_universal(universal: Universal, path: Path) -> None:
    """Write a universal surrogate as safetensors, settings and error in its header."""
    settings = json.dumps(universal.settings)
    metadata = {"error": repr(universal.error), "settings": settings}
    write_whole(path, save(universal.surrogate.state_dict(), metadata=metadata))


def load_universal(path: Path, view: nn.Module) -> Universal:
    """Read a universal surrogate that was made for a view."""
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
    return re.sub(r"[^\w.-]", "_", true_loss.name[:80])


def _fingerprint(problem: Problem, config: UniversalConfig) -> str:
    """Hash what the loss does on a few generated sets, not what it is called.

    A changed function thus gets a new surrogate, wherever the change was made. The
    sets are large, since the top of small ones is the same for many metrics of it.
    """
    generator = torch.Generator().manual_seed(0)
    _, loss = problem.draw(16, max(config.set_sizes), generator)
    values = [f"{value:.5g}" for value in loss.tolist()]
    settings = [repr(problem.distribution), repr(config), problem.standardize]
    what = json.dumps([values, *settings])
    return hashlib.sha256(what.encode()).hexdigest()[:16]
