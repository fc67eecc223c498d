"""What an iteration costs, each way measured beside its reference.

    taskset -c 0 python bench/studies/speed.py

Every pair of rows is timed in one process, in short blocks that take turns, on one
thread; the median block counts. Prints the table and writes `results/speed.json`, and
with `--plot` a figure of cost against rows of a set, features and fits at once. Pin the
process to one core for figures that compare. With `--dear` only the rows on a slow
function are taken, and put among those of the file.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from criterion_cost import measure_criterion
from dear_metric import measure_branches, measure_rule
from eager_loop import MODEL_STEPS, SURROGATE_STEPS, EagerLoop
from fits import build_kind
from shared import write
from sklearn.metrics import roc_auc_score
from timing import (
    Reading,
    Ways,
    absolute,
    hardware,
    interleaved,
    make_parser,
    ratio,
    share,
)
from torch import Tensor, nn

from losslearn.metrics import Sets, TrueLoss, as_true_loss
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.tokens import ScoreTokens
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import SetSampler
from losslearn_bench.harness.ours import Algorithm, make_algorithm
from losslearn_bench.harness.rows import TrainingData

N_FEATURES = 123
"""Those of a9a, the paper's first data set."""
TURN = 25
"""Iterations that a fit takes before it is another's turn: its buffers then stay in the
processor's cache."""


class Setting(NamedTuple):
    """A model and a loss at the paper's size, ready to iterate."""

    ours: Algorithm
    loop: EagerLoop
    true_loss: TrueLoss
    model: nn.Module

    def iterate(self) -> None:
        """Take one iteration of ours."""
        self.ours.iterate()

    def cross_entropy(self) -> None:
        """Take three plain cross-entropy steps with sets of the same size."""
        for _ in range(MODEL_STEPS):
            self.loop.cross_entropy_step()


@lru_cache(maxsize=1)
def make_table(n_rows: int, n_features: int) -> tuple[Tensor, Tensor]:
    """Return features and targets; fits at once share them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n_rows, n_features, generator=generator)
    noise = torch.randn(n_rows, generator=generator)
    return x, (x[:, 0] + noise > 1).long()


def make_setting(
    kind: str = "mlp",
    *,
    n: int = 100,
    n_features: int = N_FEATURES,
    n_rows: int = 20_000,
    replay: int = 1,
    metric: object = "roc_auc",
    seed: int = 0,
    device: str = "cpu",
) -> Setting:
    """Return our training and the eager loop on the same rows and the same model."""
    x, y_true = (rows.to(device) for rows in make_table(n_rows, n_features))
    torch.manual_seed(seed)
    surrogate = SetSurrogate(ScoreTokens()).to(device)
    config = Recipe(
        max_iter=10**9,  # never at an end, so the schedule stands still
        n_evals=1,
        model_steps=MODEL_STEPS,
        surrogate_steps=SURROGATE_STEPS,
        batch_size=n,
        n_sets=1,
        replay=replay,
        model_lr=1e-4,
        surrogate_lr=1e-4,
        perturbation=0.0,
        catch_up=0,
    )
    true_loss = as_true_loss(metric)
    data = TrainingData(x, y_true, x[:n], y_true[:n])
    model = build_kind(kind, x)
    ours = make_algorithm(model, surrogate, data, true_loss, config, seed=seed)
    generator = torch.Generator(device).manual_seed(seed)
    loop = EagerLoop(
        build_kind(kind, x).train(),
        SetSurrogate(ScoreTokens()).to(device),
        true_loss,
        data.train,
        SetSampler(y_true, batch_size=n, generator=generator),
        1e-4,
    )
    return Setting(ours, loop, true_loss, model)


def forward(inputs: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Return the products of a network's layers, its input first."""
    outputs = [inputs]
    for weight in weights:
        outputs.append(outputs[-1] @ weight.T)
    return outputs


def back(outputs: list[Tensor], weights: list[Tensor]) -> None:
    """Form the products of the way back: of weights, and of inputs but the first."""
    slope = outputs[-1]
    for i in range(len(weights) - 1, -1, -1):
        slope.T @ outputs[i]
        if i > 0:
            slope = slope @ weights[i]


