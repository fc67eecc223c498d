"""Boosted trees as a module: the library's own file, and the scores it gives rows."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from losslearn.models.boosted.library import Features, Library, Trees


class BoostedTrees(nn.Module):
    """Trees of a library: `[n, features]` to `[n]`, raw scores in log-odds.

    NaN is a missing value, and a categorical feature is its code. All that is kept is
    the file that the library itself writes and reads, in a buffer, so that it is saved,
    copied and put back as any module's weights are. Without trees every score is 0.
    """

    file: Tensor

    def __init__(self, library: Library, n_features: int) -> None:
        """Start without trees."""
        super().__init__()
        self.library, self.n_features = library, n_features
        self.register_buffer("file", torch.empty(0, dtype=torch.uint8))
        self._trees: Trees | None = None

    @property
    def trees(self) -> Trees:
        """The trees as the library knows them.

        Raises:
            ValueError: If there are none, or the file is none of the library's.
        """
        if self._trees is None:
            if not len(self.file):
                raise ValueError("There are no trees yet.")
            self._trees = self.library.read(self.file.cpu().numpy().tobytes())
        return self._trees

    @trees.setter
    def trees(self, value: Trees) -> None:
        content = np.frombuffer(value.file, np.uint8).copy()
        self.file = torch.from_numpy(content).to(self.file.device)
        self._trees = value

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """Return the score of each row."""
        if not len(self.file):
            return x.new_zeros(len(x))
        return torch.from_numpy(
            self.trees.scores(Features(x.detach().cpu().numpy()))
        ).to(x)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the library reads again."""
        return {**vars(self), "_trees": None}

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        *further: Any,  # noqa: ANN401 - torch's
    ) -> None:
        """Take a file of any length."""
        found = state_dict.get(f"{prefix}file")
        if found is not None:
            self.file = found.detach().clone().to(self.file.device)
            self._trees = None
        super()._load_from_state_dict(state_dict, prefix, *further)
