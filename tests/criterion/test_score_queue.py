import copy
import math
from collections import deque

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losslearn.criterion.queue import ScoreQueue
from losslearn.metrics import Sets
from losslearn.training.sampling import set_layout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def push(queue: ScoreQueue, y_score: torch.Tensor, y_true: torch.Tensor) -> None:
    """Put rows in; the last number of a target is its class."""
    queue.push(
        y_score, y_true, strata=y_true.flatten(1)[:, -1] if y_true.ndim > 1 else y_true
    )


def same_rows(left: Sets, right: Sets) -> bool:
    return torch.equal(left.score, right.score) and torch.equal(
        left.target, right.target
    )


def filled(capacity: int, n: int) -> ScoreQueue:
    """A queue of scores 0, 1, 2 and so on, of which every third is positive."""
    queue = ScoreQueue(capacity)
    y_score = torch.arange(float(n))
    push(queue, y_score, (y_score % 3 == 0).long())
    return queue


row = st.tuples(
    st.floats(-9, 9, width=32) | st.sampled_from([math.nan, math.inf, -math.inf, 1e30]),
    st.integers(0, 1),
)


@given(
    capacity=st.integers(2, 9),
    batches=st.lists(st.lists(row, max_size=25), max_size=9),
)
def test_it_holds_the_latest_rows_and_draws_the_usable_ones(capacity, batches):
    queue, model = ScoreQueue(capacity), deque(maxlen=capacity)
    for batch in batches:
        model.extend(batch)
        y_score = torch.tensor([score for score, _ in batch], dtype=torch.float32)
        push(queue, y_score, torch.tensor([y for _, y in batch], dtype=torch.long))
        usable = [(score, y) for score, y in model if abs(score) < 1e18]
        assert queue.state_dict()["size"] == len(model)
        counts = [sum(y == label for _, y in usable) for label in (0, 1)]
        # no further than the highest stratum that has come
        assert [*queue.counts(), 0, 0][:2] == counts
    if not model:
        with pytest.raises(ValueError, match="queue is empty"):
            queue.rows()
        return
    kept = queue.rows()
    y_score, y_true = kept.score, kept.target
    rows = sorted(zip(y_score.tolist(), y_true.tolist(), strict=True))
    assert rows == sorted(usable)
    if 0 in [*queue.counts(), 0, 0][:2]:
        return
    layout = set_layout(7, (0.6, 0.4))
    drawn = queue.draw(5, layout, generator=generator())
    assert drawn.score.shape == (5, 7)
    n_pos = layout.sizes[1]
    assert drawn.target.tolist() == [[1] * n_pos + [0] * (7 - n_pos)] * 5
    pairs = zip(
        drawn.score.flatten().tolist(), drawn.target.flatten().tolist(), strict=True
    )
    assert set(pairs) <= set(usable)


def test_rows_of_a_class_are_drawn_equally_often():
    queue = filled(90, 100)  # has gone round
    layout = set_layout(60, (0.5, 0.5))
    drawn = queue.draw(3_000, layout, generator=generator())
    for label, n_rows in ((1, 30), (0, 60)):
        count = drawn.score[drawn.target == label].long().bincount()
        count = count[count > 0]
        share = 1 / n_rows
        n = 3_000 * 30
        deviation = math.sqrt(n * share * (1 - share))
        assert len(count) == n_rows
        # five deviations: for 90 rows a false alarm is one in 20,000 seeds
        assert (count - n * share).abs().max() < 5 * deviation
        # and as much spread as independent draws have, within a third
        assert 0.67 < count.double().std() / deviation < 1.33


def test_draws_are_independent_within_a_set_and_between_sets():
    queue, layout = filled(90, 90), set_layout(2, (0.5, 0.5))
    drawn = queue.draw(20_000, layout, generator=generator()).score
    correlation = torch.corrcoef(drawn.T.double())[0, 1]
    assert abs(correlation) < 5 / math.sqrt(20_000)  # five standard errors
    later = torch.corrcoef(torch.stack([drawn[1:, 0], drawn[:-1, 0]]).double())[0, 1]
    assert abs(later) < 5 / math.sqrt(20_000)


