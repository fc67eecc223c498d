"""Model directories: everything needed to predict for a new table, and no code.

Weights are safetensors, the columns' preparation is arrays without Python objects, all
else is JSON; loading runs nothing that is stored.
"""

from losslearn.artifacts.directories import check_destination
from losslearn.artifacts.layout import without_nan
from losslearn.artifacts.loading import load_model
from losslearn.artifacts.saving import save_model
from losslearn.artifacts.table_model import (
    Label,
    MetricName,
    TableModel,
    name_metric,
)

__all__ = [
    "Label",
    "MetricName",
    "TableModel",
    "check_destination",
    "load_model",
    "name_metric",
    "save_model",
    "without_nan",
]
