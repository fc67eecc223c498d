"""The paper's numbers beside ours: which of them measure the same."""

from collections.abc import Sequence

from losslearn_bench.harness.budget import Protocol
from losslearn_bench.tables.caption import label
from losslearn_bench.tables.entries import Entries, Line
from losslearn_bench.tables.markdown import listed
from losslearn_bench.tables.published import PUBLISHED_AS, TABLE_1

MEASURED = {**PUBLISHED_AS, "jac": "jaccard_loss"}
"""The true loss that stands in each column of ours."""

PAPER_MARK = "paper (oracle threshold)"
"""What stands over a printed number."""

_COUNTED_TWICE = "ijcnn1"


def beside_label(dataset: str, lines: Sequence[Line]) -> str:
    r"""Return the name of a row that stands beside the paper's, with its marks.

    Args:
        dataset: The data set.
        lines: Those of the table; they tell whether a part of the rows is missing.

    Example:
        >>> beside_label("ijcnn1", [])
        'ijcnn1†'
    """
    mark = "†" if dataset == _COUNTED_TWICE else ""
    return f"{label(dataset, lines)}{mark}"


def counted_twice_note() -> str:
    """Return what the dagger of `beside_label` stands for."""
    row = TABLE_1[_COUNTED_TWICE]
    return (
        f"† The paper's {row.n_train + row.n_test:,} rows of {_COUNTED_TWICE} count "
        "its validation part twice, so that copies lie on both sides of its split; "
        "ours are each row once."
    )


def jac_note(protocol: Protocol) -> str:
    """Return what the paper's JAC is, and what of ours it is compared with."""
    ours = "JAC" if protocol == "paper" else "error rate (MCR)"
    return (
        "The paper's JAC was computed as accuracy, so it is an error rate: beside it "
        f"stands our {ours}."
    )


def published_metric(column: str, protocol: Protocol) -> str:
    """Return the true loss of ours that a column of the paper is compared with.

    Under the paper's protocol the lines of `jaccard_loss` are of accuracy too.

    Example:
        >>> published_metric("jac", "honest"), published_metric("jac", "paper")
        ('error_rate', 'jaccard_loss')
    """
    own = protocol == "paper"
    return MEASURED[column] if own else PUBLISHED_AS[column]


def not_run(entries: Entries) -> str:
    """Return which of the paper's data sets have no entry; nothing if all have one."""
    missing = [name for name in TABLE_1 if all(key.dataset != name for key in entries)]
    return f"Not run, of the paper's data sets: {listed(missing)}." if missing else ""
