import pytest
import torch

from losslearn.training.sampling import SetSampler


def rows(n_pos: int, n_neg: int) -> torch.Tensor:
    return torch.tensor([1] * n_pos + [0] * n_neg)


def shares(pos_rate: float | None) -> tuple[float, float] | None:
    return None if pos_rate is None else (1 - pos_rate, pos_rate)


@pytest.mark.parametrize("pos_rate", [None, 0.5, 0.05])
def test_every_row_of_a_set_has_the_class_that_is_claimed(pos_rate):
    y_true = rows(30, 270)[torch.randperm(300, generator=torch.Generator())]
    sampler = SetSampler(y_true, batch_size=40, strata_shares=shares(pos_rate))
    drawn = sampler.draw(25)
    assert drawn.rows.shape == (25, 40)
    n_pos = sampler._layout.sizes[1]
    expected = (torch.arange(40) < n_pos).long()
    assert torch.equal(y_true[drawn.rows], expected.expand(25, 40))


@pytest.mark.parametrize("pos_rate", [None, 0.5, 0.9])
def test_weighted_share_of_positives_is_the_prevalence(pos_rate):
    y_true = rows(7, 93)
    sampler = SetSampler(y_true, batch_size=64, strata_shares=shares(pos_rate))
    y_set = y_true[sampler.draw(1).rows[0]]
    positive = (sampler.weight * y_set).sum() / sampler.weight.sum()
    assert positive.item() == pytest.approx(0.07)
    assert sampler.weight.mean().item() == pytest.approx(1.0)


def test_without_prevalence_weights_every_row_weighs_one():
    sampler = SetSampler(
        rows(7, 93), batch_size=64, strata_shares=(0.5, 0.5), weigh_back=False
    )
    assert torch.equal(sampler.weight, torch.ones(64))


def test_rare_class_gets_the_least_number_of_rows():
    sampler = SetSampler(rows(3, 9_997), batch_size=100, min_per_stratum=8)
    assert sampler._layout.sizes == (92, 8)


def test_every_row_is_drawn_in_time():
    drawn = SetSampler(rows(20, 80), batch_size=50).draw(200).rows
    assert drawn.unique().numel() == 100


def test_same_seed_draws_the_same_sets():
    def draw() -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        return SetSampler(rows(20, 80), batch_size=50, generator=generator).draw(4).rows

    assert torch.equal(draw(), draw())


@pytest.mark.parametrize("ahead", [1, 300, 10**6])
def test_sets_drawn_ahead_are_given_once_each_and_in_any_numbers(monkeypatch, ahead):
    monkeypatch.setattr("losslearn.training.sampling._NUMBERS_AHEAD", ahead)
    n_rows, generator = 10**9, torch.Generator().manual_seed(3)
    numbers = torch.arange(100) * (n_rows // 100)
    sampler = SetSampler(
        rows(20, 80), numbers=numbers, batch_size=50, generator=generator
    )
    drawn = [sampler.draw(n).rows for n in (10, 3, 0, 1, 40, 3)]
    assert [part.shape for part in drawn] == [(n, 50) for n in (10, 3, 0, 1, 40, 3)]
    sets = torch.cat(drawn)
    assert len(sets.unique(dim=0)) == len(sets)  # chance has 1 in 100^50
    assert torch.isin(sets, numbers).all()


def test_the_generators_state_and_the_sets_ahead_settle_what_is_drawn(monkeypatch):
    monkeypatch.setattr("losslearn.training.sampling._NUMBERS_AHEAD", 300)  # 6 sets
    generator = torch.Generator().manual_seed(3)
    sampler = SetSampler(rows(20, 80), batch_size=50, generator=generator)
    sampler.draw(4)
    state, ahead = generator.get_state(), sampler.ahead
    first = [sampler.draw(2).rows for _ in range(5)]
    generator.set_state(state)
    sampler.ahead = ahead
    assert all(torch.equal(sampler.draw(2).rows, sets) for sets in first)


@pytest.mark.parametrize("y_true", [rows(0, 5), rows(5, 0)])
def test_one_class_is_refused(y_true):
    with pytest.raises(ValueError, match="Each of 2 strata"):
        SetSampler(y_true, batch_size=4, strata_shares=(0.5, 0.5))


def test_set_of_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        SetSampler(rows(5, 5), batch_size=1)


def test_rows_have_the_numbers_that_are_given():
    def draw(numbers: torch.Tensor | None) -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        y_true = rows(20, 80)[torch.randperm(100, generator=generator)]
        return (
            SetSampler(y_true, numbers=numbers, batch_size=50, generator=generator)
            .draw(4)
            .rows
        )

    numbers = (7 * torch.arange(100) + 1_000).int()
    assert torch.equal(draw(numbers), numbers[draw(None)].long())


def test_three_strata_are_drawn_and_weighed_back():
    strata = torch.tensor([0] * 70 + [1] * 20 + [2] * 10)
    wanted = (0.2, 0.3, 0.5)
    sampler = SetSampler(strata, batch_size=30, strata_shares=wanted)
    drawn = sampler.draw(50).rows
    counts = torch.stack([(strata[drawn] == code).sum(-1) for code in range(3)])
    assert (counts == torch.tensor([6, 9, 15])[:, None]).all()
    weights = [sampler.weight[strata[drawn[0]] == code].sum() for code in range(3)]
    assert torch.stack(weights).tolist() == pytest.approx([21.0, 6.0, 3.0])
