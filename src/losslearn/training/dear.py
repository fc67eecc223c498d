"""How a fit is laid out where the metric itself is what takes the time."""

from dataclasses import replace
from typing import NamedTuple, Self

from losslearn.metrics import TrueLoss
from losslearn.training.recipe import Recipe
from losslearn.training.trust import N_READ

_FEW = 400
"""With fewer sets the surrogate stays as it starts, and its health is not read."""


class Costs(NamedTuple):
    """What a metric takes besides the sets it values, in sets."""

    look: float = 1.0
    """The validation rows once."""
    frame: float = 0.0
    """The frame of a round (see `frames`)."""

    @classmethod
    def of(cls, true_loss: TrueLoss, judged: TrueLoss) -> Self:
        """Return those of a loss whose sets are judged in a form of its own.

        In a frame a set takes one call, where a look at rows takes several.
        """
        if not judged.framed:
            return cls()
        several = true_loss.set_seconds / max(judged.set_seconds, 1e-12)
        return cls(several, several)


def pilot_sets(recipe: Recipe, costs: Costs) -> int:
    """Return how many sets it takes the metric to time a few turns and looks."""
    per_turn = recipe.surrogate_steps * recipe.n_sets
    catch_up = recipe.catch_up * recipe.n_sets / recipe.replay
    looks = 5 * (costs.look - 1) + 3 * costs.frame
    return int(3 * (per_turn + catch_up) + 6 * per_turn + 6 * N_READ + looks)


def laid_out(recipe: Recipe, n_sets: float, *, most_turns: int, costs: Costs) -> Recipe:
    """Return settings under which the metric values no more than some sets.

    A fifth of them goes to catching up, one to looks and rounds each, the rest to
    turns, which value one set where they valued several.

    Args:
        recipe: As it would be without such a limit.
        n_sets: Sets that there is time to value.
        most_turns: Iterations that there is time for besides.
        costs: Of what is no set.
    """
    steps = max(recipe.surrogate_steps, 1)
    turns = max(min(most_turns, recipe.max_iter), 2)
    if n_sets < _FEW:
        n_evals = min(recipe.n_evals, max(int(n_sets / (6 + 2 * costs.look)), 1))
        still = replace(recipe, mode="universal", adaptive=False, rounds=1)
        return replace(still, max_iter=turns, n_evals=n_evals)
    reads = (N_READ if recipe.adaptive else 0) + 2 * costs.look
    per_round = reads + costs.frame
    rounds = min(recipe.rounds, max(int(0.2 * n_sets / (per_round + steps)), 1))
    n_evals = min(recipe.n_evals, max(int(0.2 * n_sets / reads), 1))
    first = steps * recipe.n_sets  # valued at once, where none are kept for replay
    more = max(int(0.2 * n_sets / rounds) - first, 0)
    catch_up = min(recipe.catch_up, steps * (1 + more) if 0.2 * n_sets > first else 0)
    left = n_sets - rounds * (per_round + first + more) - n_evals * reads
    return replace(
        recipe,
        max_iter=max(min(int(left / (1 - recipe.warm_up)), turns), 2),
        n_evals=n_evals,
        rounds=rounds,
        catch_up=catch_up,
        replay=max(recipe.replay, first),
    )