def test_same_seed_draws_the_same_sets():
    queue, layout = filled(9, 9), set_layout(4, (0.5, 0.5))
    first, again, other = (
        queue.draw(3, layout, generator=generator(seed)).score for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("of_score", [(), (1,), (3,), (2, 3)])
@pytest.mark.parametrize("of_target", [(), (1,), (2, 2)])
def test_a_row_may_have_any_axes(of_score, of_target):
    queue = ScoreQueue(5)
    y_score = torch.randn(7, *of_score, generator=generator())
    y_true = torch.zeros(7, *of_target, dtype=torch.long)
    y_true.view(7, -1)[::2, -1] = 1  # of rows 0, 2, 4, 6
    y_score.view(7, -1)[4, -1] = math.nan
    push(queue, y_score[:4], y_true[:4])
    push(queue, y_score[4:], y_true[4:])
    assert queue.counts() == [2, 2]
    kept = queue.rows()
    kept_score, kept_true = kept.score, kept.target
    order = [5, 6, 2, 3]  # the ring's: rows 0 and 1 have made room
    assert torch.equal(kept_score, y_score[order])
    assert torch.equal(kept_true, y_true[order])
    layout = set_layout(6, (0.5, 0.5))
    drawn = queue.draw(4, layout, generator=generator())
    assert drawn.score.shape == (4, 6, *of_score)
    assert drawn.target.shape == (4, 6, *of_target)
    for at, label in enumerate([1, 1, 1, 0, 0, 0]):
        rows = [2, 6] if label else [3, 5]
        for score, target in zip(drawn.score[:, at], drawn.target[:, at], strict=True):
            assert any(
                torch.equal(score, y_score[row]) and torch.equal(target, y_true[row])
                for row in rows
            )


def test_what_is_pushed_is_copied():
    queue, y_score, y_true = ScoreQueue(3), torch.ones(3), torch.ones(3).long()
    push(queue, y_score, y_true)
    y_score.zero_()
    y_true.zero_()
    kept = queue.rows()
    assert kept.score.tolist() == kept.target.tolist() == [1, 1, 1]
    assert queue.counts() == [0, 3]


@pytest.mark.parametrize("n", [0, 2, 9])
def test_a_state_goes_on_as_the_queue_it_is_of(n):
    queue, restored = filled(5, n), filled(5, 3)
    restored.load_state_dict(copy.deepcopy(queue.state_dict()))
    layout = set_layout(4, (0.5, 0.5))
    for kept in (queue, restored):
        push(kept, torch.tensor([7.5, 8.5]), torch.tensor([0, 1]))
    assert restored.state_dict()["size"] == queue.state_dict()["size"]
    assert same_rows(restored.rows(), queue.rows())
    drawn = [q.draw(3, layout, generator=generator()) for q in (queue, restored)]
    assert same_rows(*drawn)


def test_a_loaded_state_is_not_shared():
    queue, other = filled(5, 5), ScoreQueue(5)
    other.load_state_dict(queue.state_dict())
    push(other, torch.full((5,), 9.0), torch.zeros(5).long())
    assert queue.rows().score.tolist() == [0, 1, 2, 3, 4]


def test_a_state_of_another_capacity_is_refused():
    with pytest.raises(ValueError, match="queue of 5 rows, this one has 6"):
        ScoreQueue(6).load_state_dict(filled(5, 5).state_dict())


def test_room_for_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        ScoreQueue(1)


def test_it_moves_with_all_its_rows():
    queue = filled(5, 9)
    before = queue.rows()
    queue.to(torch.device("cpu"))
    assert same_rows(queue.rows(), before)
    queue.to(torch.device("meta"))
    assert queue.state_dict()["score"].is_meta
    ScoreQueue(5).to(torch.device("meta"))
