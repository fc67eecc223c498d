"""What tells whether a learned loss's gradient is any good, without that gradient.

    python bench/studies/health.py --data-dir DIR

A model is trained by cross-entropy, and surrogates of several metrics are fitted to its
scores: one as a fit has them, one of few updates, one of few from random weights. What
there is to be predicted is the cosine, in the weights, of the mean gradient of the
surrogate with that of the metric of all training rows: central differences along each
weight, or along 200 random directions of a network. Both are in evaluation mode; in
training mode dropout leaves nothing but noise of a network's small gradients, as of
cross-entropy's own. Predictors are the cosine of the changes of both losses on moved
sets (see `GradientHealth`), where

- `noise` moves every score by itself,
- `curve` moves the scores of each class along a random smooth curve of their ranks,
- `model` moves the weights of the model (see `Predictor.moved`),
- `graph` moves the scores along directions in the weights, to first order and in
  training mode, as what has the scores and their graph alone can do,
- a number is the moves' deviation, in deviations of the scores,
- `by 4` moves four sets together and takes the mean of their changes.

Each is read as in a fit, once and ten times. What has a line is not run again. Writes
`results/health.{jsonl,md}`.
"""

import copy
import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from fits import Line, load, make_cells, make_parser, run_grid
from gradient_quality import learned_gradients, weights_of
from odd_metrics import METRICS as ODD_METRICS
from shared import report
from torch import Tensor, nn

from losslearn.metrics import Loss, Sets, TrueLoss, as_true_loss
from losslearn.metrics.constraints.subject_to import subject_to
from losslearn.models.networks import build_model, score_rows
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.training.algorithm import draw_scored
from losslearn.training.loop import Run, Trainer
from losslearn.training.recipe import Recipe
from losslearn_bench.harness.neural import make_trainer
from losslearn_bench.harness.ours import first_surrogate, make_algorithm
from losslearn_bench.harness.rows import TrainingData
from losslearn_bench.tables.markdown import markdown_table

KEY = ("seed", "data", "model")
DATA, MODELS = ("ijcnn1", "covtype", "a9a", "cod_rna"), ("linear", "mlp")
METRICS = ("f1", "error_rate", "kappa", "average_precision")
ODD = ("recall_in_top_percent", "constraint")
MAX_ROWS, WARM_UP, N_DIRECTIONS = 10_000, 600, 200
STRENGTH = 0.1
"""Step of the central differences, in deviations of the scores."""
N_SETS, N_READINGS, MEMORY = 16, 10, 0.9
SURROGATES = {
    "refined, 200": ("refined", 200),
    "refined, 40": ("refined", 40),
    "scratch, 40": ("scratch", 40),
}
FLOOR = 0.1
"""Cosine up to which a fit does not follow the learned loss."""


def true_loss_of(metric: str) -> TrueLoss:
    """Return the loss of a name of this study."""
    if metric == "constraint":
        return as_true_loss(subject_to("recall", "precision >= 0.8"))
    return as_true_loss(ODD_METRICS.get(metric, metric))


@torch.no_grad()
def move(model: nn.Module, along: Tensor, step: float, at: Tensor) -> None:
    """Set a model's weights to those at a place and a step along a direction."""
    nn.utils.vector_to_parameters(at + step * along, model.parameters())


class Differences(NamedTuple):
    """Scores of all rows as weights are moved to and fro along directions."""

    along: Tensor
    """Shape `[directions, weights]`."""
    step: Tensor
    """Shape `[directions]`."""
    score: Tensor
    """Shape `[2, directions, rows]`."""

    def slopes(self, true_loss: TrueLoss, data: TrainingData) -> Tensor:
        """Return a loss's slope along each direction."""
        there, back = (
            torch.stack([true_loss(data.train.whole(one)) for one in scores])
            for scores in self.score
        )
        return (there - back) / (2 * self.step)


