"""Making the shipped universal surrogates again."""

import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from losslearn.cli.progress import format_loss
from losslearn.cli.running import use_one_thread
from losslearn.metrics import TrueLoss, get_true_loss, list_true_losses
from losslearn.surrogate.universal import (
    SHIPPED,
    file_stem,
    make_universal,
    save_universal,
)


def make_universals(
    out: Console, err: Console, name: str, *, seed: int, folder: Path | None
) -> None:
    """Fit one universal surrogate, or all, and write each once it is done.

    Args:
        out: Is told of each surrogate's error.
        err: Shows the progress.
        name: A built-in metric, or "all".
        seed: Of the generated sets.
        folder: Where to write; None takes the package's own.

    Raises:
        ValueError: If the metric is unknown.
    """
    losses: list[TrueLoss] = [get_true_loss(name)] if name != "all" else []
    if name == "all":
        losses = [loss for loss, _ in list_true_losses().values()]
    use_one_thread()
    folder = SHIPPED if folder is None else folder
    with Progress(console=err, disable=not err.is_interactive) as progress:
        for loss in losses:
            task = progress.add_task(loss.name, total=None)

            def show(
                step: int, n_steps: int, error: float, task: TaskID = task
            ) -> None:
                del error
                progress.update(task, completed=step, total=n_steps)

            begin = time.perf_counter()
            universal = make_universal(loss, seed=seed, progress=show)
            path = folder / f"{file_stem(loss)}.safetensors"
            save_universal(universal, path)
            out.print(
                f"{loss.name}: surrogate error {format_loss(universal.error)} on fresh "
                f"sets, {time.perf_counter() - begin:.0f} s, written to {path}",
                markup=False,
                soft_wrap=True,
            )
