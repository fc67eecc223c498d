"""Options that several commands take, and what they can be."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

ModelKind = StrEnum(
    "ModelKind", ["MLP", "LINEAR", "LIGHTGBM", "XGBOOST", "TABM", "AUTO"]
)


class BackendName(StrEnum):
    """Where folds are trained."""

    LOCAL = "local"
    RAY = "ray"


class ModeName(StrEnum):
    """Kinds of learned surrogate."""

    UNIVERSAL = "universal"
    SCRATCH = "scratch"
    REFINED = "refined"


class ResponseName(StrEnum):
    """What a metric takes, as scikit-learn calls it."""

    DECISION_FUNCTION = "decision_function"
    PREDICT_PROBA = "predict_proba"
    PREDICT = "predict"


def option(metavar: str, text: str, default: str | bool = True, **more: Any) -> Any:  # noqa: ANN401 - typer's
    """Return an option with a value, its help, and what holds without it, in words."""
    return Option(metavar=metavar, help=text, show_default=default, **more)


def _check_seed(seed: int) -> int:
    if not 0 <= seed < 2**32:
        raise typer.BadParameter(f"{seed} is not in the range from 0 to 2**32 - 1.")
    return seed


Data = Annotated[
    Path,
    Argument(
        metavar="DATA",
        help="Table: .csv, .tsv (either also .gz) or .parquet, or a folder of .parquet "
        "files.",
    ),
]
Model = Annotated[
    Path, Argument(metavar="MODEL", help="Model directory that `fit` wrote.")
]
Direction = Annotated[
    bool | None,
    Option(
        "--greater-is-better/--lower-is-better",
        help="Direction of a metric of your own that does not say.",
    ),
]
Response = Annotated[
    ResponseName | None,
    Option(
        "--response",
        help="What a metric of your own takes as its second argument: raw scores, "
        "probabilities or decisions; read off the argument's name without it.",
    ),
]
Seed = Annotated[
    int, option("N", "Seed of everything that is drawn.", callback=_check_seed)
]
Json = Annotated[bool, Option("--json", help="Print JSON on stdout and nothing else.")]
