import pytest
import torch
from torch import nn

from losslearn.models import networks as models
from losslearn.models.networks import (
    MLP,
    Linear,
    Standardizer,
    build_model,
    gather_rows,
    score_rows,
    score_sets,
)


def test_paper_mlp_has_the_paper_layers():
    layers = [type(layer).__name__ for layer in MLP(7).layers]
    block = ["Linear", "LeakyReLU", "BatchNorm1d", "Dropout"]
    assert layers == [*block, *block, *block, "Linear"]
    widths = [
        layer.out_features
        for layer in MLP(7).layers
        if hasattr(layer, "weight") and isinstance(layer, nn.Linear)
    ]
    assert widths == [100, 30, 10, 1]


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_model_does_not_care_how_features_are_scaled(name):
    x = torch.randn(200, 3)
    scores = []
    for scaled in (x, 1_000 * x + torch.tensor([5.0, -7.0, 1e4])):
        torch.manual_seed(0)
        scores.append(score_rows(build_model(name, scaled), scaled))
    assert torch.allclose(*scores, atol=1e-2)


def test_constant_feature_becomes_zero_also_for_other_values():
    layer = Standardizer(2).fit(torch.tensor([[1.0, 0.1], [3.0, 0.1]]))
    assert torch.equal(
        layer(torch.tensor([[1.0, 0.1], [3.0, 9.0]])),
        torch.tensor([[-1.0, 0.0], [1.0, 0.0]]),
    )


def test_features_get_the_deviations_asked_for():
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * 7 + 3
    layer = Standardizer(2).fit(x, spreads=torch.tensor([1.0, 0.25]))
    torch.testing.assert_close(
        layer(x).std(dim=0, correction=0), torch.tensor([1.0, 0.25])
    )


def test_unknown_model_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"\['linear', 'mlp'\].*'tree'"):
        build_model("tree", torch.zeros(2, 1))


def test_scores_of_sets_are_those_of_their_rows():
    x = torch.randn(4, 6, 3)
    model = Linear(3)
    assert torch.allclose(score_sets(model, x)[2], model(x[2]))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("shape", [(7,), (2, 7), (0, 7), (3, 2, 1)])
def test_rows_are_gathered_as_by_an_index(shape, dtype):
    x = torch.randn(50, 3)
    rows = torch.randint(50, shape, dtype=dtype)
    assert torch.equal(gather_rows(x, rows), x[rows.long()])


def test_column_of_scores_is_accepted():
    assert score_sets(nn.Linear(3, 1), torch.randn(5, 3)).shape == (5,)


def test_several_scores_a_row_are_refused():
    with pytest.raises(ValueError, match=r"\[5, 3\] -> \[5, 2\]"):
        score_sets(nn.Linear(3, 2), torch.randn(5, 3))


def test_rows_are_scored_in_evaluation_mode_and_the_mode_put_back():
    model = MLP(3).train()
    x = torch.randn(50, 3)
    assert torch.equal(score_rows(model, x), score_rows(model, x))
    assert model.training


def test_statistics_are_those_of_numpy_in_double_whatever_the_chunk(monkeypatch):
    x = 1e4 + torch.randn(1_000, 3) * torch.tensor([1.0, 0.1, 30.0])
    rows = torch.randperm(1_000)[:700]
    expected = x.double().numpy()
    for n_values in (3, 64, 10_000):
        monkeypatch.setattr(models, "_CHUNK", n_values)
        for taken in (None, rows, rows.int()):
            layer = Standardizer(3).fit(x, rows=taken)
            known = expected if taken is None else expected[rows]
            assert layer.mean.numpy() == pytest.approx(known.mean(0), rel=1e-7)
            assert layer.scale.numpy() == pytest.approx(known.std(0), rel=1e-6)


def test_numbered_rows_are_scored_in_their_order(monkeypatch):
    x, rows = torch.randn(60, 3), torch.randperm(60)[:40].int()
    model = Linear(3)
    monkeypatch.setattr(models, "_SCORED", 30)  # 10 rows at a time
    scores = score_rows(model, x, rows=rows, dtype=torch.float32)
    assert torch.allclose(scores, model(x)[rows])


def test_scores_in_double_are_those_of_the_whole_table_in_double(monkeypatch):
    x, model = torch.randn(60, 3), MLP(3).double()
    monkeypatch.setattr(models, "_SCORED_ROWS", 7)
    scores = score_rows(model, x, dtype=torch.float64)
    assert torch.allclose(scores, model.eval()(x.double()))
