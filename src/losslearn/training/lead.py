"""When the learned loss took over in fits that led somewhere, and how far it led."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import NamedTuple

from losslearn.training.recipe import Recipe
from losslearn.training.trained import Trained


class Lead(NamedTuple):
    """From when on the learned loss led, and how far.

    A round that was given up left nothing: what was best began at its end, from the
    control's weights.
    """

    round: int
    """The first that was not given up."""
    usual_weights: tuple[float, ...]
    """Of the usual loss beside the learned one, in each round."""

    @classmethod
    def of(cls, parts: Sequence[Trained], recipe: Recipe) -> "Lead":
        """Return the medians of some parts."""
        each = [cls._of(part, recipe) for part in parts]
        weights = zip_longest(*(one.usual_weights for one in each))
        return cls(
            statistics.median_low(one.round for one in each),
            tuple(
                statistics.median(one for one in some if one is not None)
                for some in weights
            ),
        )

    @classmethod
    def _of(cls, part: Trained, recipe: Recipe) -> "Lead":
        recipe, run = replace(recipe, max_iter=part.settled.max_iter), part.learned
        begins = (recipe.warm_up_iter, *recipe.round_ends())
        looks = [
            look
            for look in run.history
            if look.max_iter == recipe.max_iter and look.iteration > begins[0]
        ]
        # a second look at a round's end is the control's, which was gone on from
        own = {look.iteration: look for look in reversed(looks)}
        n_looks = Counter(look.iteration for look in looks)
        weights = []
        for begin, end in pairwise(begins):
            found = (own[n].health.usual_weight for n in own if begin < n <= end)
            known = [one for one in found if not math.isnan(one)]
            weights.append(known[0] if known else recipe.usual_weight)
        best, place = own.get(run.best_iter), len(weights)
        if best is not None and best.validation_loss == run.best_loss:
            given_up = (n_looks[n] > 1 and n < run.best_iter for n in begins)
            place = max((n for n, is_so in enumerate(given_up) if is_so), default=0)
        return cls(place, tuple(weights))

    def begin(self, recipe: Recipe) -> int:
        """Return the iteration at which the learned loss takes over."""
        begins = (recipe.warm_up_iter, *recipe.round_ends())
        return begins[min(self.round, len(begins) - 1)]
