"""What is known of the data sets of the paper's Table 1, and of a few more."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """A data set, what it holds when it is complete, and where it comes from."""

    name: str
    title: str
    n_rows: int
    """Rows of the complete set."""
    n_features: int
    n_positives: int
    """Rows of the complete set with target 1."""
    origin: str
    """Canonical source."""
    licence: str
    openml_id: int | None = None
    """Where OpenML has a copy; None if no complete copy is known."""
    positive_label: str = "1"
    """Label of OpenML's copy that becomes target 1; all others become 0."""
    drop: tuple[str, ...] = ()
    """Columns that are no features, left out where they occur."""
    repeats_rows: bool = False
    """Whether OpenML's copy may hold rows twice, of which the original has none."""
    terms: str | None = None
    """Where terms must be accepted by hand first; then nothing is downloaded."""
    recipe: str | None = None
    """How to get the Parquet file by hand; FILE stands for its path."""
    notes: str = ""

    @property
    def pos_rate(self) -> float:
        """Share of positive rows of the complete set."""
        return self.n_positives / self.n_rows

    @property
    def is_downloaded(self) -> bool:
        """Whether the set is fetched from OpenML where it is not at hand."""
        return self.openml_id is not None and self.terms is None

    def matches(self, n_rows: int, n_features: int, n_positives: int) -> bool:
        """Return whether these are the counts of the complete set."""
        expected = (self.n_rows, self.n_features, self.n_positives)
        return (n_rows, n_features, n_positives) == expected


_KNOWN = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {
        name: DatasetInfo(name=name, **{**facts, "drop": tuple(facts.get("drop", ()))})
        for name, facts in _KNOWN.items()
    }
)
"""The data sets that have a name: first the nine of Table 1, then the extras."""
