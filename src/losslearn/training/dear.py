"""How a fit is laid out where the metric itself is what takes the time."""

from dataclasses import replace

from losslearn.training.recipe import Recipe
from losslearn.training.trust import N_READ

_FEW = 400
"""With fewer sets the surrogate stays as it starts, and its health is not read."""


def pilot_sets(recipe: Recipe) -> int:
    """Return how many sets it takes the metric to time a few turns and looks."""
    per_turn = recipe.surrogate_steps * recipe.n_sets
    catch_up = recipe.catch_up * recipe.n_sets / recipe.replay
    return int(3 * (per_turn + catch_up) + 6 * per_turn + 6 * N_READ)


def laid_out(recipe: Recipe, n_sets: float, *, most_turns: int) -> Recipe:
    """Return settings under which the metric values no more than some sets.

    A fifth of them goes to catching up, one to looks and rounds each, the rest to
    turns, which value one set where they valued several.

    Args:
        recipe: As it would be without such a limit.
        n_sets: Sets that there is time to value.
        most_turns: Iterations that there is time for besides.
    """
    steps = max(recipe.surrogate_steps, 1)
    turns = max(min(most_turns, recipe.max_iter), 2)
    if n_sets < _FEW:
        n_evals = min(recipe.n_evals, max(int(n_sets / 8), 1))
        still = replace(recipe, mode="universal", adaptive=False, rounds=1)
        return replace(still, max_iter=turns, n_evals=n_evals)
    reads = (N_READ if recipe.adaptive else 0) + 2
    rounds = min(recipe.rounds, max(int(0.2 * n_sets / (reads + steps)), 1))
    n_evals = min(recipe.n_evals, max(int(0.2 * n_sets / reads), 1))
    first = steps * recipe.n_sets  # valued at once, where none are kept for replay
    more = max(int(0.2 * n_sets / rounds) - first, 0)
    catch_up = min(recipe.catch_up, steps * (1 + more) if 0.2 * n_sets > first else 0)
    left = n_sets - rounds * (reads + first + more) - n_evals * reads
    return replace(
        recipe,
        max_iter=max(min(int(left / (1 - recipe.warm_up)), turns), 2),
        n_evals=n_evals,
        rounds=rounds,
        catch_up=catch_up,
        replay=max(recipe.replay, first),
    )
