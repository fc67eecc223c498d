"""The options that put constraints beside a metric."""

from typing import Annotated

from typer import Option

SubjectTo = Annotated[
    list[str] | None,
    Option(
        "--subject-to",
        metavar="CONSTRAINT",
        help="What is to hold besides, as 'precision >= 0.8', 'fpr <= 0.01', "
        "'gap(tpr, by=sex) <= 0.05' or 'worst(accuracy, by=branch) >= 0.7'. May be "
        "repeated.",
        show_default=False,
    ),
]
Penalty = Annotated[
    float | None,
    Option(
        metavar="X",
        help="What a constraint that is missed by 1 costs, as a loss.",
        show_default="5",
    ),
]


def constrained(
    metric: str, subject_to: list[str] | None, penalty: float | None
) -> str:
    """Return the metric as one text with its constraints."""
    if not subject_to:
        if penalty is not None:
            raise ValueError("--penalty says nothing without --subject-to.")
        return metric
    from losslearn.metrics.constraints.wording import PENALTY, as_text, read_constraint

    bounds = [read_constraint(text) for text in subject_to]
    return as_text(metric, bounds, PENALTY if penalty is None else penalty)
