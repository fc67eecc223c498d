"""A table's columns as numbers, the way the training rows ask for."""

from losslearn.encoding.encoder import TableEncoder

__all__ = ["TableEncoder"]
