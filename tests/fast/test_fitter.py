"""The compiled fitter against the reference, by PyTorch."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losslearn._fast import as_written, fastest
from losslearn._fast.fitter import CompiledFitter
from losslearn.metrics import Sets
from losslearn.surrogate.fitter import SurrogateFitter, Weights
from losslearn.surrogate.network import SetSurrogate
from losslearn.surrogate.objective import LearnedObjective
from losslearn.tasks.cross_entropy import CrossEntropy
from losslearn.tasks.task import Frame
from losslearn.tasks.tokens import ScoreTokens

shapes = st.tuples(st.integers(1, 5), st.integers(2, 40))
seeds = st.integers(0, 2**20)
networks = st.fixed_dictionaries(
    {
        "hidden": st.integers(1, 33),
        "embed_dim": st.integers(1, 17),
        "decoder": st.lists(st.integers(1, 9), max_size=3),
        "standardize": st.booleans(),
    }
)


def draw_sets(shape: tuple[int, ...], seed: int) -> Sets:
    """Targets, scores with ties, and weights."""
    generator = torch.Generator().manual_seed(seed)
    y_true = (torch.rand(shape, generator=generator) < 0.3).long()
    y_score = 3 * torch.randn(shape, generator=generator) + 1
    if shape[-1] > 2:  # two tied scores alone, standardised, are rounding only
        y_score[..., 1] = y_score[..., 0]
    return Sets(y_true, y_score, 0.1 + torch.rand(shape, generator=generator))


def make_surrogate(
    seed: int = 0, *, standardize: bool = True, **network
) -> SetSurrogate:
    torch.manual_seed(seed)
    view = ScoreTokens(standardize=standardize)
    return SetSurrogate(view, loss_shift=0.3, loss_scale=0.2, **network)


def make_fitter(
    surrogate: SetSurrogate, lr: float = 1e-3
) -> SurrogateFitter | CompiledFitter:
    return fastest(SurrogateFitter(surrogate, CrossEntropy(), lr=lr, max_grad_norm=1.0))


def make_reference(surrogate: SetSurrogate, lr: float = 1e-3) -> SurrogateFitter:
    """The same as it is written, of a copy."""
    with as_written():
        reference = make_fitter(copy.deepcopy(surrogate), lr)
    assert type(reference) is SurrogateFitter
    return reference


@given(
    shape=shapes,
    seed=seeds,
    network=networks,
    weighs=st.booleans(),
    learned_weight=st.sampled_from([1.0, 0.3, 0.0]),
    frame=st.sampled_from([Frame(), Frame(1.5, 2.0)]),
)
def test_value_and_gradient_are_pytorchs(
    shape, seed, network, weighs, learned_weight, frame
):
    sets = draw_sets(shape, seed)
    if not weighs:
        sets = sets._replace(weight=None)
    surrogate = make_surrogate(seed, **network)
    exact = make_reference(copy.deepcopy(surrogate).double())
    fitter = make_fitter(surrogate)
    assert isinstance(fitter, CompiledFitter)
    slopes, values = [], []
    for one, dtype in ((fitter, torch.float32), (exact, torch.float64)):
        one.set_frame(frame)
        objective = LearnedObjective(one)
        objective.weights = Weights(learned_weight, 0.7)
        weight = None if sets.weight is None else sets.weight.to(dtype)
        same = Sets(sets.target, sets.score.to(dtype), weight)
        value, slope = objective.value_and_slope(same)
        values.append(value)
        slopes.append(slope)
    torch.testing.assert_close(values[0].double(), values[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slopes[0].double(), slopes[1], rtol=1e-3, atol=1e-5)


def test_a_frame_is_for_what_the_model_minimises_and_the_usual_loss_knows_none():
    sets, frame = draw_sets((3, 40), 0), Frame(1.5, 2.0)
    framed = sets._replace(score=(sets.score - 1.5) / 2)
    surrogate = make_surrogate(standardize=False)
    with torch.no_grad():
        learned = surrogate(framed)
    for fitter in (make_fitter(surrogate), make_reference(surrogate)):
        fitter.set_frame(frame)
        objective = LearnedObjective(fitter)
        value, slope = objective.value_and_slope(sets)
        torch.testing.assert_close(value, learned / 0.2)
        # those to fit and to value are in the frame already
        torch.testing.assert_close(fitter.values(framed), learned)
        objective.weights = Weights(1.0, 0.7)
        both, slope_of_both = objective.value_and_slope(sets)
        score = sets.score.clone().requires_grad_()
        usual = 0.7 * CrossEntropy()(sets._replace(score=score))
        (expected,) = torch.autograd.grad(usual.sum(), score)
        torch.testing.assert_close(both - value, usual.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(slope_of_both - slope, expected, atol=1e-5, rtol=0)


def test_a_frame_is_kept_with_the_state():
    fitter, other = make_fitter(make_surrogate()), make_fitter(make_surrogate(1))
    fitter.set_frame(Frame(1.5, 2.0))
    state = copy.deepcopy(fitter.state_dict())
    other.load_state_dict(state)
    assert other.frame == Frame(1.5, 2.0)
    del state["frame"]  # as of an earlier version
    other.load_state_dict(state)
    assert other.frame == Frame()


@given(shape=shapes, seed=seeds, network=networks, n_steps=st.integers(1, 6))
def test_fit_is_one_surrogate_step_after_the_other(shape, seed, network, n_steps):
    sets = draw_sets((n_steps, *shape), seed)
    loss = torch.rand(n_steps, shape[0], generator=torch.Generator().manual_seed(seed))
    loss[0, 0] = torch.nan
    ours = make_surrogate(seed, **network)
    theirs = make_reference(ours)
    fitter = make_fitter(ours)
    assert isinstance(fitter, CompiledFitter)
    errors = fitter.fit(sets, loss)
    expected = [theirs.step(sets.picked(i), loss[i]) for i in range(n_steps)]
    torch.testing.assert_close(errors, torch.stack(expected), rtol=1e-3, atol=1e-5)


def test_hundred_steps_end_at_the_same_weights():
    sets = draw_sets((100, 4, 50), 3)
    # targets and weights that all sets share
    sets = sets._replace(target=sets.target[0, 0], weight=sets.weight[0, 0])
    sets = sets._replace(target=sets.target.expand(100, 4, 50))
    loss = torch.rand(100, 4, generator=torch.Generator().manual_seed(3))
    ours = make_surrogate()
    theirs = make_reference(ours)
    fitter = make_fitter(ours)
    assert isinstance(fitter, CompiledFitter)
    errors = [one.fit(sets, loss) for one in (fitter, theirs)]
    torch.testing.assert_close(errors[0], errors[1], rtol=1e-4, atol=1e-6)
    for mine, other in zip(
        ours.parameters(), theirs.surrogate.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_score_that_is_not_a_number_is_seen():
    sets = draw_sets((2, 10), 0)
    sets.score[0, 3] = torch.nan
    value, _ = LearnedObjective(make_fitter(make_surrogate())).value_and_slope(sets)
    assert value.isnan().tolist() == [True, False]


def test_changed_targets_in_the_same_tensor_are_noticed():
    sets = draw_sets((1, 10), 0)._replace(weight=None)
    fitter = make_fitter(make_surrogate())
    objective = LearnedObjective(fitter)
    before, _ = objective.value_and_slope(sets)
    sets.target.copy_(1 - sets.target)
    after, _ = objective.value_and_slope(sets)
    expected = fitter.surrogate(sets) / fitter.surrogate.loss_scale
    assert not torch.allclose(before, after)
    assert torch.allclose(after, expected)


def test_surrogate_that_was_moved_takes_the_general_path():
    sets = draw_sets((1, 10), 0)._replace(weight=None)
    fitter = make_fitter(make_surrogate())
    assert isinstance(fitter, CompiledFitter)
    fitter.surrogate.double()
    assert not fitter.is_current()
    moved = sets._replace(score=sets.score.double())
    value, slope = LearnedObjective(fitter).value_and_slope(moved)
    assert value.dtype == slope.dtype == fitter.values(moved).dtype == torch.float64


def test_other_kinds_have_no_fast_form():
    class Own(SetSurrogate):
        """Might do anything."""

    exchanged, hooked = make_surrogate(), make_surrogate()
    exchanged.encoder[1] = torch.nn.ReLU()
    hooked.decoder.register_forward_hook(lambda *_: None)
    for other in (exchanged, hooked, Own(ScoreTokens()), make_surrogate().double()):
        assert type(make_fitter(other)) is SurrogateFitter
    assert type(make_fitter(make_surrogate())) is CompiledFitter


@pytest.mark.parametrize("missing", [True, False])
def test_without_numba_everything_is_general(missing, monkeypatch):
    monkeypatch.setattr("losslearn._fast.kernels.is_available", lambda: not missing)
    fitter = make_fitter(make_surrogate())
    assert (type(fitter) is SurrogateFitter) == missing
