import pytest
import torch

from losslearn.training.sampling import SetSampler


def rows(n_pos: int, n_neg: int) -> torch.Tensor:
    return torch.tensor([1] * n_pos + [0] * n_neg)


@pytest.mark.parametrize("pos_rate", [None, 0.5, 0.05])
def test_every_row_of_a_set_has_the_class_that_is_claimed(pos_rate):
    y_true = rows(30, 270)[torch.randperm(300, generator=torch.Generator())]
    sampler = SetSampler(y_true, batch_size=40, pos_rate=pos_rate)
    drawn = sampler.draw(25)
    assert drawn.shape == (25, 40)
    assert torch.equal(y_true[drawn], sampler.y_set.expand(25, 40))


@pytest.mark.parametrize("pos_rate", [None, 0.5, 0.9])
def test_weighted_share_of_positives_is_the_prevalence(pos_rate):
    sampler = SetSampler(rows(7, 93), batch_size=64, pos_rate=pos_rate)
    positive = (sampler.weight * sampler.y_set).sum() / sampler.weight.sum()
    assert positive.item() == pytest.approx(0.07)
    assert sampler.weight.mean().item() == pytest.approx(1.0)


def test_without_prevalence_weights_every_row_weighs_one():
    sampler = SetSampler(
        rows(7, 93), batch_size=64, pos_rate=0.5, prevalence_weights=False
    )
    assert torch.equal(sampler.weight, torch.ones(64))


def test_rare_class_gets_the_least_number_of_rows():
    sampler = SetSampler(rows(3, 9_997), batch_size=100, min_per_class=8)
    assert sampler.y_set.sum() == 8


def test_every_row_is_drawn_in_time():
    drawn = SetSampler(rows(20, 80), batch_size=50).draw(200)
    assert drawn.unique().numel() == 100


def test_same_seed_draws_the_same_sets():
    def draw() -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        return SetSampler(rows(20, 80), batch_size=50, generator=generator).draw(4)

    assert torch.equal(draw(), draw())


@pytest.mark.parametrize("ahead", [1, 300, 10**6])
def test_sets_drawn_ahead_are_given_once_each_and_in_any_numbers(monkeypatch, ahead):
    monkeypatch.setattr("losslearn.training.sampling._NUMBERS_AHEAD", ahead)
    n_rows, generator = 10**9, torch.Generator().manual_seed(3)
    numbers = torch.arange(100) * (n_rows // 100)
    sampler = SetSampler(rows(20, 80), rows=numbers, batch_size=50, generator=generator)
    drawn = [sampler.draw(n) for n in (10, 3, 0, 1, 40, 3)]
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
    first = [sampler.draw(2) for _ in range(5)]
    generator.set_state(state)
    sampler.ahead = ahead
    assert all(torch.equal(sampler.draw(2), sets) for sets in first)


@pytest.mark.parametrize("y_true", [rows(0, 5), rows(5, 0)])
def test_one_class_is_refused(y_true):
    with pytest.raises(ValueError, match="must hold both classes"):
        SetSampler(y_true, batch_size=4)


def test_set_of_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        SetSampler(rows(5, 5), batch_size=1)


def test_rows_have_the_numbers_that_are_given():
    def draw(numbers: torch.Tensor | None) -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        y_true = rows(20, 80)[torch.randperm(100, generator=generator)]
        return SetSampler(
            y_true, rows=numbers, batch_size=50, generator=generator
        ).draw(4)

    numbers = (7 * torch.arange(100) + 1_000).int()
    assert torch.equal(draw(numbers), numbers[draw(None)].long())
