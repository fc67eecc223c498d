"""An ensemble behind the protocol: sets of members, steps, moves, states."""

import pytest
import torch
from strong_cases import equal, predictor_of, rows_of

from losslearn.metrics import Sets
from losslearn.models.rows import Drawn
from losslearn.models.strong.tabm import TabM
from losslearn.tasks.cross_entropy import CrossEntropy

pytest.importorskip("tabm", reason="TabM needs the extra `strong`")

PLAIN = TabM(k=3, n_blocks=2, d_block=8, dropout=0.0)
SETS = torch.arange(40).reshape(4, 10)


class Size:
    """An objective that is no mean over rows."""

    def __call__(self, sets: Sets):
        return sets.score.square().mean(-1).sqrt()


def test_sets_are_scored_by_a_member_each():
    predictor = predictor_of(rows_of(), PLAIN)
    members = predictor.model.train()(predictor.rows.x).T
    seen = set()
    for _ in range(20):
        for rows, score in zip(SETS, predictor.scores(SETS), strict=True):
            near = [torch.allclose(score, one[rows], atol=1e-5) for one in members]
            assert sum(near) == 1
            seen.add(near.index(True))
    assert seen == {0, 1, 2}


def test_a_step_goes_down_the_mean_of_the_members_objectives():
    predictor = predictor_of(rows_of(), PLAIN, lr=1e-2)
    predictor.descend(Size(), Drawn(SETS[:1]))
    model = predictor_of(rows_of(), PLAIN).model.train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    score = model(rows_of().x[:10])
    (sum(score[:, one].square().mean().sqrt() for one in range(3)) / 3).backward()
    adam.step()
    found = predictor.weights()
    for name, part in model.state_dict().items():
        torch.testing.assert_close(found[name], part, atol=2e-5, rtol=1e-4)


def test_objectives_see_rows_columns_and_weights_of_each_member():
    rows = rows_of(
        columns={"amount": torch.arange(120.0)}, weight=torch.linspace(1, 2, 120)
    )
    given = []

    def see(sets: Sets):
        given.append(sets)
        return CrossEntropy()(sets)

    place = torch.linspace(1, 3, 10)
    predictor_of(rows, PLAIN).descend(see, Drawn(SETS, place))
    assert len(given) == 4
    sets = given[2]
    assert sets.score.shape == sets.target.shape == (3, 10)
    for member in range(3):
        assert torch.equal(sets.target[member], rows.target[SETS[2]])
        assert torch.equal(sets.columns["amount"][member], SETS[2].float())
        torch.testing.assert_close(sets.weight[member], rows.weight[SETS[2]] * place)


def test_moves_go_as_far_as_told_to_both_sides_and_leave_the_model():
    predictor = predictor_of(rows_of())
    before, draws = predictor.weights(), torch.Generator().manual_seed(3)
    there, back = predictor.moved(SETS, 0.1, generator=draws)
    assert there.shape == SETS.shape
    middle, change = (there + back) / 2, (there - back) / 2
    model = predictor.model.eval()
    members = model.layers(model.quantiles(predictor.rows.x)).squeeze(-1).T
    for rows, score in zip(SETS, middle, strict=True):
        assert any(torch.allclose(score, one[rows], atol=1e-5) for one in members)
    reach, spread = change.var(1).mean().sqrt(), middle.var(1).mean().sqrt()
    assert float(reach / spread) == pytest.approx(0.1, rel=1e-3)
    assert equal(before, predictor.weights())


def test_a_state_goes_on_to_the_bit():
    predictor, drawn = predictor_of(rows_of()), Drawn(SETS)
    predictor.descend(CrossEntropy(), drawn)
    state = predictor.state()

    def go_on():
        predictor.descend(CrossEntropy(), drawn)
        return predictor.scores(SETS), predictor.weights()

    score, weights = go_on()
    predictor.restore(state)
    again, weights_again = go_on()
    assert torch.equal(score, again)
    assert equal(weights, weights_again)


def test_predictions_do_not_depend_on_the_mode():
    predictor = predictor_of(rows_of())
    predictor.scores(SETS)
    assert predictor.model.training
    score = predictor.predict(rows_of())
    assert score.shape == (120,)
    assert predictor.model.training
    exact = predictor.predict(rows_of(), exactly=True)
    torch.testing.assert_close(score.double(), exact, atol=1e-5, rtol=1e-5)
