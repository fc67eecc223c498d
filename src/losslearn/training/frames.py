"""Losses of decisions that cost a call each: where the sets of a round are judged."""

from collections.abc import Callable

from torch import Tensor

from losslearn.metrics import Sets, TrueLoss
from losslearn.metrics.columns import take_rows
from losslearn.metrics.own.black_box import UndefinedError
from losslearn.surrogate.fitter import SurrogateFitter
from losslearn.tasks.task import Task
from losslearn.training.recipe import Recipe

_SETS = 8
"""Sets whose rows, taken together, say where."""


def as_trained(true_loss: TrueLoss, recipe: Recipe) -> TrueLoss:
    r"""Return the form of a loss that the sets of a training are judged by.

    A user's loss of decisions takes a call for each decision rule that a set is judged
    at. In place of the best of several, :math:`\min_r \ell(s, r)`, a set gets one, the
    best of the rows at present (with columns, the best of three near it):

    .. math::
        \ell(s, r^*) \ge \min_r \ell(s, r), \qquad
        \frac{d}{d s} \min_r \ell(s, r) = \frac{\partial}{\partial s} \ell(s, r^*)

    over all rows (the envelope theorem), so that both lead the model the same way. The
    paper's form of generated sets keeps the paper's form of the loss.
    """
    is_dear = true_loss.own is not None and recipe.universal_form != "gaussian"
    return true_loss.in_a_frame() if is_dear else true_loss


def find_frame(
    draw: Callable[[int], Sets],
    true_loss: TrueLoss,
    task: Task,
    fitter: SurrogateFitter,
    squashed: bool = False,
) -> None:
    """Find where decisions turn at present, for a fitter; it stays where none is found.

    Args:
        draw: Draws so many sets now, with the present model's scores.
        true_loss: As it is decided for, with the choice of a rule.
        task: Knows its rules.
        fitter: Gets the frame.
        squashed: Whether scores far from there are drawn together.
    """
    try:
        found = task.frame(true_loss, _as_one(draw(_SETS), true_loss))
    except UndefinedError:
        return
    fitter.set_frame(found._replace(squashed=squashed))


def _as_one(sets: Sets, true_loss: TrueLoss) -> Sets:
    """Return the rows of several sets as one set, as the loss takes them."""
    shape = sets.score.shape

    def flat(values: Tensor) -> Tensor:
        return values.expand(shape).flatten()

    columns = {name: flat(column) for name, column in sets.columns.items()}
    weight = None if sets.weight is None else flat(sets.weight)
    rows = Sets(flat(sets.target), flat(sets.score), weight, columns)
    if weight is None or true_loss.takes_weight:
        return rows
    there = weight > 0
    columns = take_rows(columns, there)
    return Sets(rows.target[there], rows.score[there], None, columns)
