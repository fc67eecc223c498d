"""TabM as a kind of model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from losslearn.models.rows import Rows
from losslearn.models.strong.predictor import EnsemblePredictor
from losslearn.models.strong.tabm import TabM

if TYPE_CHECKING:
    from losslearn.models.kinds import Fitting


class Ensemble:
    """TabM, of any sizes."""

    takes_gaps = False
    settings: Mapping[str, Any] = {
        "max_iter": 128,  # half of them with the usual loss's own epochs
        "model_steps": 1,
        "rounds": 8,
        "n_evals": 16,
        "margin": 3.5,
    }
    """64 steps in rounds of 8: each takes as long as two of an epoch's."""

    def __init__(self, model: TabM) -> None:
        """Take what it is built and trained with."""
        self._model = model

    def predictor(self, rows: Rows, fitting: "Fitting") -> EnsemblePredictor:
        """Return it on some rows, with their quantiles; raises as `TabM.build`."""
        module = self._model.build(rows.x.shape[1], score_shape=rows.score_shape)
        module.to(device=rows.x.device, dtype=rows.x.dtype)
        module.quantiles.fit(rows.x, rows=rows.numbers)
        return EnsemblePredictor(
            module,
            rows,
            self._model,
            lr=fitting.lr,
            max_grad_norm=fitting.max_grad_norm,
            seed=fitting.seed,
        )
