"""What scikit-learn asks of an estimator's arguments, and the recipe among them."""

import inspect
from dataclasses import replace
from typing import Any, Self

from sklearn.base import BaseEstimator

from losslearn.tasks.renamed import renamed
from losslearn.training.recipe import Recipe

_NESTED = "recipe__"


class RecipeParameters(BaseEstimator):
    """An estimator one of whose arguments is a recipe, set as `recipe__*` too."""

    recipe: Recipe | None

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - Python's
        """Show the present arguments alone, to users and to scikit-learn."""
        super().__init_subclass__(**options)
        _, *present = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(
            [one for one in present if one.kind is not one.VAR_KEYWORD]
        )

    def _with_old(self, recipe: Recipe | None, old: dict[str, Any]) -> Recipe | None:
        """Return the recipe with settings that release 0.1 took one by one."""
        if not old:
            return recipe
        recipe = settings_of(recipe)
        return replace(recipe, **renamed(old, recipe.get_params(), prefix=_NESTED))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments, and the settings of the recipe as `recipe__*`."""
        found: dict[str, Any] = super().get_params(deep=False)
        if deep and isinstance(self.recipe, Recipe | None):  # `fit` refuses others
            settings = settings_of(self.recipe).get_params()
            found |= {_NESTED + name: value for name, value in settings.items()}
        return found

    def set_params(self, **params: Any) -> Self:  # noqa: ANN401 - as scikit-learn's
        """Set arguments; a setting of the recipe replaces it, for it is frozen.

        Raises:
            ValueError: If there is no such argument.
        """
        nested = {
            name.removeprefix(_NESTED): params.pop(name)
            for name in list(params)
            if name.startswith(_NESTED)
        }
        own = self._get_param_names()
        old = {name: params.pop(name) for name in list(params) if name not in own}
        super().set_params(**params)
        if not nested and not old:
            return self
        recipe = settings_of(self.recipe)
        unknown = [name for name in nested if name not in recipe.get_params()]
        try:
            if unknown:
                raise TypeError(f"a recipe has no setting {unknown[0]!r}")
            if nested:
                self.recipe = replace(recipe, **nested)
            self.recipe = self._with_old(self.recipe, old)
        except TypeError as error:
            raise ValueError(f"Invalid parameter for {self}: {error}.") from error
        return self


def settings_of(recipe: Recipe | None) -> Recipe:
    """Return the settings of a fit.

    Raises:
        ValueError: If what was given is no recipe.
    """
    if not isinstance(recipe, Recipe | None):
        raise ValueError(f"`recipe` must be a `Recipe` or None, got {recipe!r}.")
    return recipe or Recipe()
