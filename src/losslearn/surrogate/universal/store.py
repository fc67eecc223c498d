"""Where learning starts from: a surrogate shipped, in the cache, or made now."""

import hashlib
import json
import re
import sys
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
from losslearn.surrogate.universal import nearest
from losslearn.surrogate.universal.fit import (
    CALLABLE,
    IN_A_FRAME,
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
_N_SEEN = 16
"""Sets that a metric is known again by."""
_STEP = 0.003
"""Seconds that an update takes, about."""
_LITTLE, _START = 0.05, 0.25
"""Shares of a fit's time for a look at the metric, and for its universal start."""


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
    max_time: float | None = None,
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
            rows alone.
        progress: Called while a universal surrogate is fitted, which happens at the
            first use of a loss that none is shipped for.
        max_time: Seconds for it. A metric that takes longer, and was not fitted before,
            starts from the surrogate of the nearest built-in loss, or from scratch.

    Raises:
        ValueError: If the loss needs columns and there are none, or it fails.
    """
    if form == "gaussian":
        true_loss = replace(true_loss, is_top_heavy=False)
    if true_loss.columns:
        true_loss.further(None if rows is None else rows.columns)
    problem = Problem.of(true_loss, task, form=form, standardize=standardize, rows=rows)
    if mode != "scratch":
        found = _universal(problem, form, progress=progress, max_time=max_time)
        if found is not None:
            return found.surrogate
        return _near_start(problem, seed=seed, max_time=max_time)
    n_sets = _N_SETS if true_loss.is_exact else _N_CALLS
    n_sets = min(n_sets, _affordable(true_loss, max_time, _LITTLE))
    generator = torch.Generator().manual_seed(seed)
    _, values = problem.draw(n_sets, 256, generator)
    return new_surrogate(problem.view, values, seed=seed)


def _affordable(true_loss: TrueLoss, max_time: float | None, share: float) -> int:
    """Return how many sets can be valued in a share of the time, one at least."""
    if max_time is None or not true_loss.set_seconds:
        return sys.maxsize
    return max(int(share * max_time / true_loss.set_seconds), 1)


def _near_start(problem: Problem, *, seed: int, max_time: float | None) -> SetSurrogate:
    """Return the surrogate of the nearest built-in loss, or one from scratch."""
    n_sets = min(nearest.N_SETS, _affordable(problem.true_loss, max_time, _LITTLE))
    near, values = nearest.nearest_loss(problem, n_sets)
    found = None
    if near is not None:
        try:
            found = _universal_of(near.loss, problem, max_time=max_time)
        except (FileNotFoundError, ValueError):  # of another view than the metric's
            found = None
    if near is None or found is None:
        return new_surrogate(problem.view, values, seed=seed)
    surrogate = found.surrogate
    surrogate.load_state_dict(nearest.moved(surrogate.state_dict(), near))
    return surrogate


def _universal_of(
    loss: TrueLoss, problem: Problem, *, max_time: float | None
) -> Universal | None:
    """Return a built-in loss's universal surrogate as a metric's problem is seen.

    It is shipped; in a frame, which costs no call, it is fitted once.
    """
    if loss.framed:
        theirs = problem._replace(true_loss=loss)
        return _universal(theirs, "wide", progress=None, max_time=max_time)
    return load_universal(SHIPPED / f"{file_stem(loss)}.safetensors", problem.view)


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
    found = _universal(problem, form, progress=progress)
    if found is None:
        raise AssertionError  # there is all the time
    return found


def _universal(
    problem: Problem,
    form: str,
    *,
    progress: FitProgress | None,
    max_time: float | None = None,
) -> Universal | None:
    """Return the universal surrogate; None if it takes longer than there is time."""
    true_loss = problem.true_loss
    is_default = form == "wide" and problem.standardize == true_loss.scale_invariant
    shipped = SHIPPED / f"{file_stem(true_loss)}.safetensors"
    if is_default and true_loss.is_builtin and shipped.exists():
        return load_universal(shipped, problem.view)
    config = _config_of(true_loss)
    if _affordable(true_loss, max_time, _LITTLE) < _N_SEEN:
        return None
    name = f"{file_stem(true_loss)}-{_fingerprint(problem, config)}.safetensors"
    cached = cache_dir() / name
    try:
        return load_universal(cached, problem.view)
    except (OSError, ValueError):
        pass  # not to be had, or damaged: fitted anew
    if max_time is not None:
        seconds = config.n_sets * true_loss.set_seconds + config.max_iter * _STEP
        if not true_loss.is_builtin and seconds > _START * max_time:
            return None
    universal = fit_problem(problem, config, progress=progress)
    _keep(universal, cached, true_loss)
    return universal


def _config_of(true_loss: TrueLoss) -> UniversalConfig:
    """Return the settings of Eq. 3 that a loss asks for."""
    # bounds are on shares of few rows too
    takes_large = true_loss.is_top_heavy or bool(true_loss.constraints)
    if true_loss.columns:
        sizes = (TOP_HEAVY if takes_large else WITH_COLUMNS).set_sizes
        return replace(WITH_COLUMNS, set_sizes=sizes)
    if takes_large:
        return TOP_HEAVY
    if true_loss.framed:
        return IN_A_FRAME
    return UniversalConfig() if true_loss.is_builtin else CALLABLE


def _keep(universal: Universal, path: Path, true_loss: TrueLoss) -> None:
    """Write a universal surrogate for the next fit; warn where that cannot be."""
    try:
        save_universal(universal, path)
    except OSError as error:
        warnings.warn(
            f"The universal surrogate of {true_loss.name} is not kept for the next "
            f"fit: {str(path)!r} cannot be written ({error.strerror or error}).",
            RuntimeWarning,
            stacklevel=3,
        )


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
    # of a distribution around rows, without the rows
    settings = json.dumps(universal.settings, default=lambda part: type(part).__name__)
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
    """Hash the loss's code, what it does on a few generated sets, and its columns.

    A changed function thus gets a new surrogate, wherever the change was made. The
    sets are large, since the top of small ones is the same for many metrics of it.
    """
    generator = torch.Generator().manual_seed(0)
    true_loss, distribution = problem.true_loss, problem.distribution
    problem = problem._replace(true_loss=true_loss.in_a_call())
    _, loss = problem.draw(_N_SEEN, max(config.set_sizes), generator)
    values = [f"{value:.5g}" for value in loss.tolist()]
    source = "" if true_loss.own is None else true_loss.own.source
    settings = [repr(distribution), repr(config), problem.standardize]
    found = hashlib.sha256(json.dumps([values, source, *settings]).encode())
    rows = getattr(distribution, "rows", None)
    if rows is not None:  # their `repr` shows a few values of many
        for column in (rows.target, *rows.columns.values()):
            found.update(column.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
