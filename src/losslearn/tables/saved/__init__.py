"""Model directories: everything needed to predict for a new table, and no code.

Weights are safetensors, the columns' preparation is arrays without Python objects, all
else is JSON; loading runs nothing that is stored.
"""

from losslearn.tables.saved.directories import check_destination
from losslearn.tables.saved.layout import without_nan
from losslearn.tables.saved.loading import load_model
from losslearn.tables.saved.saving import save_model
from losslearn.tables.saved.table_model import (
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
