"""A metric's value as its user writes it, from the loss that is made of it."""

from dataclasses import dataclass

from losslearn.metrics.other_names import FROM_MINUS_ONE, SCORERS, is_a_loss, spelled
from losslearn.metrics.sets import Sets
from losslearn.metrics.true_loss import Aim, TrueLoss

_SIGNS = {"": (0.0, 1.0), "-": (0.0, -1.0), "1 - ": (1.0, -1.0)}


@dataclass(frozen=True)
class AsWritten:
    """How the value of a metric follows from its loss.

    Example:
        >>> from losslearn.metrics import as_true_loss
        >>> f1 = as_written(as_true_loss("f1"))
        >>> f1.name, f1.value(0.25), f1.greater_is_better
        ('f1', 0.75, True)
    """

    name: str
    """As the user wrote it; of a function, its name; with constraints, the aim's."""
    shift: float = 0.0
    """The value where the loss is 0."""
    factor: float = 1.0
    """What a loss of 1 adds to it."""
    aim: Aim | None = None
    """With constraints, whose penalties the loss holds, what gives the value."""

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater value is better."""
        return self.factor < 0 if self.aim is None else self.aim.greater_is_better

    @property
    def judged(self) -> "AsWritten":
        """What a loss alone gives: with constraints it, penalties and all."""
        if self.aim is None:
            return self
        return AsWritten("loss with penalties")

    @property
    def better(self) -> str:
        """In words, which values are better."""
        return "higher is better" if self.greater_is_better else "lower is better"

    def value(self, loss: float) -> float:
        """Return the value of a loss without constraints; NaN of NaN."""
        return self.shift + self.factor * loss

    def of_rows(self, loss: float, decided: Sets) -> float:
        """Return the value on rows of a loss, the rows' scores being decisions."""
        return self.value(loss) if self.aim is None else float(self.aim.value(decided))

    def ends(self, interval: tuple[float, float]) -> tuple[float, float]:
        """Return the interval of the value, of the loss's without constraints."""
        low, high = (self.value(end) for end in interval)
        return (high, low) if self.factor < 0 else (low, high)


def as_written(true_loss: TrueLoss, called: str = "") -> AsWritten:
    """Return how a user's metric follows from its loss.

    Args:
        true_loss: The loss.
        called: What the user called it, if it does not know that itself.
    """
    if true_loss.aim is not None:
        return AsWritten(true_loss.aim.name, aim=true_loss.aim)
    called = called or true_loss.called
    key = spelled(called.partition("@")[0])
    if true_loss.own is not None:
        is_file = ".py" in called
        name = true_loss.name if is_file or not called else called
        # a scorer is the negative of a loss that has the plain name
        sign = "" if key in SCORERS else true_loss.own.sign
        return AsWritten(name, *_SIGNS[sign])
    if not true_loss.is_builtin:
        return AsWritten(true_loss.name)
    name = called or true_loss.name
    key = key or spelled(name.partition("@")[0])
    if key in FROM_MINUS_ONE:
        return AsWritten(name, 1.0, -2.0)
    return AsWritten(name) if is_a_loss(key) else AsWritten(name, 1.0, -1.0)
