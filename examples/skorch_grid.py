"""skorch's classifier in a grid search, trained for F1 and for cross-entropy.

    python examples/skorch_grid.py --save runs/digits.pkl

The grid is over the weight of cross-entropy beside the learned loss. With `--save` the
best net is pickled with all that its criterion has learned.
"""

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from skorch import NeuralNetClassifier
from torch import Tensor, nn

from losslearn import Sets, SurrogateLoss, get_true_loss
from rare_digit import COPIES, Network, load_task, scored
from report import held_out_loss, print_table


def two_columns(score: Tensor) -> Tensor:
    """Return the probability of either class, as scikit-learn wants it."""
    positive = score.sigmoid()
    return torch.stack([1 - positive, positive], dim=-1)


def best_loss(y: np.ndarray, probability: np.ndarray, *, metric: str) -> float:
    """Return the loss of rows at the threshold best for them."""
    true_loss = get_true_loss(metric)
    rows = Sets(torch.from_numpy(y).long(), torch.from_numpy(probability))
    return float(true_loss(rows))


def make_net(criterion: type[nn.Module], *, epochs: int) -> NeuralNetClassifier:
    """Return a classifier that has yet to be fitted."""
    return NeuralNetClassifier(
        Network,
        criterion=criterion,
        predict_nonlinearity=two_columns,
        optimizer=torch.optim.Adam,
        lr=3e-3,
        batch_size=256,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def main(args: Sequence[str] | None = None) -> None:
    """Train with both criteria and print their test losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metric", default="f1")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, metavar="FILE")
    options = parser.parse_args(args)

    torch.set_num_threads(1)  # the tensors are tiny: more threads wait for each other
    task = load_task(options.seed)
    x, y = (part.numpy() for part in task.train.tensors)
    plain = make_net(nn.BCEWithLogitsLoss, epochs=options.epochs)
    learned = make_net(SurrogateLoss, epochs=options.epochs)
    # 500 calls of warm-up are the default, and nearly all of this short training
    learned.set_params(criterion__metric=options.metric, criterion__warm_up=100)
    search = GridSearchCV(
        learned,
        {"criterion__usual_weight": [0.3, 1.0]},
        scoring=make_scorer(
            best_loss,
            metric=options.metric,
            greater_is_better=False,
            response_method="predict_proba",
        ),
        cv=StratifiedGroupKFold(2),  # no image on both sides
        refit=False,
    )
    search.fit(x, y, groups=np.arange(len(y)) // COPIES)
    nets = {
        "cross-entropy": plain,
        options.metric: clone(learned).set_params(**search.best_params_),
    }
    losses = {}
    for name, net in nets.items():
        torch.manual_seed(options.seed)
        net.fit(x, y)
        losses[name] = held_out_loss(
            options.metric,
            scored(net.module_, task.valid),
            scored(net.module_, task.test),
        )
    print(f"chosen: {search.best_params_}")
    print_table(options.metric, losses)
    if options.save is not None:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_bytes(pickle.dumps(nets[options.metric]))


if __name__ == "__main__":
    main()