def matrix_products(setting: Setting, *, n: int) -> Callable[[], None]:
    """Return the iteration's matrix products alone, of the model and the surrogate."""
    layers = [m for m in setting.model.modules() if isinstance(m, nn.Linear)]
    weights = [torch.randn(m.out_features, m.in_features) for m in layers]
    encoder = [torch.randn(30, 2), torch.randn(30, 30)]
    x = setting.ours.trainer.predictor.rows.x
    pairs, rows, many = torch.randn(n, 2), x[:n], x[: n * SURROGATE_STEPS]

    def replay() -> None:
        forward(many, weights)
        for _ in range(SURROGATE_STEPS):
            back(forward(pairs, encoder), encoder)
        for _ in range(MODEL_STEPS):
            slope = forward(pairs, encoder)[-1]
            for weight in reversed(encoder):
                slope = slope @ weight
            back(forward(rows, weights), weights)

    return replay


def measure_module(timed: Ways) -> list[Reading]:
    """Any `nn.Module`, with every set scored anew and with replay."""
    fresh, replayed = make_setting("module"), make_setting("module", replay=4)
    ours, again, eager = timed(fresh.iterate, replayed.iterate, fresh.loop.iterate)
    name = "any nn.Module, N = 100"
    return [
        ratio(f"{name}, each set scored anew", ours, "eager loop", eager, 4),
        ratio(f"{name}, replay = 4", again, "eager loop", eager, 4),
    ]


def measure_built_in(kind: str, timed: Ways) -> list[Reading]:
    """A built-in model against the eager loop and its own matrix products."""
    setting = make_setting(kind)
    products = matrix_products(setting, n=100)
    ours, eager, floor = timed(setting.iterate, setting.loop.iterate, products)
    name = f"built-in {kind}, N = 100"
    return [
        ratio(name, ours, "eager loop", eager, 10),
        share(name, ours, "matrix products", floor, 1.6),
    ]


def measure_large_sets(timed: Ways) -> list[Reading]:
    """N = 1,000 against three plain cross-entropy steps of the same batch."""
    setting = make_setting("mlp", n=1_000)
    ours, plain = timed(setting.iterate, setting.cross_entropy)
    name = "3 plain cross-entropy steps"
    return [share("built-in mlp, N = 1,000", ours, name, plain, 1.5)]


def measure_surrogate_phase(timed: Ways) -> list[Reading]:
    """Ten Adam steps of the surrogate on scores and losses that are there."""
    setting = make_setting("mlp")
    fitter, drawn = setting.ours.learner.fitter, setting.ours.trainer.sampler.draw(10)
    target = setting.ours.trainer.predictor.rows.target[drawn.rows].unsqueeze(1)
    sets, loss = Sets(target, torch.randn(10, 1, 100), drawn.weight), torch.rand(10, 1)
    (ours,) = timed(lambda: fitter.fit(sets, loss))
    return [absolute("surrogate phase, 10 steps, N = 100", ours, 0.2)]


def many_fits(n_fits: int) -> Callable[[], None]:
    """Return a turn of each of several fits to one table."""
    fits = [make_setting("mlp", seed=seed) for seed in range(n_fits)]

    def iterate() -> None:
        for fit in fits:
            for _ in range(TURN):
                fit.iterate()

    return iterate


def measure_many_fits(timed: Ways, n_fits: int = 16) -> list[Reading]:
    """Sixteen fits that take turns in one process."""
    (ours,) = timed(many_fits(n_fits))
    return [absolute(f"{n_fits} fits, a fit and iteration", ours / n_fits / TURN, 1.5)]


def measure_black_box(n: int, timed: Ways) -> list[Reading]:
    """A scikit-learn metric that takes one set a call, against its own calls.

    They are given the arguments that it gets from us, weights among them. What it adds
    is what an iteration takes longer than with our own form of the same metric.
    """
    setting = make_setting("mlp", n=n, metric=roc_auc_score)
    replayed = make_setting("mlp", n=n, metric=roc_auc_score, replay=4)
    built_in = make_setting("mlp", n=n)
    trainer = setting.ours.trainer
    rows, drawn = trainer.predictor.rows, trainer.sampler.draw(1)
    y, weight = rows.target[drawn.rows[0]].numpy(), drawn.weight.double().numpy()
    score = np.random.default_rng(0).standard_normal((10, n))

    def calls() -> None:
        for one in score:
            roc_auc_score(y, one, sample_weight=weight)

    fits = (setting.iterate, replayed.iterate, built_in.iterate)
    ours, again, without, own = timed(*fits, calls)
    name, calls_name = f"scikit-learn's AUC, N = {n:,}", "its own 10 calls"
    return [
        share(f"{name}, what it adds", ours - without, calls_name, own, 1.2),
        share(f"{name}, an iteration", ours, calls_name, own, 1.2),
        share(f"{name}, an iteration, replay = 4", again, calls_name, own, 1.2),
    ]


