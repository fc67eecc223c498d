"""Where the time of an iteration goes, in a plain loop and in ours: the profile.

    taskset -c 0 python bench/studies/iteration_parts.py

Every part of Algorithm 1 is timed alone, at the paper's size (123 features, sets of
100, 3 model steps and 10 surrogate steps, AUC), beside the whole iteration; all take
turns in one process, and the median block counts. Prints the table and writes
`results/iteration_parts.json`.
"""

import sys
from collections.abc import Callable

import torch
from eager_loop import MODEL_STEPS, SURROGATE_STEPS
from shared import write
from speed import Setting, make_setting
from timing import hardware, interleaved, make_parser

from losslearn.metrics import Sets
from losslearn.training.algorithm import draw_scored
from losslearn_bench.tables.markdown import markdown_table

Parts = dict[str, Callable[[], object]]

SCORES = f"scores of {SURROGATE_STEPS} sets, drawing and fetching their rows"
TRUE_LOSSES = f"{SURROGATE_STEPS} true losses"
FIT = f"{SURROGATE_STEPS} surrogate steps"
STEPS = f"{MODEL_STEPS} model steps through the surrogate"
WHOLE = "a whole iteration"


def plain_parts(setting: Setting) -> Parts:
    """Return the parts of the plain loop."""
    loop = setting.loop
    batch = loop.scores()
    loss = loop.value(batch)

    def times(n: int, part: Callable[[], object]) -> Callable[[], None]:
        def repeat() -> None:
            for _ in range(n):
                part()

        return repeat

    return {
        SCORES: times(SURROGATE_STEPS, loop.scores),
        TRUE_LOSSES: times(SURROGATE_STEPS, lambda: loop.value(batch)),
        FIT: times(SURROGATE_STEPS, lambda: loop.fit_surrogate(batch, loss)),
        STEPS: times(MODEL_STEPS, loop.model_step),
        WHOLE: loop.iterate,
    }


def our_parts(setting: Setting) -> Parts:
    """Return the parts of ours, each set scored and valued anew."""
    trainer, learner, learned = setting.ours
    predictor, sampler = trainer.predictor, trainer.sampler

    def scores() -> Sets:
        return draw_scored(predictor, sampler, SURROGATE_STEPS)

    def value() -> torch.Tensor:
        return setting.true_loss(sets)

    sets = scores()
    by_step = Sets(sets.target.unsqueeze(1), sets.score.unsqueeze(1), sets.weight)
    loss = value().unsqueeze(1)
    return {
        SCORES: scores,
        TRUE_LOSSES: value,
        FIT: lambda: learner.fitter.fit(by_step, loss),
        STEPS: lambda: predictor.descend(learned, sampler.draw(MODEL_STEPS)),
        WHOLE: setting.iterate,
    }


def measure(blocks: int, seconds: float) -> dict[str, dict[str, float]]:
    """Return the milliseconds of each part, by the way of training."""
    mlp, linear = make_setting("mlp"), make_setting("linear")
    ways = {
        "plain loop, MLP": plain_parts(mlp),
        "any nn.Module (the MLP)": our_parts(make_setting("module")),
        "built-in MLP": our_parts(mlp),
        "plain loop, linear": plain_parts(linear),
        "built-in linear": our_parts(linear),
    }
    times = {
        way: interleaved(*parts.values(), blocks=blocks, seconds=seconds)
        for way, parts in ways.items()
    }
    return {way: dict(zip(ways[way], ms, strict=True)) for way, ms in times.items()}


def main(args: list[str] | None = None) -> None:
    """Measure, print and write."""
    parser = make_parser(__doc__, "iteration_parts.json", blocks=15, seconds=0.1)
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    ways = measure(options.blocks, options.seconds)
    rows = [
        [part, *(f"{parts[part]:.2f}" for parts in ways.values())]
        for part in (SCORES, TRUE_LOSSES, FIT, STEPS, WHOLE)
    ]
    sys.stdout.write(markdown_table(["milliseconds", *ways], rows) + "\n")
    write(options.out, {"hardware": hardware(), "milliseconds": ways})


if __name__ == "__main__":
    main()
