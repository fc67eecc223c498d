import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from losslearn.training.splitting import split_off_validation


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("n", "n_positive", "n_valid"),
    [
        (4, 2, 2),  # the rests of the shares tie, so that the draw decides
        (10, 5, 3),
        (101, 7, 20),
        (600, 60, 120),
        (1_000, 333, 257),
        (20_001, 17, 4_000),
    ],
)
def test_rows_and_their_order_are_those_of_scikit_learn(n, n_positive, n_valid, seed):
    y_true = np.zeros(n, np.int8)
    y_true[np.random.default_rng(seed).permutation(n)[:n_positive]] = 1
    train, validation = split_off_validation(y_true, n_valid=n_valid, seed=seed)
    expected = train_test_split(
        np.arange(n), test_size=n_valid, stratify=y_true, random_state=seed
    )
    assert np.array_equal(train, expected[0])
    assert np.array_equal(validation, expected[1])


def test_row_numbers_take_four_bytes():
    train, validation = split_off_validation(np.arange(9) % 2, n_valid=3, seed=0)
    assert train.dtype == validation.dtype == np.int32


@pytest.mark.parametrize("n_valid", [1, 9])
def test_parts_too_small_are_refused(n_valid):
    with pytest.raises(ValueError, match=r"at least 2 each.*`validation_fraction`"):
        split_off_validation(np.arange(10) % 2, n_valid=n_valid, seed=0)
