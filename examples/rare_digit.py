"""The task that these scripts share: a rare digit among the others, in noisy images."""

from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import TensorDataset

COPIES = 8
"""Noisy copies of each image, which lie side by side."""


class Task(NamedTuple):
    """Images and targets, 1 for the rare digit; no image is in two parts."""

    train: TensorDataset
    valid: TensorDataset
    test: TensorDataset


def load_task(
    seed: int, *, digit: int = 8, kept: float = 0.5, noise: float = 0.3
) -> Task:
    """Return scikit-learn's digits, each image in several noisy copies.

    Args:
        seed: Of the split, the noise and what is kept.
        digit: What is looked for.
        kept: Share of the digit's images that is kept; 0.5 makes it 5 % of the rows.
        noise: Standard deviation of the noise; the ink is 1.
    """
    generator = torch.Generator().manual_seed(seed)
    images, digits = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    y = (torch.tensor(digits) == digit).float()
    rows = torch.randperm(len(y), generator=generator)
    rows = rows[(y[rows] == 0) | (torch.rand(len(y), generator=generator) < kept)]
    parts = []
    for part in rows.tensor_split([len(rows) // 2, len(rows) * 7 // 10]):
        clean = x[part].repeat_interleave(COPIES, dim=0)
        noisy = clean + noise * torch.randn(clean.shape, generator=generator)
        parts.append(TensorDataset(noisy, y[part].repeat_interleave(COPIES)))
    return Task(*parts)


class Network(nn.Sequential):
    """A small convolutional network; gives one raw score an image, shape `[n]`."""

    def __init__(self) -> None:
        """Draw the weights from PyTorch's own generator: seed it before."""
        super().__init__(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 1),
            nn.Flatten(0),
        )


def scored(network: nn.Module, rows: TensorDataset) -> tuple[Tensor, Tensor]:
    """Return the targets of all rows and the scores that the network gives them."""
    x, y = rows.tensors
    network.eval()
    with torch.no_grad():
        return y, network(x)
