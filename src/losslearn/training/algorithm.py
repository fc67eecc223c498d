"""Algorithm 1: one turn of both levels, to be held beside the paper."""

import math
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from losslearn.metrics import Loss, Sets
from losslearn.models.predictor import Predictor
from losslearn.training.lower import SurrogateLearner
from losslearn.training.recipe import Recipe
from losslearn.training.sampling import Sampler

NO_ERROR = torch.tensor(math.nan)
"""The surrogate error where there is no surrogate."""


def turn(
    predictor: Predictor,
    objective: Loss,
    learner: SurrogateLearner | None,
    sampler: Sampler,
    recipe: Recipe,
) -> Float[Tensor, ""]:
    """Do one turn of both levels (Algorithm 1, lines 3 to 13).

    Args:
        predictor: The model, alpha.
        objective: What the model minimises; the learned loss, or any other.
        learner: Keeps the learned loss, beta, close to the true one; None for an
            objective that stays as it is.
        sampler: Draws sets of rows, P_D.
        recipe: K_alpha, K_beta and the rest.

    Returns:
        The mean surrogate error; NaN without a learner.
    """
    error = NO_ERROR
    # lines 8 to 12: beta toward the true loss at alpha (Eq. 5); the lower level first,
    # as in the authors' code
    if learner is not None:
        draw = partial(draw_scored, predictor, sampler)
        error = learner.learn(draw, steps=recipe.surrogate_steps)
    # lines 4 to 7: alpha down the objective (Eq. 4), K_alpha times
    predictor.descend(objective, sampler.draw(recipe.model_steps))
    return error


def draw_scored(predictor: Predictor, sampler: Sampler, n_sets: int) -> Sets:
    """Draw sets, with the scores that the model gives them at present."""
    drawn = sampler.draw(n_sets)
    return predictor.rows.sets(drawn, predictor.scores(drawn.rows))


def draw_moved(
    predictor: Predictor,
    sampler: Sampler,
    n_sets: int,
    strength: float,
    *,
    generator: torch.Generator,
) -> tuple[Sets, Sets]:
    """Draw sets, each scored by the model moved to and fro (see `Predictor.moved`)."""
    drawn = sampler.draw(n_sets)
    there, back = predictor.moved(drawn.rows, strength, generator=generator)
    return predictor.rows.sets(drawn, there), predictor.rows.sets(drawn, back)
