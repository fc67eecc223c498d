import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losslearn.metrics import Sets
from losslearn.surrogate.network import SetSurrogate
from losslearn.tasks.tokens import ScoreTokens, standardize_scores


def draw(n_sets: int = 3, n: int = 20, seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    y_true = torch.randint(0, 2, (n_sets, n), generator=generator)
    y_score = torch.randn(n_sets, n, generator=generator)
    weight = torch.rand(n_sets, n, generator=generator) + 0.1
    return y_true, y_score.double(), weight.double()


@pytest.fixture(params=[True, False])
def surrogate(request) -> SetSurrogate:
    torch.manual_seed(0)
    return SetSurrogate(ScoreTokens(standardize=request.param)).double()


def test_sizes_are_those_of_the_paper():
    shapes = [
        tuple(p.shape) for p in SetSurrogate(ScoreTokens()).parameters() if p.ndim == 2
    ]
    assert shapes == [(30, 2), (30, 30), (10, 30), (10, 10), (1, 10)]


@given(seed=st.integers(0, 1_000))
def test_order_of_rows_does_not_matter(seed):
    y_true, y_score, weight = draw(seed=seed)
    torch.manual_seed(seed)
    surrogate = SetSurrogate(ScoreTokens()).double()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    was = surrogate(Sets(y_true, y_score, weight))
    now = surrogate(Sets(y_true[:, order], y_score[:, order], weight[:, order]))
    assert torch.allclose(was, now, rtol=1e-12)


def test_value_is_that_of_equation_2_written_out(surrogate):
    y_true, y_score, weight = draw(n_sets=1)
    scores = y_score[0]
    w = weight[0] / weight[0].sum()
    if surrogate.view.standardize:
        mean = sum(w[i] * scores[i] for i in range(20))
        variance = sum(w[i] * (scores[i] - mean) ** 2 for i in range(20))
        scores = (scores - mean) / variance**0.5
    pairs = torch.stack([y_true[0].double(), scores], dim=1)
    code = sum(w[i] * surrogate.encoder(pairs[i]) for i in range(20))
    expected = surrogate.decoder(code)
    got = surrogate(Sets(y_true, y_score, weight))
    assert torch.allclose(got, expected)


def test_sets_do_not_see_each_other(surrogate):
    y_true, y_score, weight = draw(n_sets=4)
    together = surrogate(Sets(y_true, y_score, weight))
    alone = [surrogate(Sets(y_true[i], y_score[i], weight[i])) for i in range(4)]
    assert torch.allclose(together, torch.stack(alone))


def test_weight_two_is_the_row_twice(surrogate):
    y_true, y_score, _ = draw(n_sets=1, n=5)
    weight = torch.tensor([[2.0, 1, 1, 1, 1]]).double()
    twice = [0, 0, 1, 2, 3, 4]
    assert torch.allclose(
        surrogate(Sets(y_true, y_score, weight)),
        surrogate(Sets(y_true[:, twice], y_score[:, twice])),
    )


def test_standardised_form_ignores_shift_and_scale_and_the_raw_form_does_not(surrogate):
    y_true, y_score, _ = draw()
    same = torch.allclose(
        surrogate(Sets(y_true, y_score)),
        surrogate(Sets(y_true, 3 * y_score + 100)),
    )
    assert same == surrogate.view.standardize


def test_gradient_with_respect_to_scores_is_right(surrogate):
    y_true, y_score, weight = draw(n_sets=2, n=6)
    assert torch.autograd.gradcheck(
        lambda score: surrogate(Sets(y_true, score, weight)),
        y_score.requires_grad_(),
    )


def test_loss_scale_sets_the_unit():
    y_true, y_score, _ = draw()
    torch.manual_seed(0)
    plain = SetSurrogate(ScoreTokens()).double()
    torch.manual_seed(0)
    money = SetSurrogate(ScoreTokens(), loss_shift=-100.0, loss_scale=50.0).double()
    sets = Sets(y_true, y_score)
    assert torch.allclose(money(sets), -100 + 50 * plain(sets))


def test_equal_scores_become_zeros_with_a_finite_gradient():
    y_score = torch.full((2, 5), 3.0, requires_grad=True)
    standardize_scores(y_score).square().sum().backward()
    assert torch.isfinite(y_score.grad).all()


def test_standardised_scores_have_weighted_mean_0_and_deviation_1():
    _, y_score, weight = draw()
    z = standardize_scores(y_score, sample_weight=weight)
    w = weight / weight.sum(-1, keepdim=True)
    assert torch.allclose((w * z).sum(-1), torch.zeros(3).double(), atol=1e-12)
    assert torch.allclose((w * z**2).sum(-1), torch.ones(3).double())
