"""Boosted trees as a module: LightGBM's own file, and the scores it gives rows."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    import lightgbm

Shape = tuple[int, ...]


class BoostedTrees(nn.Module):
    """Trees of LightGBM: `[n, features]` to `[n]`, raw scores in log-odds.

    NaN is a missing value, and a categorical feature is its code. All that is kept is
    the text that LightGBM itself writes and reads (`save_model`), in a buffer, so that
    it is saved, copied and put back as any module's weights are. Without trees every
    score is 0.
    """

    file: Tensor

    def __init__(self, n_features: int, *, score_shape: Shape = ()) -> None:
        """Start without trees.

        Raises:
            ValueError: If rows are to have more than one score.
        """
        super().__init__()
        if score_shape:
            raise ValueError(f"Trees give rows one score, not {list(score_shape)}.")
        self.n_features = n_features
        self.register_buffer("file", torch.empty(0, dtype=torch.uint8))
        self._booster: lightgbm.Booster | None = None

    @property
    def text(self) -> str:
        """What LightGBM reads, as `lightgbm.Booster(model_str=...)`."""
        return self.file.cpu().numpy().tobytes().decode()

    @text.setter
    def text(self, value: str) -> None:
        content = np.frombuffer(value.encode(), np.uint8).copy()
        self.file = torch.from_numpy(content).to(self.file.device)
        self._booster = None

    @property
    def booster(self) -> "lightgbm.Booster":
        """The trees as LightGBM knows them.

        Raises:
            ValueError: If there are none.
        """
        if self._booster is None:
            import lightgbm

            if not len(self.file):
                raise ValueError("There are no trees yet.")
            self._booster = lightgbm.Booster(model_str=self.text)
        return self._booster

    def forward(self, x: Float[Tensor, "n features"]) -> Float[Tensor, " n"]:
        """Return the score of each row."""
        if not len(self.file):
            return x.new_zeros(len(x))
        found = self.booster.predict(
            x.detach().cpu().numpy(),
            raw_score=True,
            num_threads=torch.get_num_threads(),
        )
        return torch.from_numpy(np.asarray(found)).to(x)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what LightGBM reads again."""
        return {**vars(self), "_booster": None}

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
            self._booster = None
        super()._load_from_state_dict(state_dict, prefix, *further)
