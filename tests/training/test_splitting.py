"""Rows divided by number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from losslearn.training.splitting import split_off_validation, split_rows


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


@given(
    counts=st.lists(st.integers(2, 60), min_size=1, max_size=4),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_both_parts_hold_each_stratum_of_two_rows(counts, share, seed):
    strata = np.random.default_rng(seed).permutation(
        np.repeat(np.arange(len(counts)), counts)
    )
    n, least = len(strata), len(counts)
    n_valid = min(max(round(share * n), least), n - least)
    parts = split_off_validation(strata, n_valid=n_valid, seed=seed)
    assert len(parts.validation) == n_valid
    assert sorted(np.concatenate(parts)) == list(range(n))
    for part in parts:
        assert set(strata[part]) == set(range(least))


def test_a_stratum_of_one_row_is_refused():
    with pytest.raises(ValueError, match=r"needs 2 rows.*got 1"):
        split_off_validation(np.array([0] * 9 + [1]), n_valid=2, seed=0)


@given(
    counts=st.tuples(st.integers(6, 80), st.integers(6, 80)),
    sizes=st.tuples(st.floats(0.01, 0.45), st.floats(0.01, 0.45)),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_are_stratified_and_share_no_row(counts, sizes, seed):
    y = np.random.default_rng(seed).permutation(np.repeat([0, 1], counts))
    test_size, validation_size = sizes
    parts = split_rows(
        y, test_size=test_size, validation_size=validation_size, seed=seed
    )
    assert sorted(np.concatenate(parts)) == list(range(len(y)))
    for code, count in enumerate(counts):
        train, validation, test = (int((y[part] == code).sum()) for part in parts)
        assert min(train, validation, test) >= 2
        if min(size * count for size in sizes) >= 2 and train > 2:
            assert abs(test - test_size * count) <= 0.5
            assert abs(validation - validation_size * count) <= 0.5


def test_the_split_depends_on_target_and_seed_only():
    y = np.arange(200) % 3 == 0
    first = split_rows(y, seed=1)
    np.random.seed(5)  # noqa: NPY002 - the global state must not matter
    for again in (split_rows(y.tolist(), seed=1), split_rows(y.astype(int), seed=1)):
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
    assert first.test.tolist() != split_rows(y, seed=2).test.tolist()


def test_a_part_can_be_left_out():
    parts = split_rows([0, 0, 0, 0, 1, 1, 1, 1], validation_size=0, seed=0)
    assert [len(part) for part in parts] == [4, 0, 4]
    assert all(np.issubdtype(part.dtype, np.integer) for part in parts)


def test_too_few_rows_and_senseless_shares():
    with pytest.raises(ValueError, match="Class 'yes' has too few rows: 5; at least 6"):
        split_rows([0] * 50 + [1] * 5, seed=0, names=["no", "yes"])
    for sizes in ((0.5, 0.5), (-0.1, 0.2), (1.0, 0.0)):
        with pytest.raises(ValueError, match="leave rows to train on"):
            split_rows([0, 1] * 9, seed=0, test_size=sizes[0], validation_size=sizes[1])


def test_any_number_of_strata_is_divided_alike():
    strata = np.repeat([0, 1, 2], [10, 20, 40])
    parts = split_rows(strata, test_size=0.2, validation_size=0.1, seed=0)
    assert [np.bincount(strata[part]).tolist() for part in parts] == [
        [6, 14, 28],
        [2, 2, 4],
        [2, 4, 8],
    ]
    train, validation = split_off_validation(strata, n_valid=14, seed=0)
    assert np.bincount(strata[validation]).tolist() == [2, 4, 8]
    assert sorted([*train, *validation]) == list(range(70))
