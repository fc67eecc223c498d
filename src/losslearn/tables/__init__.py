"""Tables: reading a file, splitting its rows, and turning its columns into numbers."""

from losslearn.tables.encoder import TableEncoder
from losslearn.tables.reading import read_table
from losslearn.tables.splitting import RowSplit, TargetSplit, split_rows, split_target

__all__ = [
    "RowSplit",
    "TableEncoder",
    "TargetSplit",
    "read_table",
    "split_rows",
    "split_target",
]
