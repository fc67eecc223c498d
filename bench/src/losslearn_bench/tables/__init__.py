"""Tables of the benchmark, as Markdown made from result lines alone."""

from losslearn_bench.tables.ablation_table import table_2
from losslearn_bench.tables.caption import caption
from losslearn_bench.tables.contest_table import table_3
from losslearn_bench.tables.dataset_table import table_1
from losslearn_bench.tables.honest_table import honest_table
from losslearn_bench.tables.runtime_table import (
    RuntimeFit,
    fit_runtime,
    runtime_table,
)

__all__ = [
    "RuntimeFit",
    "caption",
    "fit_runtime",
    "honest_table",
    "runtime_table",
    "table_1",
    "table_2",
    "table_3",
]
