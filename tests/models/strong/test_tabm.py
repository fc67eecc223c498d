"""TabM as a module: its scores, its members, its sizes, and its package."""

import sys

import pytest
import torch

from losslearn.models.kinds import kind_of
from losslearn.models.strong.tabm import TabM, TabMNetwork, log_odds_of_mean

tabm = pytest.importorskip("tabm", reason="TabM needs the extra `strong`")

X = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
SIZES = {"k": 5, "n_blocks": 2, "d_block": 8, "dropout": 0.0}


def network() -> TabMNetwork:
    torch.manual_seed(0)
    found = TabMNetwork(4, **SIZES)
    found.quantiles.fit(torch.randn(300, 4))
    for part in found.parameters():  # many are 1 or alike at the start
        torch.nn.init.normal_(part)
    return found


def test_a_row_scores_the_log_odds_of_the_mean_probability():
    model = network()
    members = model.train()(X)
    assert members.shape == (9, 5)
    p = members.double().sigmoid().mean(-1)
    found = model.eval()(X).double()
    torch.testing.assert_close(found, p.log() - (1 - p).log(), atol=1e-5, rtol=1e-5)


def test_far_scores_stay_finite():
    score = torch.tensor([[300.0, 400.0], [-300.0, -400.0]], requires_grad=True)
    found = log_odds_of_mean(score)
    # log(2) from the mean of two probabilities of which one is as good as 0
    expected = (
        torch.tensor([300.0, -300.0]) + torch.tensor([1, -1]) * torch.tensor(2.0).log()
    )
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert score.grad.isfinite().all()


def test_members_are_those_of_the_authors_package():
    model = network()
    theirs = model.layers(model.quantiles(X)).squeeze(-1)
    which = torch.tensor([3, 0, 3])
    ours = model.of_members(X.expand(3, -1, -1), which)
    torch.testing.assert_close(ours, theirs.T[which])


def test_the_defaults_are_the_authors():
    model = TabM().build(4)
    theirs = tabm.TabM.make(n_num_features=4, d_out=1)
    ours = {name: part.shape for name, part in model.layers.state_dict().items()}
    assert ours == {name: part.shape for name, part in theirs.state_dict().items()}
    (dropout,) = {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    assert dropout == 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "`k` must be at least 1, got 0"),
        ({"dropout": 1.0}, "`dropout` must be in"),
        ({"lr": 0.0}, "`lr` must be above 0"),
    ],
)
def test_what_cannot_be_built_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TabM(**settings)


def test_one_score_a_row_is_all_it_gives():
    with pytest.raises(ValueError, match=r"one score, not \[3\]"):
        TabM().build(4, score_shape=(3,))


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tabm", None)
    with pytest.raises(
        ImportError, match=r"^[^\n]*pip install 'losslearn\[strong\]'.$"
    ):
        TabM().build(4)


def test_a_name_or_settings_stand_for_it():
    assert type(kind_of("tabm")) is type(kind_of(TabM(k=2)))
    with pytest.raises(ValueError, match="pytabkit, needs PyTorch Lightning"):
        kind_of("realmlp")
