import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from losslearn_bench.figures.single_parameter import (
    SETTINGS,
    Moment,
    OneFeature,
    SingleParameterRun,
    animate_single_parameter,
    default_moments,
    draw_single_parameter,
    make_data,
    train_single_parameter,
)

QUICK = replace(SETTINGS, max_iter=100)


@pytest.fixture(scope="module")
def data() -> OneFeature:
    return make_data(generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def run(data) -> SingleParameterRun:
    return train_single_parameter(data, seed=0, config=QUICK, moments=range(0, 101, 10))


def error_rate(data: OneFeature, alpha: float) -> float:
    rows = zip(data.x[:, 0].tolist(), data.y_true.tolist(), strict=True)
    wrong = [int(alpha * x - 1 >= 0) != y for x, y in rows]
    return sum(wrong) / len(wrong)


def test_the_true_loss_is_the_error_rate_at_each_alpha(data, run):
    for place in range(0, len(run.alphas), 40):
        expected = error_rate(data, float(run.alphas[place]))
        assert float(run.true_loss[place]) == pytest.approx(expected, abs=1e-6)


def test_alpha_moves_to_the_minimum_of_the_true_loss(data, run):
    assert run.moments[0].alpha == pytest.approx(0.3)
    losses = {alpha: error_rate(data, alpha) for alpha in np.linspace(0, 2, 401)}
    final = run.moments[-1].alpha
    # the loss is noisy and nearly flat around its minimum
    assert abs(final - min(losses, key=losses.__getitem__)) < 0.15
    assert error_rate(data, final) < min(losses.values()) + 0.02
    assert error_rate(data, 0.3) > 0.4


def test_the_surrogate_is_right_around_the_present_alpha(run):
    for moment in run.moments[5:]:
        gap = (moment.surrogate_loss - run.true_loss).abs()
        near = (run.alphas - moment.alpha).abs() < 0.1
        assert gap[near].mean() < 0.04
        assert gap[near].mean() < 0.5 * gap[~near].mean()


def test_the_same_seed_gives_the_same_run(data):
    def final(seed: int) -> float:
        config = replace(QUICK, max_iter=3)
        run = train_single_parameter(data, seed=seed, config=config, moments=[3])
        return run.moments[0].alpha

    state = torch.get_rng_state()
    assert final(0) == final(0)
    assert final(0) != final(1)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_moments_reach_from_the_first_to_the_last_iteration():
    moments = default_moments(SETTINGS)
    assert (moments[0], moments[-1]) == (0, SETTINGS.max_iter)
    assert len(moments) <= 40
    assert moments == sorted(set(moments))


def make_run() -> SingleParameterRun:
    x, y_true = torch.tensor([[0.5], [1], [2], [4]]), torch.tensor([0, 0, 1, 1])
    alphas = torch.linspace(0, 2, 5)
    return SingleParameterRun(
        data=OneFeature(x, y_true),
        alphas=alphas,
        true_loss=(alphas - 1).abs(),
        moments=[
            Moment(iteration=0, alpha=0.5, surrogate_loss=alphas),
            Moment(iteration=7, alpha=1.0, surrogate_loss=-alphas),
        ],
    )


def test_each_moment_shows_both_losses_and_alpha():
    run = make_run()
    figure = draw_single_parameter(run, run.moments)
    shown, first, last = figure.axes
    cuts = [line.get_xdata()[0] for line in shown.lines]
    assert cuts == [1 / 0.5, 1 / 1.0]
    for ax, moment in zip((first, last), run.moments, strict=True):
        true, learned, at, point = ax.lines
        np.testing.assert_array_equal(true.get_ydata(), run.true_loss)
        np.testing.assert_array_equal(learned.get_ydata(), moment.surrogate_loss)
        assert set(at.get_xdata()) == {moment.alpha}
        assert point.get_xydata().tolist() == [[moment.alpha, abs(moment.alpha - 1)]]
        assert f"{moment.iteration} iterations" in ax.get_title()
    assert first.get_ylim() == last.get_ylim()


def test_the_animation_is_a_gif_that_rests_on_the_last_moment():
    gif = animate_single_parameter(make_run(), fps=5)
    with Image.open(io.BytesIO(gif)) as image:
        assert image.format == "GIF"
        shown = 0
        for frame in range(image.n_frames):
            image.seek(frame)
            shown += image.info["duration"]
    assert shown == (2 + 10) * 200  # equal frames may be joined into one
