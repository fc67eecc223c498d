"""Hand-made objectives, of targets, scores and weights.

Each maps `(y_true, y_score)` of any number of sets to one differentiable value per
set, lower is better; taken `OverSets`, any of them can stand where a learned loss
stands.
"""

from losslearn_bench.baselines.evolution import EvolutionStrategies
from losslearn_bench.baselines.global_objectives import GlobalObjective
from losslearn_bench.baselines.hand_made import OverSets
from losslearn_bench.baselines.lovasz import LovaszHinge, LovaszSoftmax
from losslearn_bench.baselines.pairwise import PairwiseRanking
from losslearn_bench.baselines.row_losses import CostSensitive, Focal
from losslearn_bench.baselines.soft_counts import AnyLoss, SoftF1, SoftJaccard

__all__ = [
    "AnyLoss",
    "CostSensitive",
    "EvolutionStrategies",
    "Focal",
    "GlobalObjective",
    "LovaszHinge",
    "LovaszSoftmax",
    "OverSets",
    "PairwiseRanking",
    "SoftF1",
    "SoftJaccard",
]
