import numpy as np
import pytest

from losslearn_bench.harness.splits import seed_of, split_rows

TARGETS = np.array([0] * 170 + [1] * 30)


def test_parts_are_disjoint_and_hold_every_row():
    split = split_rows(TARGETS, "mine", 0)
    assert sorted(np.concatenate(split).tolist()) == list(range(200))


def test_shares_are_80_20_and_validation_is_taken_from_the_80():
    assert [len(part) for part in split_rows(TARGETS, "mine", 0)] == [128, 32, 40]


def test_every_part_keeps_the_prevalence():
    for part in split_rows(TARGETS, "mine", 3, max_train_rows=60):
        assert TARGETS[part].mean() == pytest.approx(0.15, abs=0.02)


def test_a_split_depends_on_data_set_and_repetition_alone():
    first = split_rows(TARGETS, "mine", 0)
    again = split_rows(TARGETS, "mine", 0)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    for other in (split_rows(TARGETS, "mine", 1), split_rows(TARGETS, "yours", 0)):
        assert set(other.test) != set(first.test)


def test_a_cap_takes_training_rows_only():
    full = split_rows(TARGETS, "mine", 0)
    capped = split_rows(TARGETS, "mine", 0, max_train_rows=50)
    assert len(capped.train) == 50
    assert set(capped.train) < set(full.train)
    assert (capped.validation == full.validation).all()
    assert (capped.test == full.test).all()


def test_a_cap_above_the_rows_changes_nothing():
    full = split_rows(TARGETS, "mine", 0)
    capped = split_rows(TARGETS, "mine", 0, max_train_rows=10_000)
    assert (capped.train == full.train).all()


def test_too_few_rows_of_a_class_are_an_error():
    with pytest.raises(ValueError, match="at least 5 rows of each class"):
        split_rows(np.array([0] * 50 + [1] * 4), "mine", 0)


def test_seeds_are_the_same_on_every_machine():
    # a change of this number would give every published cell other rows
    assert seed_of("a9a", 0) == 661_207_431


def test_axes_do_not_run_into_each_other():
    assert seed_of("a", "b1") != seed_of("ab", "1")