def differences(model: nn.Module, data: TrainingData) -> Differences:
    """Move a model along each weight, or along random directions if these are many."""
    at = weights_of(model)
    generator = torch.Generator().manual_seed(0)
    along = torch.eye(len(at))
    if len(at) > N_DIRECTIONS:
        along = torch.randn(N_DIRECTIONS, len(at), generator=generator)
    here, steps, scores = score_rows(model, data.x), [], []
    for one in along:
        probe = 1e-3 * float(at.norm() / one.norm())
        move(model, one, probe, at)
        reach = float((score_rows(model, data.x) - here).std()) / probe
        steps.append(STRENGTH * float(here.std()) / max(reach, 1e-9))
        for sign in (1, -1):
            move(model, one, sign * steps[-1], at)
            scores.append(score_rows(model, data.x))
    move(model, at, 0.0, at)
    both = torch.stack(scores).unflatten(0, (-1, 2)).transpose(0, 1)
    return Differences(along, torch.tensor(steps), both)


Pairs = Iterator[tuple[Sets, Sets]]
"""Sets moved to and fro."""


class Mover:
    """Moves sets of a model in training, in the ways that are compared."""

    def __init__(self, model: nn.Module, trainer: Trainer, seed: int) -> None:
        """Take what is trained, and a source of moves."""
        self.model, self.trainer = model, trainer
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Sets:
        """Draw the sets of a reading."""
        return draw_scored(self.trainer.predictor, self.trainer.sampler, N_SETS)

    def by_noise(self, strength: float) -> Pairs:
        """Move every score by itself."""
        sets = self.draw()
        noise = torch.randn(sets.score.shape, generator=self.generator)
        yield self._moved(sets, noise, strength)

    def by_curve(self, strength: float, *, terms: int = 4) -> Pairs:
        """Move scores along a random smooth curve of their ranks, one of each class."""
        sets = self.draw()
        n = sets.score.shape[-1]
        rank = sets.score.argsort(-1).argsort(-1) / n
        waves = torch.cos(math.pi * torch.arange(terms).view(-1, 1, 1) * rank)
        drawn = torch.randn(2, terms, N_SETS, 1, generator=self.generator)
        first, second = (drawn * waves).sum(1)
        yield self._moved(sets, torch.where(sets.target == 1, first, second), strength)

    def _moved(self, sets: Sets, along: Tensor, strength: float) -> tuple[Sets, Sets]:
        size = sets.score.std(-1, keepdim=True) / along.std(-1, keepdim=True)
        step = strength * size * along
        there, back = (sets._replace(score=sets.score + s * step) for s in (1, -1))
        return there, back

    def by_model(self, strength: float, *, together: int = 1) -> Pairs:
        """Move the model's weights, anew for so many sets together."""
        trainer = self.trainer
        drawn, predictor = trainer.sampler.draw(N_SETS), trainer.predictor
        rows = drawn.rows.unflatten(0, (-1, together))
        moved = predictor.moved(rows, strength, generator=self.generator)
        there, back = (predictor.rows.sets(drawn, one) for one in moved.flatten(1, 2))
        yield there, back

    def by_graph(self, strength: float, *, n_moves: int, together: int = 1) -> Pairs:
        """Move sets, in training mode, along what their graphs say of the weights."""
        predictor, model = self.trainer.predictor, self.model
        drawn = self.trainer.sampler.draw(together)
        weights = list(model.parameters())
        along = [
            [torch.randn(one.shape, generator=self.generator) for one in weights]
            for _ in range(n_moves)
        ]
        model.train()
        moved = [self._along_graph(rows, weights, along) for rows in drawn.rows]
        score, move = (torch.stack(part, -2) for part in zip(*moved, strict=True))
        size = strength * score.std() / move.std(-1).square().mean().sqrt()
        repeated = drawn._replace(rows=drawn.rows.repeat(n_moves, 1))
        there, back = (
            predictor.rows.sets(repeated, (score + by * move).flatten(0, 1))
            for by in (size, -size)
        )
        yield there, back

    def _along_graph(
        self, rows: Tensor, weights: list[nn.Parameter], along: list[list[Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Return a set's scores and their moves, to first order, by double backward."""
        with torch.enable_grad():
            score = self.model(self.trainer.predictor.rows.x[rows]).flatten()
            back = torch.ones_like(score, requires_grad=True)
            slopes = torch.autograd.grad(score, weights, back, create_graph=True)
        moves = [
            torch.autograd.grad(slopes, back, one, retain_graph=True)[0]
            for one in along
        ]
        return score.detach().expand(len(moves), -1), torch.stack(moves)


class Read(NamedTuple):
    """Changes of both losses on moved sets."""

    true: Tensor
    learned: Tensor


@torch.no_grad()
def changes(
    pairs: Pairs, true_loss: TrueLoss, learned: Loss, *, together: int = 1
) -> Read:
    """Return how much both losses change, on the mean of so many sets."""
    found = []
    for pair in pairs:
        values = []
        for one in pair:
            sets = one if true_loss.takes_weight else one.present()
            values.append(torch.stack([true_loss(sets), learned(one)]).double())
        found.append(values[0] - values[1])
    change = torch.cat(found, -1).unflatten(-1, (-1, together)).mean(-1)
    known = change[0].isfinite()
    return Read(*change[:, known])


def cosine(reads: list[Read]) -> float:
    """Return the cosine of both losses' changes, the latest counting most."""
    sums = torch.zeros(3, dtype=torch.double)
    for true, learned in reads:
        parts = [true * learned, true.square(), learned.square()]
        sums = MEMORY * sums + torch.stack([part.sum() for part in parts])
    both = sums[1] * sums[2]
    return float(sums[0] / both.sqrt()) if both > 0 else math.nan


class Way(NamedTuple):
    """A way of moving sets."""

    pairs: Callable[[], Pairs]
    together: int = 1
    """Sets whose mean change is taken."""


def predictors(mover: Mover) -> dict[str, Way]:
    """Return the ways of moving sets that are compared."""
    ways = {"curve 0.1": Way(partial(mover.by_curve, 0.1))}
    for strength in (0.1, 0.5):
        ways[f"noise {strength}"] = Way(partial(mover.by_noise, strength))
        for n in (1, 4):
            moved = partial(mover.by_model, strength, together=n)
            ways[f"model {strength} by {n}"] = Way(moved, n)
    ways["graph 0.1 by 1"] = Way(partial(mover.by_graph, 0.1, n_moves=8))
    together = {"n_moves": 4, "together": 4}
    ways["graph 0.1 by 4"] = Way(partial(mover.by_graph, 0.1, **together), 4)
    return ways


def mixtures(reads: dict[str, list[Read]]) -> dict[str, list[Read]]:
    """Return readings of which every other is of weak moves, and of strong ones."""
    mixed = {}
    for name, by in (("noise", ""), ("model", " by 4")):
        pairs = zip(reads[f"{name} 0.1{by}"], reads[f"{name} 0.5{by}"], strict=True)
        mixed[f"{name} 0.1 and 0.5{by}"] = [
            pair[place % 2] for place, pair in enumerate(pairs)
        ]
    return mixed


def by_cross_entropy(kind: str, data: TrainingData, *, seed: int) -> nn.Module:
    """Return a model after its last step of cross-entropy."""
    torch.manual_seed(seed)
    model = build_model(kind, data.x)
    generator = torch.Generator().manual_seed(seed)
    config, loss = Recipe(max_iter=WARM_UP), as_true_loss("auc")
    trainer = make_trainer(model, data, loss, config, generator=generator)
    trainer.train(Run("cross_entropy"), CrossEntropy(), config.max_iter)
    return model


def judge(
    model: nn.Module,
    data: TrainingData,
    metric: str,
    surrogate: str,
    true: Tensor,
    along: Tensor,
    *,
    seed: int,
) -> Line:
    """Fit a surrogate; return its gradient's cosine and what predicts it."""
    model, true_loss = copy.deepcopy(model), true_loss_of(metric)
    mode, updates = SURROGATES[surrogate]
    config = Recipe(mode=mode, replay=1)
    first = first_surrogate(true_loss, config, data, seed=seed)
    trainer, learner, objective = make_algorithm(
        model, first, data, true_loss, config, seed=seed
    )
    for _ in range(updates // config.surrogate_steps):
        learner.learn(
            lambda n_sets: draw_scored(trainer.predictor, trainer.sampler, n_sets),
            steps=config.surrogate_steps,
        )
    learned = learned_gradients(model, trainer, objective, mode="evaluation").mean(0)
    quality = torch.cosine_similarity(along @ learned, true, dim=0)
    mover = Mover(model, trainer, seed)
    ways = predictors(mover)
    values = learner.fitter.values
    reads = {
        name: [
            changes(way.pairs(), true_loss, values, together=way.together)
            for _ in range(N_READINGS)
        ]
        for name, way in ways.items()
    }
    reads |= mixtures(reads)
    found = {name: [cosine(read[:1]), cosine(read)] for name, read in reads.items()}
    return {
        "metric": metric,
        "surrogate": surrogate,
        "quality": float(quality),
        "predicted": found,
    }


def run_cell(cell: Line, data_dir: Path | None) -> Line:
    """Return the line of a model: every metric and surrogate."""
    rows = load(cell["data"], cell["seed"], MAX_ROWS, data_dir)
    data, seed = rows.data, cell["seed"]
    model = by_cross_entropy(cell["model"], data, seed=seed)
    moved = differences(model, data)
    cases = []
    for metric in (*METRICS, *ODD):
        true = moved.slopes(true_loss_of(metric), data)
        cases += [
            judge(model, data, metric, surrogate, true, moved.along, seed=seed)
            for surrogate in SURROGATES
        ]
    return {**cell, "cases": cases}


def scores_of(cases: list[Line], name: str, reading: int) -> list[str]:
    """Return how well a predictor does, in the table's columns."""
    both = [(one["quality"], one["predicted"][name][reading]) for one in cases]
    both = [(q, p) for q, p in both if q is not None and p is not None]
    quality, predicted = zip(*both, strict=True)
    right = statistics.fmean((q > 0) == (p > 0) for q, p in both)
    wrong = [p > FLOOR for q, p in both if q < 0]
    good = [p <= FLOOR for q, p in both if q > 2 * FLOOR]
    return [
        f"{statistics.correlation(quality, predicted):.2f}",
        f"{right:.0%}",
        f"{sum(wrong)} of {len(wrong)}",
        f"{sum(good)} of {len(good)}",
    ]


def make_table(lines: list[Line]) -> str:
    """Return how well each predictor does, in Markdown."""
    rows = []
    for model in MODELS:
        own = [
            case for line in lines if line["model"] == model for case in line["cases"]
        ]
        for name in own[0]["predicted"] if own else ():
            later = scores_of(own, name, 1)
            once = scores_of(own, name, 0)[:2]
            rows.append([model, name, *once, *later])
    heads = ["model", "moves", "correlation, one reading", "right signs"]
    heads += ["correlation, ten", "right signs", "wrong ones followed"]
    return markdown_table([*heads, "good ones left"], rows)


def main(args: list[str] | None = None) -> None:
    """Measure what is missing, then write the table."""
    options = make_parser(
        __doc__,
        "health.jsonl",
        data={"action": "append"},
        seeds={"type": int, "default": 3, "help": "each its own split"},
    ).parse_args(args)
    axes = range(options.seeds), options.data or DATA, MODELS
    lines = run_grid(make_cells(KEY, *axes), options, run_cell)
    report(make_table(lines), options.results)


if __name__ == "__main__":
    main()
