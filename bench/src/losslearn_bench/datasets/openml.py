"""Data sets from OpenML: fetched, checked, and kept in the cache."""

import tempfile
import warnings
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from losslearn.report.figures import write_whole
from losslearn_bench.datasets.catalogue import DatasetInfo
from losslearn_bench.datasets.dataset import TARGET, Dataset, as_frame, make_dataset

if TYPE_CHECKING:
    import pandas as pd

_NETWORK = (URLError, TimeoutError, ConnectionError, HTTPException, EOFError)


def fetch_dataset(info: DatasetInfo, path: Path) -> Dataset:
    """Download a data set, check its counts, and write it to the cache."""
    import pandas as pd

    fetched = _fetch(info, path)
    features = as_frame("data", fetched.data)
    features = features.set_axis(list(fetched.feature_names), axis=1)
    features = features.drop(columns=list(info.drop), errors="ignore")
    target = _targets(fetched.target, info)
    if info.repeats_rows:
        is_first = ~features.assign(**{TARGET: target}).duplicated()
        features, target = features[is_first], target[is_first]
    dataset = make_dataset(info.name, features, target, source="openml", info=info)
    if not dataset.is_complete:
        raise ValueError(
            f"OpenML's data set {info.openml_id} must be `{info.name}` with "
            f"{info.n_rows:,} rows, {info.n_features} features and "
            f"{info.n_positives:,} positives, but has {dataset.n_rows:,}, "
            f"{dataset.n_features} and {int(dataset.y.sum()):,}. It is not kept; give "
            "the right file by hand, see `losslearn-bench datasets`."
        )
    names = [str(name) for name in features.columns]
    frame = pd.DataFrame(dataset.x, columns=names, copy=False)
    frame[TARGET] = dataset.y.astype("int8")
    write_whole(path, frame.to_parquet(index=False, compression="zstd"))
    return dataset


def _fetch(info: DatasetInfo, path: Path) -> Any:  # noqa: ANN401 - scikit-learn's Bunch
    """Return what OpenML sends; scikit-learn tries several times if need be."""
    from sklearn.datasets import fetch_openml

    with (
        tempfile.TemporaryDirectory(prefix="losslearn-") as folder,
        warnings.catch_warnings(),
    ):
        # one for each try; the error says how it ended
        warnings.filterwarnings("ignore", "A network error occurred", UserWarning)
        warnings.filterwarnings("ignore", "Invalid cache", RuntimeWarning)
        try:
            return fetch_openml(
                data_id=info.openml_id,
                data_home=folder,
                as_frame="auto",
                # scikit-learn 1.9 cannot read labels 1, 2, … by pandas 3.1 as nominal
                read_csv_kwargs={"dtype": None},
            )
        except _NETWORK as error:
            raise ConnectionError(
                f"`{info.name}` is not on this machine, and OpenML (data set "
                f"{info.openml_id}) could not be reached in several tries: {error}. "
                "Connect to the internet, or put a Parquet file of the features and a "
                f"column `{TARGET}` at '{path}'."
            ) from error
        except ValueError as error:
            raise ValueError(
                f"OpenML's data set {info.openml_id} for `{info.name}` cannot be "
                f"used: {error} Put the file at '{path}' yourself."
            ) from error


def _targets(labels: Any, info: DatasetInfo) -> "pd.Series[int]":  # noqa: ANN401 - array or series
    """Return 1 where the label is the positive one, whichever way it is written."""
    import pandas as pd

    text = pd.Series(labels).reset_index(drop=True).astype(str)
    text = text.str.strip().str.strip("'\"").str.replace(r"\.0+$", "", regex=True)
    return (text == info.positive_label).astype(int)
