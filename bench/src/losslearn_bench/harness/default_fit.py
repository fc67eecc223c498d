"""The fit that users get, as a method of the benchmark."""

from dataclasses import dataclass, replace

from torch import nn

from losslearn.models.networks import score_rows
from losslearn.surrogate.universal import initial_surrogate
from losslearn.training.comparison import compare
from losslearn.training.loop import Observer, TrainingData
from losslearn.training.recipe import BilevelConfig
from losslearn_bench.harness.fitted import Setting
from losslearn_bench.harness.neural import Context, NeuralMethod
from losslearn_bench.harness.tiers import build_tier_model


@dataclass(frozen=True)
class DefaultFit(NeuralMethod):
    """Trains as `SurrogateClassifier` does: two branches, the better by validation.

    So its own training is that of two methods; each has the steps of the others. Tuned
    as cross-entropy is, its control is the very training of that method.
    """

    def _descend(
        self,
        model: nn.Module,
        data: TrainingData,
        context: Context,
        own: Setting,
        observe: Observer,
    ) -> int:
        del own
        config = replace(context.config, rounds=BilevelConfig().rounds)
        # made inside, by the same seed, it meets the dropout that other methods meet
        comparison, trained = compare(
            lambda: build_tier_model(context.tier, data.x),
            data,
            context.true_loss,
            initial_surrogate(context.true_loss, config, seed=context.seed),
            config,
            seed=context.seed,
        )
        if comparison.interrupted:
            raise KeyboardInterrupt
        model.load_state_dict(trained.state_dict())
        observe(config.max_iter, score_rows(model, data.x_valid))
        return config.max_iter * config.model_steps
