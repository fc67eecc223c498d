"""Making a true loss of any metric: a function, a scorer, a name, a file.

What is known of a metric (its direction, what it takes) is used; what is not known is
asked for. Nothing is guessed from its values or from the name of a user's function.
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, get_args

from losslearn.metrics.other_names import SCORERS, spelled
from losslearn.metrics.own.black_box import BlackBox
from losslearn.metrics.own.function_files import load_function
from losslearn.metrics.own.sources import ResponseMethod, source_of
from losslearn.metrics.own.trying import tried
from losslearn.metrics.registry import get_true_loss
from losslearn.metrics.true_loss import TrueLoss

F = TypeVar("F", bound=Callable[..., Any])


def declare_metric(
    *,
    greater_is_better: bool,
    response_method: ResponseMethod | None = None,
    batched: bool = False,
) -> Callable[[F], F]:
    """Say of a function of one's own what `as_true_loss` must know.

    The same can be said without the decorator, by attributes of these names.

    Args:
        greater_is_better: Whether the metric is to be maximised.
        response_method: What it takes as its second argument, "decision_function" (raw
            scores), "predict_proba" (probabilities of class 1) or "predict" (labels 0
            and 1); None reads it off the argument's name.
        batched: Whether it takes arrays [sets, n] and returns one value for each set.

    Returns:
        A decorator that leaves the function as it is.

    Example:
        >>> @declare_metric(greater_is_better=True)
        ... def profit(y_true, y_pred):
        ...     return 10 * (y_true * y_pred).sum() - y_pred.sum()
        >>> as_true_loss(profit).needs_threshold
        True
    """

    def mark(function: F) -> F:
        function.greater_is_better = greater_is_better  # type: ignore[attr-defined]
        function.response_method = response_method  # type: ignore[attr-defined]
        function.batched = batched  # type: ignore[attr-defined]
        return function

    return mark


def as_true_loss(
    metric: object,
    *,
    greater_is_better: bool | None = None,
    response_method: ResponseMethod | None = None,
    batched: bool | None = None,
    name: str | None = None,
) -> TrueLoss:
    """Return any metric as a loss: one value per set, lower is better.

    The loss is 1 - value for a score that scikit-learn or torchmetrics bounds by 1,
    -value for another that is to be maximised, and else the value itself. A metric of
    labels (`y_pred`) is valued at the best of 25 thresholds, spread over the scores of
    the set so that either class counts as much; a fit's sets at one of them. A metric
    is tried on a few generated sets at once; a fit tries it on its own rows. Built-in
    losses are exact and fast; everything else is a black box, called once per set (and
    threshold).

    Args:
        metric: A `TrueLoss`; the name of a built-in loss, else of a scikit-learn
            scorer, else "path/to/file.py:function"; a metric function or a scorer of
            scikit-learn; a torchmetrics metric for binary targets; or any callable
            `f(y_true, y_score)` or `f(y_true, y_pred)`, with a `sample_weight` argument
            or without. What it needs of each row besides, numbers or text, are its
            keyword-only arguments without a default: `f(y_true, y_pred, *, amount)`.
            A name may be followed by constraints, as in "recall subject to precision
            >= 0.8" (see `subject_to`).
        greater_is_better: Needed where neither the metric's library nor the callable
            itself (see `declare_metric`) tells whether it is to be maximised.
        response_method: As in `declare_metric`; probabilities are the sigmoid of the
            scores. Needed where the argument is called neither `y_score` nor `y_prob`,
            `y_proba` or `p` nor `y_pred`.
        batched: As in `declare_metric`.
        name: What to call it; by default the name of the function or class.

    Raises:
        ValueError: If nothing has the name, or what must be known of it is not.
        MetricError: If the metric raises an exception on the generated sets, or returns
            anything but a finite number. Of a metric with columns, which generated rows
            need not have as it expects them, this is a warning.

    Example:
        >>> import torch
        >>> from losslearn.metrics import Sets
        >>> def missed_share(y_true, y_score):
        ...     return y_true[y_score < 0].sum() / y_true.sum()
        >>> loss = as_true_loss(missed_share, greater_is_better=False)
        >>> loss(Sets(torch.tensor([0, 1, 1]), torch.tensor([-1.0, 1.0, -1.0])))
        tensor(0.5000)
    """
    loss = untried(
        metric,
        greater_is_better=greater_is_better,
        response_method=response_method,
        batched=batched,
        name=name,
    )
    return loss if loss is metric else tried(loss)


def untried(
    metric: object,
    *,
    greater_is_better: bool | None = None,
    response_method: ResponseMethod | None = None,
    batched: bool | None = None,
    name: str | None = None,
) -> TrueLoss:
    """Return any metric as a loss, without a call of it; arguments as `as_true_loss`.

    Raises:
        ValueError: If nothing has the name, or what must be known of it is not.
    """
    # it takes any metric, and so imports this module
    from losslearn.metrics.constraints.subject_to import from_text
    from losslearn.metrics.constraints.wording import SUBJECT_TO

    if isinstance(metric, str) and SUBJECT_TO in metric:
        return from_text(
            metric, greater_is_better=greater_is_better, response_method=response_method
        )
    called = ""
    if isinstance(metric, str):
        called = metric
        metric, name = _named(metric, name)
    if isinstance(metric, TrueLoss):
        if (greater_is_better, response_method, batched) != (None, None, None):
            raise ValueError(
                f"`{metric.name}` is a loss already: leave out `greater_is_better`, "
                "`response_method` and `batched`."
            )
        return replace(metric, called=called) if called else metric
    box = source_of(metric)
    box.name = box.name if name is None else name
    box.batched = box.batched if batched is None else batched
    box.greater_is_better = _direction(box, greater_is_better)
    box.response_method = _response_method(box, response_method)
    box.said_by = box.said_by if response_method is None else "given"
    return TrueLoss(
        name=box.name,
        description=f"{box.sign}{box.name}, {box.origin}",
        function=box.loss,
        at_threshold=box.loss if box.response_method == "predict" else None,
        bounded=(box.lower, box.upper) == ((-1, 0) if box.sign == "-" else (0, 1)),
        takes_weight=box.takes_weight,
        columns=box.columns,
        greater_is_better=box.greater_is_better,
        own=box,
        called=called,
    )


def _named(text: str, name: str | None) -> tuple[object, str | None]:
    """Return what a text stands for, and the name to give it."""
    from sklearn.metrics import get_scorer, get_scorer_names  # slow to import

    if spelled(text) in SCORERS:
        return get_scorer(SCORERS[spelled(text)]), name or text
    try:
        return get_true_loss(text), name
    except ValueError as error:
        if text in get_scorer_names():
            return get_scorer(text), name or text
        if ".py" in text:
            found = load_function(text)
            own = found.function
            return own if isinstance(own, TrueLoss) else found, name
        near = difflib.get_close_matches(text, get_scorer_names(), n=3)
        hint = f" (near: {', '.join(near)})" if near else ""
        raise ValueError(
            f"{error} A scikit-learn scorer{hint} or `path/to/file.py:function` is "
            "accepted too."
        ) from None


def _direction(box: BlackBox, given: bool | None) -> bool:
    """Return whether greater is better, from what is known or else given."""
    known, name = box.greater_is_better, box.name
    if known is None and given is None:
        raise ValueError(
            f"Is a greater value of `{name}` better, or a lower one? Say so: "
            "`greater_is_better=True` or `False`, as an argument of `as_true_loss` or "
            "as an attribute of the function (`@declare_metric` sets it)."
        )
    if known is not None and given is not None and given != known:
        raise ValueError(
            f"`greater_is_better={given}` contradicts `{name}`, of which a "
            f"{'greater' if known else 'lower'} value is known to be better."
        )
    return bool(known if given is None else given)


def _response_method(box: BlackBox, given: str | None) -> str | None:
    """Return what the metric takes, as given or else known."""
    wanted = given or box.response_method
    if wanted not in get_args(ResponseMethod):
        raise ValueError(
            f"What does `{box.name}` take as its second argument? Name it `y_score` "
            "(raw scores), `y_prob` (probabilities) or `y_pred` (labels), or pass "
            '`response_method="decision_function"`, `"predict_proba"` or `"predict"`; '
            f"got {wanted!r}."
        )
    return wanted
