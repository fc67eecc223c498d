"""The learned gradient against the metric's own, for a linear model.

    python bench/studies/gradient_quality.py --data-dir DIR [--metric f1]

The metric of all training rows is nearly smooth in the few weights of a linear model,
so that central differences along each weight give its gradient without any surrogate.
At the weights of a cross-entropy training this prints, for some settings of the
surrogate's fit, the cosine of that gradient with the surrogate's, averaged over sets
and of a single set; for a metric of the highest scores also of a surrogate that sees
nothing but the plain mean. Then it descends along the central differences themselves,
which says how far a linear model can be brought at all. Writes
`results/gradient_quality.{jsonl,md}`, in which the lines of other metrics stay.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from fits import Line, load
from odd_metrics import METRICS as ODD_METRICS
from shared import DATA_DIR, RESULTS, make_parser, report
from torch import Tensor, nn

from losslearn.metrics import Loss, TrueLoss, as_true_loss
from losslearn.models.networks import build_model, score_rows
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.training.algorithm import draw_scored
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn_bench.grid.jsonl import JsonLines
from losslearn_bench.harness.neural import make_trainer
from losslearn_bench.harness.ours import first_surrogate, make_algorithm
from losslearn_bench.harness.rows import SplitRows, TrainingData, measure
from losslearn_bench.tables.markdown import markdown_table

DATA, MAX_ROWS, WARM_UP = "ijcnn1", 40_000, 600
METRICS = ("f1", "error_rate", "auc", "recall_in_top_percent")
NEAR, FAR = 0.02, 0.1
"""Steps of the central differences, in deviations of the scores."""
N_SETS = 60


def by_cross_entropy(
    rows: SplitRows, true_loss: TrueLoss, config: Recipe, *, seed: int
) -> tuple[nn.Module, Run]:
    """Return a linear model after its last step of cross-entropy, and the run."""
    torch.manual_seed(seed)
    model = build_model("linear", rows.data.x)
    generator = torch.Generator().manual_seed(seed)
    run = Run("cross_entropy")
    trainer = make_trainer(model, rows.data, true_loss, config, generator=generator)
    trainer.train(run, CrossEntropy(), config.max_iter)
    return model, run


def losses_of(model: nn.Module, rows: SplitRows, true_loss: TrueLoss) -> Line:
    """Return the loss of each part, that of the test rows at a threshold of others."""
    data, test = rows.data, rows.test
    parts = (data.x, data.x_valid, test.x)
    train, valid, held_out = (score_rows(model, x) for x in parts)
    return {
        "train": float(true_loss(data.train.whole(train))),
        "validation": float(true_loss(data.valid.whole(valid))),
        "test": measure(true_loss, data, valid, test, held_out),
    }


def weights_of(model: nn.Module) -> Tensor:
    """Return all weights in one vector."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def metric_gradient(
    model: nn.Module, data: TrainingData, true_loss: TrueLoss, strength: float
) -> Tensor:
    """Return central differences of the loss of all training rows, weight by weight."""
    at = weights_of(model)
    gradient = torch.zeros_like(at)

    def scores(weights: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(weights, model.parameters())
        return score_rows(model, data.x)

    here = scores(at)
    for i in range(len(at)):
        along = torch.zeros_like(at)
        along[i] = 1.0
        reach = float((scores(at + along) - here).std())
        if reach < 1e-9:  # moves every score alike, which no such loss sees
            continue
        step = strength * float(here.std()) / reach
        there, back = (
            float(true_loss(data.train.whole(scores(at + sign * step * along))))
            for sign in (1, -1)
        )
        gradient[i] = (there - back) / (2 * step)
    nn.utils.vector_to_parameters(at, model.parameters())
    return gradient


def learned_gradients(
    model: nn.Module,
    trainer: Trainer,
    objective: Loss,
    *,
    mode: Literal["training", "evaluation"] = "training",
) -> Tensor:
    """Return the learned loss's gradient for the weights, set by set."""
    model.train(mode == "training")
    rows, found = trainer.predictor.rows, []
    for drawn in trainer.sampler.draw(N_SETS).each():
        score = model(rows.x[drawn.rows]).flatten()
        value = objective(rows.sets(drawn, score))
        gradients = torch.autograd.grad(value, list(model.parameters()))
        found.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(found)


def compare(
    model: nn.Module, data: TrainingData, true_loss: TrueLoss, settings: Line
) -> Line:
    """Fit the surrogate at the model's weights, and return the cosines."""
    steps = settings["surrogate_updates"]
    own = {name: settings[name] for name in ("batch_size", "perturbation")}
    config = Recipe(**own, replay=1)
    form = replace(true_loss, is_top_heavy=settings.get("sees_top", False))
    surrogate = first_surrogate(form, config, data, seed=0)
    trainer, learner, objective = make_algorithm(
        model, surrogate, data, true_loss, config, seed=0
    )
    model.train()
    for _ in range(steps // config.surrogate_steps):
        error = learner.learn(
            lambda n_sets: draw_scored(trainer.predictor, trainer.sampler, n_sets),
            steps=config.surrogate_steps,
        )
    learned = learned_gradients(model, trainer, objective)
    line: Line = {"settings": settings, "surrogate_error": float(error)}
    for name, strength in (("near", NEAR), ("far", FAR)):
        true = metric_gradient(model, data, true_loss, strength)
        mean = torch.cosine_similarity(learned.mean(0), true, dim=0)
        single = torch.cosine_similarity(learned, true, dim=1).mean()
        line |= {f"cosine_{name}": float(mean), f"cosine_{name}_single": float(single)}
    return line


def descend(
    model: nn.Module,
    data: TrainingData,
    true_loss: TrueLoss,
    steps: int,
    *,
    watch: Callable[[int], object] | None = None,
) -> None:
    """Follow the central differences by Adam, their step and its own going to 0."""
    at = weights_of(model).requires_grad_()
    lr = 0.03 * float(at.detach().norm()) / len(at) ** 0.5
    optimizer = torch.optim.Adam([at], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        left = 0.5 * (1 + math.cos(math.pi * step / steps))
        nn.utils.vector_to_parameters(at.detach(), model.parameters())
        at.grad = metric_gradient(model, data, true_loss, 0.01 + FAR * left)
        optimizer.step()
        schedule.step()
        if watch is not None:
            nn.utils.vector_to_parameters(at.detach(), model.parameters())
            watch(step + 1)
    nn.utils.vector_to_parameters(at.detach(), model.parameters())


def run_metric(metric: str, data_dir: Path | None, steps: int) -> list[Line]:
    """Return the lines of a metric."""
    rows = load(DATA, 0, MAX_ROWS, data_dir)
    true_loss = as_true_loss(ODD_METRICS.get(metric, metric))
    config = Recipe(max_iter=WARM_UP)
    model, _ = by_cross_entropy(rows, true_loss, config, seed=0)
    start = weights_of(model)
    forms: list[Line] = [{}]
    if true_loss.is_top_heavy:
        forms = [{"sees_top": True}, {"sees_top": False}]
    settings = (
        {"batch_size": n, "perturbation": noise, "surrogate_updates": updates} | form
        for form in forms
        for n in (500, 2_000)
        for noise in (0.05, 0.2, 0.5, 1.0)
        for updates in (200, 1_000)
    )
    lines = [compare(model, rows.data, true_loss, one) for one in settings]
    nn.utils.vector_to_parameters(start, model.parameters())
    before = losses_of(model, rows, true_loss)
    descend(model, rows.data, true_loss, steps)
    after = losses_of(model, rows, true_loss)
    lines.append({"cross_entropy": before, "descent": after})
    return [{"metric": metric, **line} for line in lines]


def make_table(lines: list[Line]) -> str:
    """Return both tables in Markdown."""
    rows, reach = [], []
    for line in lines:
        if "descent" in line:
            pairs = (line["cross_entropy"], line["descent"])
            cells = (f"{pair['train']:.4f} / {pair['test']:.4f}" for pair in pairs)
            reach.append([line["metric"], *cells])
            continue
        one = line["settings"]
        plain = "" if one.get("sees_top", True) else ", plain mean"
        names = ("batch_size", "perturbation", "surrogate_updates")
        cosines = [
            f"{line[f'cosine_near{of}']:.2f} / {line[f'cosine_far{of}']:.2f}"
            for of in ("", "_single")
        ]
        settings = [str(one[name]) for name in names]
        error = f"{line['surrogate_error']:.4f}"
        rows.append([line["metric"] + plain, *settings, error, *cosines])
    heads = ["metric", "rows of a set", "noise", "updates", "surrogate error"]
    heads += ["cosine, mean of sets: fine / coarse", "cosine, one set: fine / coarse"]
    further = ["metric", "cross-entropy, train / test", "direct descent, train / test"]
    return f"{markdown_table(heads, rows)}\n\n{markdown_table(further, reach)}"


def main(args: list[str] | None = None) -> None:
    """Measure, then write lines and tables."""
    options = make_parser(
        __doc__,
        metric={"action": "append", "choices": METRICS},
        steps={"type": int, "default": 60, "help": "of the direct descent"},
        data_dir=DATA_DIR,
        results=RESULTS / "gradient_quality.jsonl",
    ).parse_args(args)
    chosen = options.metric or METRICS
    found = JsonLines(options.results).read()
    lines = [line for line in found if line["metric"] not in chosen]
    for metric in chosen:
        lines += run_metric(metric, options.data_dir, options.steps)
    options.results.unlink(missing_ok=True)
    JsonLines(options.results).append(lines)
    report(make_table(lines), options.results)


if __name__ == "__main__":
    main()
