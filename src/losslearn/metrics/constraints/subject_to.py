"""Any metric of decisions subject to constraints, as a loss."""

from dataclasses import replace

from losslearn.metrics.as_written import as_written
from losslearn.metrics.columns import TextColumns
from losslearn.metrics.constraints.bounds import Constraint, Quantity
from losslearn.metrics.constraints.penalised import (
    Penalised,
    PenalisedCalls,
    columns_of,
)
from losslearn.metrics.constraints.wording import (
    PENALTY,
    as_text,
    read_constraint,
    read_quantity,
    read_text,
)
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.sources import ResponseMethod
from losslearn.metrics.true_loss import Aim, TrueLoss


def subject_to(
    metric: object,
    *constraints: object,
    penalty: float = PENALTY,
    greater_is_better: bool | None = None,
    response_method: ResponseMethod | None = None,
) -> TrueLoss:
    r"""Return the loss of a metric of decisions where constraints are to hold.

    .. math:: \ell = \ell_{\text{metric}} + \text{penalty} \cdot \sum_c s_c

    with s the shortfall of each constraint: by how much its bound is missed, and 0
    where it holds, so that a met constraint costs nothing. With the usual penalty of 5
    a bound missed by 0.1 costs as much as half of the whole range of a rate. It is a
    metric like any other: trained for and decided for at the best threshold.

    Rates that can be bounded, and be the metric: `recall` (`tpr`), `precision`,
    `specificity` (`tnr`), `fpr`, `fnr`, `selection_rate`, and each built-in loss of
    decisions or its metric (`accuracy`, `error_rate`, `f1`, `mcc`). Of groups of rows,
    by the values of a column: `gap(rate, by=column)`, the largest minus the smallest,
    and `worst(rate, by=column)`. Groups without the rows that a rate is a share of are
    left out. The columns are metric columns, numbers or text.

    Precision is 0 where nobody is called positive, as scikit-learn's is, in a group as
    in all: nobody does not meet `precision >= 0.8` and does meet `fpr <= 0.01`.

    Args:
        metric: What is to be as good as it can be: a rate, the name of a metric, or
            anything that `as_true_loss` takes, of decisions. A rate of which a greater
            value is better loses 1 - value; `selection_rate` is kept low.
        *constraints: Text such as "precision >= 0.8", or `gap("tpr", by="sex") <= 0.05`
            of the functions `gap` and `worst`.
        penalty: What a shortfall of 1 costs, above 0.
        greater_is_better: Direction of a metric of one's own that does not say.
        response_method: As of `as_true_loss`; "predict" alone is of decisions.

    Raises:
        ValueError: If a constraint cannot be read, there is none, the penalty is not
            above 0, or the metric judges scores.

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> loss = subject_to("recall", "precision >= 0.75")
        >>> sets = Sets(torch.tensor([0, 0, 1, 1]), torch.tensor([0.1, 0.6, 0.5, 0.9]))
        >>> loss(sets), loss.with_threshold(0.5)(sets)
        (tensor(0.4167), tensor(0.4167))
    """
    if not 0 < penalty < float("inf"):
        raise ValueError(f"`penalty` must be a number above 0, got {penalty!r}.")
    if not constraints:
        raise ValueError(
            'There is no constraint. Give one, such as "precision >= 0.8", or leave '
            "out `subject_to`."
        )
    bounds = tuple(map(_as_constraint, constraints))
    aim = _aim_of(metric)
    if aim is None:
        own = untried(
            metric, greater_is_better=greater_is_better, response_method=response_method
        )
        return _of_calls(own, bounds, penalty)
    form, name = Penalised(aim, bounds, penalty), as_text(aim, bounds, penalty)
    columns = columns_of([aim, *bounds])
    return TrueLoss(
        name=name,
        description=_description(name, penalty),
        function=form.best,
        at_threshold=form.at_threshold,
        at_cut_points=form.at_cut_points,
        bounded=False,
        is_top_heavy=_is_of_the_top(bounds),
        columns=columns,
        coded=TextColumns() if columns else None,
        constraints=bounds,
        penalty=penalty,
        aim=Aim(str(aim), form.aimed_at, aim.greater_is_better),
    )


def from_text(
    text: str,
    *,
    greater_is_better: bool | None = None,
    response_method: ResponseMethod | None = None,
) -> TrueLoss:
    """Return the loss of a text such as "recall subject to precision >= 0.8".

    Raises:
        ValueError: As `subject_to`.
    """
    said = read_text(text)
    return subject_to(
        said.objective,
        *said.constraints,
        penalty=said.penalty,
        greater_is_better=greater_is_better,
        response_method=response_method,
    )


def is_of_rates(text: str) -> bool:
    """Return whether the metric in a text with constraints is a rate of the package.

    Then the text says all, and nothing has to be imported to know it again.
    """
    return read_quantity(read_text(text).objective) is not None


def _aim_of(metric: object) -> Quantity | None:
    """Return what is a rate; None of any other metric."""
    if isinstance(metric, TrueLoss):
        is_rate = metric.is_builtin and metric.needs_rule
        return read_quantity(metric.name) if is_rate else None
    return (
        read_quantity(metric)
        if isinstance(metric, str)
        else (metric if isinstance(metric, Quantity) else None)
    )


def _as_constraint(given: object) -> Constraint:
    if isinstance(given, Constraint):
        return given
    if isinstance(given, str):
        return read_constraint(given)
    raise ValueError(
        'A constraint is a text such as "precision >= 0.8" or a bound on a `gap` or a '
        f"`worst`, got {given!r:.60}."
    )


def _of_calls(
    aim: TrueLoss, bounds: tuple[Constraint, ...], penalty: float
) -> TrueLoss:
    """Return the loss of a metric that is none of the rates."""
    if aim.constraints:
        raise ValueError(
            f"`{aim.name}` has constraints already: give all of them at once."
        )
    if not aim.needs_rule:
        raise ValueError(
            f"`{aim.name}` judges scores, and constraints are on decisions. Give a "
            "metric of decisions, such as `recall`, `f1` or `f(y_true, y_pred)`."
        )
    form, name = (
        PenalisedCalls(aim, bounds, penalty),
        as_text(aim.name, bounds, penalty),
    )
    columns = tuple(dict.fromkeys([*aim.columns, *columns_of(bounds)]))
    written = as_written(aim)
    return replace(
        aim,
        name=name,
        description=_description(name, penalty),
        function=form.best,
        at_threshold=form.at_threshold,
        at_cut_points=None,
        bounded=False,
        is_top_heavy=_is_of_the_top(bounds),
        columns=columns,
        coded=aim.coded or (TextColumns() if columns else None),
        is_builtin=False,
        constraints=bounds,
        penalty=penalty,
        aim=Aim(written.name, form.aimed_at, written.greater_is_better),
    )


def _description(name: str, penalty: float) -> str:
    return f"{name}: a bound missed by 1 costs {penalty:g}"


def _is_of_the_top(bounds: tuple[Constraint, ...]) -> bool:
    return any(bound.is_of_the_top for bound in bounds)
