"""Numbers that say how a text is spelt, so that similar texts lie close together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from losslearn.tables.scaling import Floats, Scale

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
        weights: Inverse document frequency of each hashed n-gram.
        directions: Shape `[hashes, features]`.
        scales: One a feature.
    """

    weights: NDArray[np.float32]
    directions: NDArray[np.float32]
    scales: tuple[Scale, ...]

    def __post_init__(self) -> None:
        """Reject arrays that do not fit together.

        Raises:
            ValueError: If a shape, a type or a value is wrong.
        """
        shapes = (self.weights.shape, self.directions.shape)
        arrays = (self.weights, self.directions)
        if shapes != ((_N_HASHES,), (_N_HASHES, len(self.scales))) or not all(
            array.dtype == np.float32 and np.isfinite(array).all() for array in arrays
        ):
            raise ValueError(f"not the arrays of a text column: shapes {shapes}")

    @classmethod
    def fit(cls, texts: list[str], codes: NDArray[np.intp]) -> "Spelling":
        """Fit the directions to the texts and the scales to the rows.

        Args:
            texts: The distinct texts, more than there are features.
            codes: Each row's place among them, -1 where missing.
        """
        from sklearn.decomposition import TruncatedSVD

        drawn = texts
        if len(texts) > _MAX_TEXTS:
            places = np.random.default_rng(0).permutation(len(texts))[:_MAX_TEXTS]
            drawn = [texts[place] for place in places]
        counts = _count_n_grams(drawn)
        frequency = np.bincount(counts.indices, minlength=_N_HASHES)
        weights = np.log((1 + len(drawn)) / (1 + frequency)) + 1
        weights = weights.astype(np.float32)
        svd = TruncatedSVD(_N_FEATURES, random_state=0)
        svd.fit(_weigh(counts, weights))
        strong = svd.singular_values_ > _NOISE * svd.singular_values_[0]
        directions = svd.components_[strong].T.astype(np.float32)
        projected = _project(texts, weights, directions)
        scales = [Scale.fit(column[codes]) for column in projected.T]
        kept = [place for place, scale in enumerate(scales) if scale is not None]
        return cls(
            weights=weights,
            directions=np.ascontiguousarray(directions[:, kept]),
            scales=tuple(scale for scale in scales if scale is not None),
        )

    def apply(self, texts: list[str]) -> Floats:
        """Return the features of each text and, in one more row, of a missing one."""
        features = _project(texts, self.weights, self.directions)
        for place, scale in enumerate(self.scales):
            features[:, place] = scale.apply(features[:, place])
        return features


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
