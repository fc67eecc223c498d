"""A state that is damaged is refused in one line, and changes nothing."""

import copy
import random

import pytest
import torch
from criterion_cases import batch, fed, same

from losslearn import SurrogateLoss

ODD = (None, "x", -1, 10**30, float("nan"), [], {}, torch.ones(3), object)


def places(state: object, place: tuple = ()) -> list[tuple]:
    """Return where the parts of a state are."""
    found = [place] if place else []
    if isinstance(state, dict | list | tuple):
        pairs = state.items() if isinstance(state, dict) else enumerate(state)
        found += [at for key, part in pairs for at in places(part, (*place, key))]
    return found


def damaged(state: dict, place: tuple, rng: random.Random) -> dict:
    """Return a copy with a part exchanged, taken out or spoilt."""
    *above, last = place
    home = changed = copy.deepcopy(state)
    for key in above:
        home = home[key]
    part, how = home[last], rng.randrange(3)
    if how == 0 and isinstance(home, dict):
        del home[last]
    elif how == 1 and isinstance(part, torch.Tensor) and part.is_floating_point():
        home[last] = part[:0] if part.ndim else part * float("nan")
    else:
        home[last] = rng.choice(ODD)
    return changed


def refusal_of(criterion: SurrogateLoss, state: dict) -> str:
    """Return why a state is refused; nothing where it is not."""
    try:
        criterion.set_extra_state(state)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("calls", [0, 3])
def test_a_damaged_state_is_refused_and_changes_nothing(calls):
    source, criterion = fed("f1", calls=5), fed("f1", calls=calls)
    state, before = source.get_extra_state(), criterion.state_dict()
    rng, n_refused = random.Random(0), 0
    everywhere = [at for at in places(state) if not isinstance(at[-1], int)]
    for place in 4 * everywhere:
        said = refusal_of(criterion, damaged(state, place, rng))
        assert "\n" not in said
        if said:
            n_refused += 1
            assert same(criterion.state_dict(), before)
        else:  # then it can go on
            criterion(*batch(1))
            criterion.set_extra_state(before["_extra_state"])
    assert n_refused > len(everywhere)
    left_alone = fed("f1", calls=calls)
    losses = [one(*batch(7)).item() for one in (criterion, left_alone)]
    assert losses[0] == losses[1]


def test_a_state_of_another_loss_changes_nothing():
    criterion = fed("f1")
    before = criterion.state_dict()
    with pytest.raises(ValueError, match="this one is for"):
        criterion.load_state_dict(fed("auc").state_dict())
    assert same(criterion.state_dict(), before)
