import from_scratch
import gradient_quality
import headroom
import pytest
import torch
from criterion_cases import own_loss
from torch import nn

from losslearn.models.networks import Linear, score_rows
from losslearn.training.recipe import Recipe
from losslearn_bench.harness.neural import make_predictor
from losslearn_bench.harness.rows import TrainingData


def make_data() -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 3, generator=generator)
    x[:, 2] = 4.0  # a constant feature: no weight of it changes the order
    y_true = (x[:, 0] > 0).long()
    return TrainingData(x, y_true, x, y_true)


def smooth(y_true, y_score):
    """A loss with a gradient of its own: the mean score of negatives, squared."""
    return ((1 - y_true) * y_score.square()).mean(-1)


def test_central_differences_are_the_gradient_of_a_smooth_loss():
    torch.manual_seed(0)
    data, model = make_data(), Linear(3)
    before = gradient_quality.weights_of(model)
    found = gradient_quality.metric_gradient(model, data, own_loss(smooth), 0.02)
    assert torch.equal(gradient_quality.weights_of(model), before)
    model.eval()
    scores = model(data.x).flatten()
    gradients = torch.autograd.grad(
        smooth(data.y_true, scores), list(model.parameters())
    )
    expected = torch.cat([gradient.flatten() for gradient in gradients])
    moves = found != 0  # weights that move all scores alike are left out
    assert moves.sum() >= 2
    torch.testing.assert_close(found[moves], expected[moves], rtol=1e-2, atol=1e-3)


def test_the_descent_lowers_the_loss():
    torch.manual_seed(0)
    data, model, loss = make_data(), Linear(3), own_loss(smooth)
    nn.init.normal_(next(model.parameters()))
    before = float(loss(data.train.whole(score_rows(model, data.x))))
    gradient_quality.descend(model, data, loss, 20)
    assert float(loss(data.train.whole(score_rows(model, data.x)))) < 0.7 * before
    assert make_predictor(model, data, Recipe()).scores(torch.arange(4)).shape == (4,)


def test_the_table_of_trainings_from_scratch_counts_constant_models():
    def line(variant: str, seed: int, test: float) -> dict[str, object]:
        ours = {"test": test, "constant": test == 0.5}
        control = {"test": 0.1 * seed, "constant": False}
        cell = {"data": "ijcnn1", "metric": "f1", "seed": seed, "variant": variant}
        return {**cell, "surrogate": ours, "cross_entropy": control}

    table = from_scratch.make_table(
        [
            *(line(from_scratch.ALONE, *one) for one in enumerate((0.3, 0.5, 0.5))),
            *(line(from_scratch.RECIPE, *one) for one in enumerate((0.1, 0.2, 0.3))),
        ]
    )
    (row,) = table.splitlines()[2:]
    deviation = pytest.approx(0.11547, abs=1e-4)
    assert torch.tensor([0.3, 0.5, 0.5]).std().item() == deviation
    assert row == (
        "| ijcnn1 | f1 | 3 | 0.1000 ± 0.1000 | 0.2000 ± 0.1000 | 1.00 | 0 "
        "| 0.4333 ± 0.1155 | 1.15 | 2 |"
    )


def test_the_headroom_is_what_descent_from_cross_entropy_finds(data_dir, monkeypatch):
    monkeypatch.setattr(headroom, "STEPS", 10)
    cell = {"data": "keel_yeast4", "metric": "roc_auc", "seed": 0}
    line = headroom.run_cell(cell, data_dir)
    start, end = line["cross_entropy"], line["descent"]
    assert end["validation"] <= start["validation"]
    assert end["train"] <= start["train"]
    other = {**line, "seed": 1, "descent": {**end, "test": start["test"] + 0.25}}
    same = {**line, "descent": {**end, "test": start["test"]}}
    (row,) = headroom.make_table([same, other]).splitlines()[2:]
    assert row.startswith("| keel_yeast4 | roc_auc | 2 |")
    assert row.endswith("| +0.1250 ± 0.1768 |")  # 0 and 1/4
