"""The scores of an ensemble's members as sets: what each is trained by."""

from losslearn.metrics import Sets
from losslearn.models.networks import gather_rows
from losslearn.models.rows import Drawn, Rows
from losslearn.models.strong.tabm import TabMNetwork


def member_sets(model: TabMNetwork, rows: Rows, drawn: Drawn) -> Sets:
    """Return rows of one axis as k sets, each with the scores of one member.

    They have a gradient, and come from the training mode.
    """
    if not model.training:
        model.train()
    score = model(gather_rows(rows.x, drawn.rows)).T.contiguous()  # (k, n)
    every = drawn.rows.expand(len(score), -1)
    return rows.sets(Drawn(every, drawn.weight), score)
