"""Numbers that say how a text is spelt, so that similar texts lie close together."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from losslearn.encoding.scaling import Floats, Scale

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_N_FEATURES = 30
_N_HASHES = 4_096
_N_GRAMS = (2, 4)
_MAX_TEXTS = 20_000
"""Different texts that the directions are fitted to, drawn from all."""
_CHUNK = 20_000
_NOISE = 1e-6
"""A direction weaker than this, relative to the strongest, is rounding."""


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """Latent semantic analysis of hashed character n-grams.

    Attributes:
        weights: Inverse document frequency of each hashed n-gram; 0 for unseen ones.
        directions: Shape `[hashes, features]`.
        scales: One a feature.
        spreads: Deviation of each feature, the root of the share of the texts' variance
            that lies along its direction: texts without anything in common give 30
            features that say next to nothing, and so weigh next to nothing.
    """

    weights: NDArray[np.float32]
    directions: NDArray[np.float32]
    scales: tuple[Scale, ...]
    spreads: tuple[float, ...]

    @classmethod
    def fit(cls, texts: list[str], codes: NDArray[np.intp]) -> "Spelling":
        """Fit the directions to the texts and the scales to the rows.

        Args:
            texts: The distinct texts, more than there are features.
            codes: Each row's place among them, -1 where missing.
        """
        from sklearn.utils.extmath import randomized_svd

        drawn, rows_of = texts, np.bincount(codes[codes >= 0], minlength=len(texts))
        if len(texts) > _MAX_TEXTS:
            places = np.random.default_rng(0).permutation(len(texts))[:_MAX_TEXTS]
            drawn, rows_of = [texts[place] for place in places], rows_of[places]
        counts = _count_n_grams(drawn)
        frequency = np.bincount(counts.indices, minlength=_N_HASHES)
        weights = np.log((1 + len(drawn)) / (1 + frequency)) + 1
        weights = np.where(frequency > 0, weights, 0.0).astype(np.float32)
        weighted = _weigh(counts, weights)
        _, strengths, rows = randomized_svd(weighted, _N_FEATURES, random_state=0)
        directions = rows[strengths > _NOISE * strengths[0]].T.astype(np.float32)
        projected = _project(texts, weights, directions)
        scales = [Scale.fit(column[codes]) for column in projected.T]
        kept = [place for place, scale in enumerate(scales) if scale is not None]
        directions = np.ascontiguousarray(directions[:, kept])
        return cls(
            weights=weights,
            directions=directions,
            scales=tuple(scale for scale in scales if scale is not None),
            spreads=_spreads(weighted, directions, rows_of / rows_of.sum()),
        )

    def apply(self, texts: list[str]) -> Floats:
        """Return the features of each text and, in one more row, of a missing one."""
        features = _project(texts, self.weights, self.directions)
        for place, scale in enumerate(self.scales):
            features[:, place] = self.spreads[place] * scale.apply(features[:, place])
        return features

    def state(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {
            "weights": b64encode(self.weights.astype("<f4").tobytes()).decode(),
            "directions": b64encode(self.directions.astype("<f4").tobytes()).decode(),
            "scales": [asdict(scale) for scale in self.scales],
            "spreads": self.spreads,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Spelling":
        """Undo `state`.

        Raises:
            ValueError: If numbers lack or are not finite.
            LookupError: If something is lacking.
            TypeError: If something is of the wrong type.
        """
        scales = tuple(Scale(**scale) for scale in state["scales"])
        weights = np.frombuffer(b64decode(state["weights"], validate=True), "<f4")
        directions = np.frombuffer(b64decode(state["directions"], validate=True), "<f4")
        spreads = tuple(map(float, state["spreads"]))
        if not (np.isfinite(weights).all() and np.isfinite(directions).all()):
            raise ValueError("not finite")
        if len(spreads) != len(scales) or not all(0 < one <= 1 for one in spreads):
            raise ValueError("not spreads")
        return cls(
            weights=weights.astype(np.float32).reshape(_N_HASHES),
            directions=directions.astype(np.float32).reshape(_N_HASHES, len(scales)),
            scales=scales,
            spreads=spreads,
        )


def _spreads(
    texts: "csr_matrix", directions: NDArray[np.float32], shares: Floats
) -> tuple[float, ...]:
    """Return the root of the share of the variance along each direction.

    Args:
        texts: Weighted n-grams.
        directions: Shape `[hashes, features]`.
        shares: Of the rows, of each text.
    """
    centre = np.asarray(shares @ texts).ravel()
    squares = np.asarray(texts.multiply(texts).sum(axis=1)).ravel()
    total = float(shares @ squares) - float(centre @ centre)
    along = np.asarray(texts @ directions, np.float64) - centre @ directions
    found = np.sqrt((shares @ np.square(along)) / max(total, _NOISE))
    return tuple(found.clip(_NOISE, 1.0).tolist())


def _project(
    texts: list[str], weights: NDArray[np.float32], directions: NDArray[np.float32]
) -> Floats:
    """Return the place of each text, and NaN in one more row."""
    places = np.full((len(texts) + 1, directions.shape[1]), np.nan)
    for start in range(0, len(texts), _CHUNK):
        part = texts[start : start + _CHUNK]
        counts = _weigh(_count_n_grams(part), weights)
        places[start : start + len(part)] = counts @ directions
    return places


def _count_n_grams(texts: list[str]) -> "csr_matrix":
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=_N_GRAMS,
        n_features=_N_HASHES,
        norm=None,
        dtype=np.float32,
    )
    return vectorizer.transform(texts)


def _weigh(counts: "csr_matrix", weights: NDArray[np.float32]) -> "csr_matrix":
    from sklearn.preprocessing import normalize

    weighted = counts.copy()
    weighted.data *= weights[counts.indices]
    return normalize(weighted)
