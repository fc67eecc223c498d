"""The files of a model directory, and what may stand in them."""

import hashlib
import math
from collections.abc import Mapping

import numpy as np

FORMAT = "losslearn model"
VERSION = 1
WEIGHTS = "weights.safetensors"
SETTINGS = "settings.json"
PREPROCESSING = "preprocessing.npz"
HISTORY = "history.json"
LEARNING_CURVES = "learning_curves.png"
CHECKED = (WEIGHTS, PREPROCESSING, HISTORY)
"""Files of which the settings hold a fingerprint."""
FILES = frozenset({*CHECKED, SETTINGS, LEARNING_CURVES})

WRONG_FORM = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)
"""What settings of the wrong form can raise."""


def fingerprint(content: bytes) -> str:
    """Return what tells a file's content from any other."""
    return hashlib.sha256(content).hexdigest()


def without_nan(content: object) -> object:
    """Return nested lists and dictionaries with None for numbers that JSON has not."""
    if isinstance(content, float | np.floating):
        return float(content) if math.isfinite(content) else None
    if isinstance(content, np.generic):
        return content.item()
    if isinstance(content, Mapping):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return content
