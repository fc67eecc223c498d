"""The target column of a table."""

import json

import numpy as np
import pandas as pd
import pytest
from table_cases import one_line

from losslearn.tables.target import called, take_target
from losslearn.tasks.labels import BinaryLabels


def split_target(frame, target, *, positive=None, classes=None):
    """Return features, targets and classes, as a fit or an evaluation takes them."""
    features, column = take_target(frame, target)
    if classes is None:
        named = called(target)
        labels = BinaryLabels.of(column, positive=positive, called=named)
    else:
        labels = BinaryLabels.from_dict({"classes": classes})
    return features, labels.encode(column, called=called(target)), labels.names


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 1, 1], [0, 1]),
        ([1.0, 0.0, 1.0], [0, 1]),
        ([2, 1, 2], [1, 2]),
        ([0.5, -1.5, 0.5], [-1.5, 0.5]),
        ([True, False, True], [False, True]),
        (["yes", "no", "yes"], ["no", "yes"]),
        (pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"]), ["a", "b"]),
        (pd.Categorical(["a", "b"], categories=["b", "a"], ordered=True), ["b", "a"]),
        (pd.array([1, 0, 1], dtype="Int8"), [0, 1]),
        (np.array([9, "a"], dtype=object), [9, "a"]),
        (
            pd.to_datetime(["2020-01-01", "2019-01-01"]),
            ["2019-01-01 00:00:00", "2020-01-01 00:00:00"],
        ),
    ],
)
def test_labels_of_any_type(values, classes):
    frame = pd.DataFrame({"x": range(len(values)), "label": values})
    features, y, found = split_target(frame, "label")
    assert found == classes
    assert [type(label) for label in found] == [type(label) for label in classes]
    assert json.loads(json.dumps(found)) == classes
    assert y.dtype == np.int8
    assert list(features.columns) == ["x"]
    for value, code in zip(values, y, strict=True):
        assert str(classes[code]) in (str(value), str(value).removesuffix(".0"))


@pytest.mark.parametrize("positive", [1, "1", 1.0, True])
def test_the_positive_label_can_be_named(positive):
    frame = pd.DataFrame({"x": range(4), "y": [1, 2, 2, 1]})
    _, y, classes = split_target(frame, "y", positive=positive)
    assert classes == [2, 1]
    assert y.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("values", [[2, 1, 2], ["2", "1", "2"], [2.0, 1.0, 2.0]])
def test_a_second_table_is_encoded_like_the_first(values):
    frame = pd.DataFrame({"x": range(3), "y": values})
    _, y, classes = split_target(frame, "y", classes=[2, 1])
    assert y.tolist() == [0, 1, 0]
    assert classes == [2, 1]


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (["a", None, "b", None], {}, "lacks a value in 2 of 4 rows. Remove"),
        ([1, 1, 1, 1], {}, "one class only: 1 in all 4 rows"),
        (["a", "b", "c", "c"], {}, "3 classes .*'a', 'b', 'c'.*Only binary"),
        ([0.0, np.inf, 0.0, np.inf], {}, "infinite"),
        ([0, 1, 0, 1], {"positive": "yes"}, r"`positive`.* 0, 1; got 'yes'"),
        ([0, 2, 0, 2], {"classes": [0, 1]}, "holds the labels 2; expected only 0, 1"),
        ([1, 1, 1, 1], {"classes": [0, 1]}, "one class only"),
    ],
)
def test_bad_targets_give_one_line(values, options, words):
    frame = pd.DataFrame({"x": range(4), "label": values})
    with pytest.raises(ValueError, match=words) as error:
        split_target(frame, "label", **options)
    assert "label" in one_line(error)


def test_a_quantity_is_no_target():
    frame = pd.DataFrame({"x": range(99), "price": np.linspace(0, 1, 99)})
    with pytest.raises(ValueError, match=r"99 classes \(.* 94 more\).*a quantity"):
        split_target(frame, "price")


def test_an_absent_target_names_the_nearest_columns():
    frame = pd.DataFrame({"x": [1, 2], "Label": [0, 1]})
    with pytest.raises(ValueError, match="no column 'lable'; the nearest are 'Label'"):
        split_target(frame, "lable")
    with pytest.raises(ValueError, match="no column 'zzz'; it has 'x', 'Label'"):
        split_target(frame, "zzz")
    with pytest.raises(ValueError, match="no column besides the target 'x'"):
        split_target(frame[["x"]], "x")
