"""What a user's metric was given, in a sentence; and where it had no value."""

import math
from dataclasses import replace

from losslearn.metrics.own.black_box import BlackBox, MetricError
from losslearn.metrics.sets import Loss, Sets
from losslearn.metrics.true_loss import TrueLoss

_FORMS = {
    "decision_function": "raw scores",
    "predict_proba": "probabilities",
    "predict": "labels (0 and 1)",
}


def given_sentence(
    true_loss: TrueLoss, judged: Loss, sets: Sets, *, loss: float
) -> str | None:
    """Return what the metric was given, and why; None of a loss that is no user's.

    Where only the name of its argument says that it takes labels, and it has another
    value if given scores, both values are told, and how to overrule it.

    Args:
        true_loss: What was trained for.
        judged: It, as decided on these rows by the rule that was fitted to them.
        sets: The validation rows as one set, with the model's scores.
        loss: What all else that is said of these rows has it at.
    """
    box = true_loss.own
    if box is None or box.response_method is None:
        return None
    said = f"`{box.name}` was given {_FORMS[box.response_method]}{_reason(box)}"
    is_told = box.response_method != "predict" or box.said_by != "argument"
    if is_told or true_loss.constraints:  # of which the loss is not the metric's own
        return f"{said}."
    batch = Sets(sets.target[None], sets.score[None], None, sets.columns)
    of_labels = _value(box, float(judged(batch)))
    by_form = {
        form: _value(box, _loss_if_given(box, form, batch))
        for form in ("decision_function", "predict_proba")
    }
    others = {
        form: value
        for form, value in by_form.items()
        if math.isfinite(value) and not math.isclose(value, of_labels, rel_tol=1e-6)
    }
    if not others:
        return f"{said}."
    read = " and ".join(
        f"{value:.4g} of {_FORMS[form]}" for form, value in others.items()
    )
    options = " or ".join(f"--response {form}" for form in others)
    return (
        f"{said}; on the validation rows it is {_value(box, loss):.4g} of them, but "
        f"{read}: if "
        f"it takes those, say so with {options} (`response=`, `response_method=`)."
    )


def undefined_sentence(true_loss: TrueLoss) -> str | None:
    """Return where, of all that it was given, the metric had no value; None if nowhere.

    On sets drawn, and at single thresholds of sets on which it had one.
    """
    box = true_loss.own
    if box is None or box.undefined is None:
        return None
    places = [
        f"{where} {n:,} of {total:,} {what}"
        for where, n, total, what in (
            ("on", box.n_undefined, box.n_valued, "sets of rows drawn"),
            ("at", box.n_left_out, box.n_tried, "thresholds tried"),
        )
        if n
    ]
    if not places:
        return None
    return (
        f"`{box.name}` had no value {' and '.join(places)}, which were left out: "
        f"{box.undefined}"
    )


def raised_sentence(true_loss: TrueLoss) -> str | None:
    """Return which exception left out sets of a metric that needs no columns.

    One that does may well be undefined on a set; of another this is a fault.
    """
    box = true_loss.own
    if box is None or box.columns or box.undefined is None:
        return None
    if box.undefined.__cause__ is None or not (box.n_undefined or box.n_left_out):
        return None
    what = "sets" if box.n_undefined else "thresholds"
    return f"{box.undefined}; such {what} were left out; the models are kept"


def _reason(box: BlackBox) -> str:
    """Return who said so."""
    if box.said_by == "argument":
        return f", because its second argument is called `{box.argument}`"
    return {"given": ", as you asked", "declared": ", as it declares"}.get(
        box.said_by, ""
    )


def _value(box: BlackBox, loss: float) -> float:
    """Return the metric's own value of a loss."""
    return {"": loss, "-": -loss, "1 - ": 1 - loss}[box.sign]


def _loss_if_given(box: BlackBox, form: str, batch: Sets) -> float:
    """Return the loss of one set if the metric is given another form; NaN if none."""
    other = replace(box, response_method=form)
    try:
        losses = other.loss(batch.target, batch.score, columns=batch.columns)
    except MetricError:
        return math.nan
    return float(losses)
