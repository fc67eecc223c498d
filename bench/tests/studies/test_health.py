"""What `bench/studies/health.py` compares, against what is known."""

import math

import health
import pytest
import torch
from criterion_cases import own_loss
from torch import nn

from losslearn import Sets, get_true_loss
from losslearn.models.networks import MLP, Linear, score_rows
from losslearn.training.recipe import Recipe
from losslearn_bench.harness.ours import first_surrogate, make_algorithm
from losslearn_bench.harness.rows import TrainingData


def make_data() -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=generator)
    y_true = (x[:, 0] > 0).long()
    return TrainingData(x, y_true, x, y_true)


def smooth(y_true, y_score):
    return ((1 - y_true) * y_score.square()).mean(-1)


def test_differences_are_the_slopes_of_a_smooth_loss_and_weights_are_put_back():
    torch.manual_seed(0)
    data, model = make_data(), Linear(3)
    before = [p.detach().clone() for p in model.parameters()]
    found = health.differences(model, data)
    slopes = found.slopes(own_loss(smooth), data)
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(old, new.detach(), rtol=0, atol=0)
    model.eval()
    value = smooth(data.y_true, model(data.x).flatten())
    exact = nn.utils.parameters_to_vector(
        torch.autograd.grad(value, list(model.parameters()))
    )
    moves = found.step < 1e3  # an intercept moves no deviation
    torch.testing.assert_close(slopes[moves], exact[moves], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("together", [1, 4])
def test_moves_by_the_graph_are_moves_of_the_weights_to_first_order(together):
    torch.manual_seed(0)
    data, model = make_data(), Linear(3)
    loss, config = get_true_loss("f1"), Recipe(mode="scratch", batch_size=50)
    surrogate = first_surrogate(loss, config, data, seed=0)
    trainer, _, _ = make_algorithm(model, surrogate, data, loss, config, seed=0)
    mover = health.Mover(model, trainer, 0)
    ((there, back),) = mover.by_graph(0.1, n_moves=2, together=together)
    assert there.score.shape == (2 * together, 50)
    change = (there.score - back.score) / 2
    spread = float(score_rows(model, data.x).std())
    size = float(change.std(-1).square().mean().sqrt())
    assert size == pytest.approx(0.1 * spread, rel=0.3)
    # of a linear model every move is one of its features
    middle = (there.score + back.score) / 2
    known = score_rows(model, data.x)
    numbers = (middle.unsqueeze(-1) - known).abs().argmin(-1)
    features = torch.cat([data.x, torch.ones(400, 1)], -1)[numbers].double()
    along = torch.linalg.lstsq(features, change.double().unsqueeze(-1)).solution
    left = change - (features @ along).squeeze(-1)
    assert left.abs().max() < 1e-4 * change.abs().max()
    if together > 1:  # one direction for all that are moved together
        first = along[:together].squeeze(-1)
        torch.testing.assert_close(
            first, first[:1].expand_as(first), rtol=1e-3, atol=1e-5
        )


def test_changes_are_means_of_sets_moved_together_and_their_cosine_is_known():
    target = torch.zeros(4, 3, dtype=torch.long)
    score = torch.arange(12.0).reshape(4, 3)
    pairs = [(Sets(target, score), Sets(target, -score))]
    first = own_loss(lambda _, s: s[..., 0], takes_weight=False)
    read = health.changes(iter(pairs), first, lambda s: s.score.sum(-1), together=2)
    assert read.true.tolist() == [3.0, 15.0]
    assert read.learned.tolist() == [15.0, 51.0]
    expected = (3 * 15 + 15 * 51) / math.sqrt((9 + 225) * (225 + 51**2))
    assert health.cosine([read]) == pytest.approx(expected)
    dead = health.Read(torch.zeros(2), torch.ones(2))
    assert math.isnan(health.cosine([dead]))


def test_the_table_counts_signs_and_what_would_be_followed():
    def case(quality, predicted):
        return {"quality": quality, "predicted": {"noise": [predicted, predicted]}}

    cases = [case(-0.2, 0.5), case(-0.1, -0.3), case(0.5, 0.6), case(0.4, 0.0)]
    cases += [case(0.3, None)]  # dead: left out
    found = health.scores_of(cases, "noise", 1)
    assert found[1:] == ["50%", "1 of 2", "1 of 2"]
    lines = [{"model": model, "cases": cases} for model in health.MODELS]
    assert len(health.make_table(lines).splitlines()) == 2 + len(health.MODELS)


def test_every_way_of_moving_is_read_on_a_network():
    torch.manual_seed(0)
    data, model = make_data(), MLP(3)
    true = health.differences(model, data)
    slopes = true.slopes(get_true_loss("f1"), data)
    line = health.judge(model, data, "f1", "scratch, 40", slopes, true.along, seed=0)
    assert abs(line["quality"]) <= 1
    assert "model 0.1 by 4" in line["predicted"]
    assert "noise 0.1 and 0.5" in line["predicted"]
