"""Two boosters of LightGBM in one file."""

import re

_TREES_END = "end of trees"


def joined(base: str, more: str) -> str:
    """Return the file of a booster with the trees of another after its own.

    Link, names and categories are the first one's, as if it had been trained on.

    Args:
        base: What LightGBM writes of a booster.
        more: The same of another, of the same features.

    Returns:
        What LightGBM writes of both.
    """
    import lightgbm

    # where sizes of trees are missing LightGBM finds their ends itself, and counts them
    head = re.sub(r"\ntree_sizes=.*", "", _before_end(base))
    trees = _before_end(more)[more.index("\nTree=") + 1 :]
    both = lightgbm.Booster(model_str=f"{head}{trees}{_TREES_END}\n")
    return both.model_to_string(num_iteration=-1)


def _before_end(text: str) -> str:
    return text[: text.index(_TREES_END)]
