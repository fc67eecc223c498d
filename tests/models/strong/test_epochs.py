"""The usual loss's own training: members each by their own loss, stopped early."""

import math
import time

import pytest
import torch
from strong_cases import TINY, equal, predictor_of, rows_of
from torch.nn.functional import binary_cross_entropy_with_logits

from losslearn.metrics import Sets
from losslearn.models.rows import Drawn, Rows
from losslearn.models.solution import Setting
from losslearn.models.strong import epochs
from losslearn.models.strong.members import member_sets
from losslearn.models.strong.tabm import TabM
from losslearn.tasks.cross_entropy import CrossEntropy

pytest.importorskip("tabm", reason="TabM needs the extra `strong`")

EVERY = Drawn(torch.arange(120))
NO_DROPOUT = TabM(k=3, n_blocks=1, d_block=8, dropout=0.0, batch_size=120, patience=1)


def solved(settings: TabM = TINY, rows: Rows | None = None, **given):
    rows = rows_of() if rows is None else rows
    predictor = predictor_of(rows, settings)
    deadline = given.pop("deadline", math.inf)
    held_out = given.pop("held_out", rows_of(seed=1))
    solution = predictor.solution(CrossEntropy(), EVERY, held_out)
    solution.solve(Setting(), deadline=deadline)
    return predictor


def held_out_loss(predictor) -> float:
    rows = rows_of(seed=1)
    return float(CrossEntropy()(rows.whole(predictor.predict(rows))))


def test_members_lose_each_by_their_own_scores():
    rows = rows_of(weight=torch.linspace(0.5, 2, 120))
    predictor, place = predictor_of(rows, NO_DROPOUT), torch.linspace(1, 3, 40)
    drawn = Drawn(torch.arange(40, 80), place)
    sets = member_sets(predictor.model, rows, drawn)
    found = CrossEntropy()(sets).mean()
    score = predictor.model.train()(rows.x[40:80])
    target, weight = rows.target[40:80].float(), rows.weight[40:80] * place
    by_hand = sum(
        (
            binary_cross_entropy_with_logits(score[:, one], target, reduction="none")
            * weight
        ).sum()
        / weight.sum()
        for one in range(3)
    )
    torch.testing.assert_close(found, by_hand / 3)


def test_an_epoch_is_a_step_of_adamw_down_the_mean_of_the_members_losses(monkeypatch):
    monkeypatch.setattr(epochs, "_MOST_EPOCHS", 1)
    found = solved(NO_DROPOUT).weights()
    rows = rows_of()
    model = predictor_of(rows, NO_DROPOUT).model.train()
    adam = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=3e-4)
    score, target = model(rows.x), rows.target.float()
    losses = [binary_cross_entropy_with_logits(one, target) for one in score.T]
    torch.stack(losses).mean().backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adam.step()
    for name, part in model.state_dict().items():
        torch.testing.assert_close(found[name], part, atol=1e-6, rtol=1e-4)


def test_two_classes_are_told_apart():
    assert held_out_loss(solved()) < 0.4
    # as good as the generating rule is, up to its noise
    rows = rows_of(seed=1)
    assert ((solved().predict(rows) > 0) == rows.target.bool()).float().mean() > 0.85


def test_the_weights_of_the_lowest_loss_stay(monkeypatch):
    losses = iter([0.9, 0.5, 0.7, 0.6, 0.8, 0.9, 0.9, 0.9])
    seen = []

    def loss(solution, _rows):
        seen.append(solution._kept())
        return next(losses)

    monkeypatch.setattr(epochs.EpochSolution, "_loss", loss)
    predictor = solved()  # a patience of 3
    assert len(seen) == 6
    assert equal(predictor.weights(), seen[1])
    assert not equal(seen[1], seen[2])


def test_the_deadline_ends_it_within_an_epoch(monkeypatch):
    steps = []
    monkeypatch.setattr(
        epochs, "member_sets", lambda *given: steps.append(1) or member_sets(*given)
    )
    start = predictor_of(rows_of()).weights()
    predictor = solved(deadline=time.perf_counter())
    assert len(steps) == 1
    assert not equal(predictor.weights(), start)


def test_without_other_rows_a_tenth_is_held_out(monkeypatch):
    trained, judged = set(), []
    monkeypatch.setattr(
        epochs,
        "member_sets",
        lambda model, rows, drawn: (
            trained.update(drawn.rows.tolist()) or member_sets(model, rows, drawn)
        ),
    )
    monkeypatch.setattr(
        epochs.EpochSolution,
        "_loss",
        lambda _, rows: judged.append(rows.numbers.tolist()) or 1.0,
    )
    solved(held_out=None)
    assert len(judged[0]) == 12
    assert trained == set(range(120)) - set(judged[0])


def test_the_same_seed_gives_the_same_weights():
    assert equal(solved().weights(), solved().weights())


def test_a_set_of_weighed_rows_is_stopped_by_their_weights():
    weight = torch.linspace(0.1, 1, 120)
    rows = rows_of(seed=1, weight=weight)
    solution = predictor_of(rows_of()).solution(CrossEntropy(), EVERY, rows)
    score = predictor_of(rows_of()).predict(rows)
    expected = CrossEntropy()(Sets(rows.target, score, weight))
    assert solution._loss(rows) == pytest.approx(float(expected))
