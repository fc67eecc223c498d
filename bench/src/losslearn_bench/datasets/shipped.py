"""Data sets that come with scikit-learn, for a machine that has no other."""

from losslearn_bench.datasets.dataset import Dataset, make_dataset

SHIPPED = ("breast_cancer", "digits_8")
"""Malignant against benign tumours; images of an 8 against any other digit."""


def load_shipped(name: str) -> Dataset:
    """Return a data set of `SHIPPED`, from no other place than the installation."""
    from sklearn.datasets import load_breast_cancer, load_digits

    if name == SHIPPED[0]:
        found, positive = load_breast_cancer(), 0
    else:
        found, positive = load_digits(), 8
    target = found.target == positive
    return make_dataset(name, found.data, target, source="scikit-learn")