def measure_import(times: int) -> list[Reading]:
    """`import losslearn`, beyond importing torch."""
    code = (
        "import time, torch; begin = time.perf_counter(); import losslearn; "
        "print(time.perf_counter() - begin)"
    )
    command = [sys.executable, "-c", code]
    seconds = [float(subprocess.check_output(command)) for _ in range(times)]
    ms = 1e3 * statistics.median(seconds)
    return [absolute("import losslearn beyond torch", ms, 300)]


def growth(timed: Ways) -> dict[str, list[dict[str, float]]]:
    """Return milliseconds of an iteration against each size, the rest the paper's."""

    def point(**sizes: int) -> dict[str, float]:
        setting = make_setting("mlp", **sizes)
        ours, plain = timed(setting.iterate, setting.cross_entropy)
        (size,) = sizes.values()
        return {"size": size, "ours_ms": ours, "cross_entropy_ms": plain}

    def fits(n_fits: int) -> dict[str, float]:
        (ours,) = timed(many_fits(n_fits))
        return {"size": n_fits, "ours_ms": ours / n_fits / TURN}

    return {
        "rows of a set": [point(n=n) for n in (50, 100, 200, 500, 1_000, 2_000)],
        "features": [point(n_features=m) for m in (10, 30, 123, 400, 1_000)],
        "rows of the table": [point(n_rows=r) for r in (10_000, 100_000, 1_000_000)],
        "fits at once (a fit)": [fits(n) for n in (1, 2, 4, 8, 16)],
    }


def plot(curves: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw cost against each size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6 * len(curves), 3.2), layout="constrained")
    panels = figure.subplots(1, len(curves))
    for axes, (name, points) in zip(panels, curves.items(), strict=True):
        sizes = [point["size"] for point in points]
        for key, label in (
            ("ours_ms", "an iteration (3 + 10 steps)"),
            ("cross_entropy_ms", "3 plain cross-entropy steps"),
        ):
            if key in points[0]:
                axes.plot(sizes, [point[key] for point in points], "o-", label=label)
        axes.set(xscale="log", yscale="log", xlabel=name, ylabel="milliseconds")
        axes.set_ylim(0.5, 50)  # one scale for all, so that a flat curve looks flat
    figure.axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=150)


def show(readings: list[Reading]) -> None:
    """Print the table."""
    for reading in readings:
        sys.stdout.write(
            f"{reading.what:52s} {reading.ours_ms:9.3f} ms  {reading.reference:28s}"
            f"{reading.reference_ms:9.3f} ms  {reading.asked:>9s} "
            f"{reading.reached:>9s}  {'yes' if reading.holds else 'NO'}\n"
        )


def with_rows(content: dict[str, Any], added: list[Reading]) -> dict[str, Any]:
    """Return a file's content with rows of another run, and on what they were taken."""
    names = [reading.what for reading in added]
    kept = [one for one in content["readings"] if one["what"] not in names]
    readings = [*kept, *(reading._asdict() for reading in added)]
    later = {"rows": names, "hardware": hardware()}
    return {**content, "readings": readings, "added_later": later}


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    curves = {"action": "store_true", "help": "curves and figure too"}
    dear = {
        "action": "store_true",
        "help": "only what a slow function costs; keep rows",
    }
    blocks = {"type": int, "default": 15, "help": "blocks of each way"}
    seconds = {"type": float, "default": 0.2, "help": "of a block"}
    options = make_parser(
        __doc__, "speed.json", blocks=blocks, seconds=seconds, plot=curves, dear=dear
    ).parse_args(args)
    torch.set_num_threads(1)
    if options.dear:
        added = [*measure_branches(), *measure_rule()]
        show(added)
        write(options.out, with_rows(json.loads(options.out.read_text()), added))
        return
    timed = partial(interleaved, blocks=options.blocks, seconds=options.seconds)
    readings = [
        *measure_module(timed),
        *measure_built_in("mlp", timed),
        *measure_built_in("linear", timed),
        *measure_large_sets(timed),
        *measure_surrogate_phase(timed),
        *measure_many_fits(timed),
        *measure_black_box(100, timed),
        *measure_black_box(1_000, timed),
        *measure_criterion(options.blocks, options.seconds),
        *measure_import(times=5),
        *measure_branches(),
        *measure_rule(),
    ]
    content: dict[str, Any] = {
        "hardware": hardware(),
        "readings": [reading._asdict() for reading in readings],
    }
    show(readings)
    if options.plot:
        content["growth"] = growth(timed)
        plot(content["growth"], options.out.with_suffix(".png"))
    write(options.out, content)


if __name__ == "__main__":
    main()
