"""Making the shipped universal surrogates again."""

import time
from pathlib import Path

from losslearn.cli.progress import format_loss
from losslearn.cli.reporting import console
from losslearn.cli.running import use_one_thread
from losslearn.criterion.fit_bar import fit_bar
from losslearn.metrics import get_true_loss, list_true_losses
from losslearn.surrogate.universal import (
    SHIPPED,
    file_stem,
    make_universal,
    save_universal,
)


def make_universals(name: str, *, seed: int, folder: Path | None) -> None:
    """Fit the universal surrogate of a built-in metric, or "all", into a folder.

    Each is written once it is done; None takes the package's own folder.
    """
    every = [loss for loss, _ in list_true_losses().values()]
    use_one_thread()
    for loss in every if name == "all" else [get_true_loss(name)]:
        begin = time.perf_counter()
        with fit_bar(loss.name) as show:
            universal = make_universal(loss, seed=seed, progress=show)
        path = (folder or SHIPPED) / f"{file_stem(loss)}.safetensors"
        save_universal(universal, path)
        console().print(
            f"{loss.name}: surrogate error {format_loss(universal.error)} on fresh "
            f"sets, {time.perf_counter() - begin:.0f} s, written to {path}",
            soft_wrap=True,
        )
