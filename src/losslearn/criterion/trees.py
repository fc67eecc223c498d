"""The learned loss as an objective for anybody's own loop of boosted trees."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from losslearn.criterion.fit_bar import fit_bar
from losslearn.metrics import ResponseMethod, Sets
from losslearn.metrics.columns import as_columns
from losslearn.metrics.other_names import refuse_no_aim
from losslearn.metrics.own.as_true_loss import untried
from losslearn.metrics.own.trying import tried_on
from losslearn.metrics.sets import TargetRows
from losslearn.models.boosted.slope import newton, slope_of_all
from losslearn.models.global_draws import own_draws
from losslearn.models.rows import Rows
from losslearn.surrogate.objective import LearnedObjective
from losslearn.surrogate.universal import initial_surrogate
from losslearn.tasks.registry import get_task
from losslearn.training.frames import as_trained, find_frame
from losslearn.training.loop import make_sampler
from losslearn.training.lower import make_learner
from losslearn.training.recipe import Recipe

_FRAME_EVERY = 4
"""Trees after which it is found anew where decisions turn."""

Floats = NDArray[np.float64]


class LearnedTreeObjective:
    r"""What `lightgbm.train` and `xgboost.train` call for gradients of a metric.

    It corrects a booster that was grown by log-loss and that training goes on from
    (`init_model=`, `xgb_model=`). Rows that a booster was grown on are scored by heart,
    which would teach it nothing; so the metric is followed at

    .. math::
        s = s_{oof} + (f_t - f_0)

    with scores that each row gets by boosters grown without it, and what the trees
    added here, f, say since the first call. In each call a surrogate of its own, from
    the metric's universal start on, is fitted to true losses of sets of these rows, and
    the slope returned is that of the surrogate, as steep as log-loss's, plus a share of
    log-loss's own (see `losslearn.models.boosted.slope.newton`). Some 32 trees of 15
    leaves with 50 rows at least, at a rate of .3, are a good length; let rows that were
    held out tell whether, and where to stop.

    It is for one training, and the rows of the data set are those it was given.

    Attributes:
        true_loss: The metric as a loss.

    Example:
        >>> import lightgbm
        >>> import numpy as np
        >>> from losslearn import LearnedTreeObjective
        >>> draws = np.random.default_rng(0)
        >>> x = draws.normal(size=(600, 3))
        >>> y = (x[:, 0] + draws.normal(size=600) > 1).astype(int)
        >>> from sklearn.model_selection import cross_val_predict
        >>> base = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbosity=-1)
        >>> p = cross_val_predict(base, x, y, method="predict_proba")[:, 1]
        >>> objective = LearnedTreeObjective("f1", y, np.log(p / (1 - p)))
        >>> corrected = lightgbm.train(
        ...     {"objective": objective, "num_leaves": 15, "verbosity": -1},
        ...     lightgbm.Dataset(x, y),
        ...     4,
        ...     init_model=base.fit(x, y).booster_,
        ... )
        >>> corrected.num_trees()
        24
    """

    def __init__(
        self,
        metric: object,
        y: ArrayLike,
        oof: ArrayLike,
        columns: object = None,
        *,
        sample_weight: ArrayLike | None = None,
        greater_is_better: bool | None = None,
        response_method: ResponseMethod | None = None,
        squashed: bool | None = None,
        usual_share: float = 0.2,
        catch_up: int = 200,
        updates: int = 4,
        random_state: int = 0,
    ) -> None:
        """Start from the metric's universal surrogate, which may have to be fitted.

        Args:
            metric: The metric's name, or anything that `as_true_loss` takes.
            y: Targets of the rows, as the metric's task has them.
            oof: Their scores in log-odds, by boosters that were grown without them.
            columns: What the metric needs of each row besides, by name.
            sample_weight: What each row counts for, in metric and log-loss alike.
            greater_is_better: Direction of a callable that does not declare its own.
            response_method: What a callable takes second, where its name does not tell.
            squashed: Whether scores far from where decisions turn are drawn together;
                None for a metric of decisions.
            usual_share: Log-loss's part beside the learned loss.
            catch_up: Updates of the surrogate at the first call.
            updates: And at each further one.
            random_state: Seed.

        Raises:
            ValueError: If the metric cannot be used, or lengths differ.
        """
        refuse_no_aim(metric)
        true_loss = untried(
            metric, greater_is_better=greater_is_better, response_method=response_method
        )
        self._task = task = get_task(true_loss.task)
        given = np.asarray(y)
        target = torch.from_numpy(task.labels(given, {}).encode(given)).long()
        n = len(target)
        self._oof = _numbers("oof", oof, n)
        self._weight = None
        if sample_weight is not None:
            true_loss.check_takes_weight()
            self._weight = _numbers("sample_weight", sample_weight, n)
        found = as_columns(
            columns,
            true_loss.all_columns,
            n_rows=n,
            metric=true_loss.name,
            argument="columns",
            text=true_loss.text,
        )
        own = TargetRows(target, {name: found[name] for name in true_loss.columns})
        self.true_loss = tried_on(true_loss, own, own)
        recipe = Recipe(surrogate_steps=max(updates, 1))
        recipe = recipe.adapted(task.settings(self.true_loss))
        judged = as_trained(self.true_loss, recipe)
        with own_draws(), fit_bar(self.true_loss.name) as show:
            surrogate = initial_surrogate(
                judged,
                task,
                mode="refined",
                seed=random_state,
                rows=own,
                progress=show,
            )
        draws = torch.Generator().manual_seed(random_state)
        self._rows = Rows(torch.empty(n, 0), target, columns=found)
        if self._weight is not None:
            self._rows = self._rows._replace(weight=self._weight.float())
        self._generator, self._recipe = draws, recipe
        self._sampler = make_sampler(
            self._rows, self.true_loss, task, recipe, generator=draws
        )
        self._learner = make_learner(surrogate, judged, task, recipe, generator=draws)
        self._objective = LearnedObjective(self._learner.fitter)
        needs_rule = self.true_loss.needs_rule
        self._squashed = needs_rule if squashed is None else squashed
        self._has_frame = judged.framed or self._squashed
        self._usual_share, self._catch_up = usual_share, catch_up
        self._updates, self._n_calls = updates, 0
        self._start: Tensor | None = None
        self._score = self._oof

    def __call__(self, preds: NDArray[Any], dataset: object) -> tuple[Floats, Floats]:
        """Return gradient and curvature of each row.

        Args:
            preds: Raw scores of the rows by the booster as it is.
            dataset: A `lightgbm.Dataset` or an `xgboost.DMatrix`, not looked at.

        Raises:
            ValueError: If there are other rows than it was given.
        """
        del dataset
        now = _numbers("preds", preds, len(self._oof))
        if self._start is None:
            self._start = now
        self._score = self._oof + (now - self._start)
        self._learn()
        slope = slope_of_all(
            self._objective, self._rows, self._score, generator=self._generator
        )
        found = newton(
            slope,
            self._score,
            self._rows.target,
            self._weight,
            usual_share=self._usual_share,
        )
        self._n_calls += 1
        if found is None:  # nowhere to go: a tree without a split
            return np.zeros(len(now)), np.ones(len(now))
        return found.slope, found.curvature

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: LightGBM copies its parameters, and this one goes on."""
        memo[id(self)] = self
        return self

    def _learn(self) -> None:
        """Fit the surrogate to the scores as they are."""
        is_first = self._n_calls == 0
        if self._has_frame and self._n_calls % _FRAME_EVERY == 0:
            find_frame(
                self._draw,
                self.true_loss,
                self._task,
                self._learner.fitter,
                self._squashed,
            )
            self._learner.forget_sets()  # these were in another frame
        steps = self._recipe.surrogate_steps
        wanted = self._catch_up if is_first else self._updates
        for _ in range(wanted // steps):
            self._learner.learn(self._draw, steps=steps)

    def _draw(self, n_sets: int) -> Sets:
        drawn = self._sampler.draw(n_sets)
        score = self._score.float()[drawn.rows]
        return self._rows.sets(drawn, score)


def _numbers(name: str, values: ArrayLike, n_rows: int) -> Tensor:
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (n_rows,) or not np.isfinite(found).all():
        raise ValueError(
            f"`{name}` must be a finite number for each of the {n_rows:,} rows of `y`, "
            f"got shape {list(found.shape)}: give the same rows in the same order."
        )
    return torch.from_numpy(found.copy())
