"""What a decision needs to know of each row besides its score."""

from collections.abc import Iterable, Sequence
from typing import Any

from losslearn.encoding.frames import as_pandas, is_table
from losslearn.metrics.columns import by_name


def take_columns(
    X: Any,  # noqa: ANN401 - a table or a matrix
    names: Sequence[str],
    given: object,
    *,
    features: Iterable[str],
) -> tuple[Any, dict[str, object]]:
    """Return rows without what is no feature, and the columns that a rule needs.

    Args:
        X: The rows; of a table, columns that are not given are taken by name.
        names: The columns.
        given: A mapping of names to values, or a table; may hold others. None for none.
        features: What `X` holds besides, by name.

    Raises:
        ValueError: If a column is in neither, or what is given is no such thing.

    Example:
        >>> take_columns([[0.5]], ["amount"], {"amount": [3]}, features=[])
        ([[0.5]], {'amount': [3]})
    """
    if not names:
        return X, {}
    given = as_pandas(given, called="`columns`") if is_table(given) else given
    there = by_name(given, "columns")
    if is_table(X):
        frame, known = as_pandas(X), set(features)
        in_table = [name for name in names if name in frame.columns]
        there = {**{name: frame[name] for name in in_table}, **there}
        X = frame.drop(columns=[name for name in in_table if name not in known])
    missing = [name for name in names if name not in there]
    if missing:
        example = ", ".join(f'"{name}": values' for name in missing)
        raise ValueError(
            f"The decisions need {', '.join(map(repr, missing))} of each row. Pass "
            f"`columns={{{example}}}`, or `X` as a table that holds it."
        )
    return X, {name: there[name] for name in names}
