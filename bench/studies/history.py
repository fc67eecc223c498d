# ruff: noqa: ANN401 - metrics and files hold anything
"""Whether fits with fixed seeds still compute what they did: to the bit.

`history.py dump FILE` runs small fits of every kind and writes their histories,
thresholds and scores; `history.py compare BEFORE AFTER` lists what differs. Run it on
one machine before and after a change that is to leave results alone, with
`--path compiled` (numba) and `--path plain` (PyTorch alone). Give each compiled run a
new, empty `NUMBA_CACHE_DIR`: a kernel compiled beside those it calls rounds otherwise
than one that finds them on disk.
"""

import argparse
import hashlib
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SETTINGS = {"max_iter": 60, "n_evals": 6, "rounds": 3, "random_state": 5}


def _table(seed: int = 0) -> tuple[Any, Any, Any]:
    """Return features, labels and an amount of each row, of numbers drawn once."""
    import numpy as np

    draw = np.random.default_rng(seed)
    x = draw.normal(size=(1_500, 6)).astype(np.float32)
    log_odds = 1.2 * x[:, 0] - x[:, 1] * x[:, 2] - 1.5
    y = (log_odds + draw.logistic(size=len(x)) > 0).astype(np.int64)
    return x, y, draw.lognormal(size=len(x))


def own_metric(y_true: Any, y_pred: Any) -> float:
    """Return an F1 with a bonus for few calls, by a user's own arithmetic."""
    hits = ((y_true == 1) & (y_pred == 1)).sum()
    called, found = (y_pred == 1).sum(), (y_true == 1).sum()
    return float(2 * hits / max(called + found, 1) - 0.01 * called / len(y_true))


def profit(y_true: Any, y_pred: Any, *, amount: Any) -> float:
    """Return what calling rows earns: the amount of a hit, less one a call."""
    return float((y_pred * (y_true * amount - 0.5)).mean())


def _digest(values: Any) -> dict[str, Any]:
    """Return what tells an array from any other, and its first values to read."""
    import numpy as np

    array = np.ascontiguousarray(values)
    content = hashlib.sha256(array.tobytes()).hexdigest()
    return {"sha256": content, "first": array.reshape(-1)[:4].tolist()}


def _text(value: Any) -> str:
    """Return a number to the last bit."""
    return repr(float(value))


def _fit(metric: object, model: object, **further: Any) -> dict[str, Any]:
    from losslearn import SurrogateClassifier

    x, y, amount = _table()
    given = further.pop("columns", None)
    settings = {**_SETTINGS, **further}
    columns = {"metric_columns": {"amount": amount}} if given else {}
    fitted = SurrogateClassifier(metric, model=model, **settings).fit(x, y, **columns)
    keys = ("iteration", "validation_loss", "surrogate_error", "cosine", "dead_share")
    report, scores = fitted.report_, fitted.method_scores(x).values()
    return {
        "history": [
            {key: _text(look[key]) for key in keys} for look in fitted.history_
        ],
        "validation": [_text(one["validation"]) for one in report["results"]],
        "thresholds": [_text(one["threshold"]) for one in report["results"]],
        "difference": _text(report["difference"]),
        "standard_error": _text(report["standard_error"]),
        "scores": {str(place): _digest(own) for place, own in enumerate(scores)},
        "probabilities": _digest(fitted.predict_proba(x)),
    }


def _module() -> object:
    import torch
    from torch import nn

    torch.manual_seed(3)
    layers = (nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    return nn.Sequential(*layers)


def _criterion(metric: object, *, resume_at: int | None) -> dict[str, Any]:
    """Train a network by the criterion; with `resume_at`, go on in a new one there."""
    import torch

    from losslearn import SurrogateLoss

    settings: dict[str, Any] = {"warm_up": 20, "set_size": 200, "queue_size": 800}
    x, y, _ = _table()
    model = _module()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # type: ignore[attr-defined]
    criterion = SurrogateLoss(metric, **settings)
    torch.manual_seed(1)
    values = []
    for step in range(48):
        if step == resume_at:
            state = criterion.state_dict()
            criterion = SurrogateLoss(metric, **settings)
            criterion.load_state_dict(state)
        rows = torch.randint(len(x), (64,))
        score = model(torch.from_numpy(x)[rows]).squeeze(-1)  # type: ignore[operator]
        loss = criterion(score, torch.from_numpy(y)[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(_text(loss.detach()))
    measured = {name: repr(value) for name, value in criterion.metrics().items()}
    return {"losses": values, "metrics": measured, "weights": _weights(model)}


def _weights(module: Any) -> list[dict[str, Any]]:
    return [_digest(part.detach().numpy()) for part in module.parameters()]


def _universal() -> dict[str, Any]:
    """Fit a universal surrogate briefly."""
    import torch

    from losslearn import fit_universal, get_true_loss
    from losslearn.surrogate.universal import UniversalConfig

    torch.manual_seed(0)
    config = UniversalConfig(set_sizes=(32, 64), n_sets=128, max_iter=80)
    surrogate, error = fit_universal(get_true_loss("f1"), config=config)
    return {"error": repr(error), "weights": _weights(surrogate)}


def _cases() -> dict[str, Callable[[], dict[str, Any]]]:
    cases: dict[str, Callable[[], dict[str, Any]]] = {}
    own = {"greater_is_better": True}
    with_amount = {"columns": True, "max_iter": 30, **own}
    for model in ("linear", "mlp"):
        for metric in ("f1", "auc", "average_precision", "error_rate"):
            cases[f"{model} {metric}"] = lambda m=metric, k=model: _fit(m, k)
        cases[f"{model} own"] = lambda k=model: _fit(own_metric, k, **own)
        cases[f"{model} columns"] = lambda k=model: _fit(profit, k, **with_amount)
        cases[f"{model} top"] = lambda k=model: _fit("precision_at_k", k)
    cases["module f1"] = lambda: _fit("f1", _module())
    cases["module own"] = lambda: _fit(own_metric, _module(), **own)
    cases["balanced sets"] = lambda: _fit("mcc", "mlp", pos_rate=0.5)
    cases["universal mode"] = lambda: _fit("auc", "mlp", mode="universal")
    cases["scratch mode"] = lambda: _fit("f1", "linear", mode="scratch")
    papers = {"universal_form": "gaussian", "standardize": False, "replay": 1}
    papers |= {"n_sets": 1, "warm_up": 0.0, "cross_entropy_weight": 0.0}
    papers |= {"adaptive": False, "rounds": 1, "catch_up": 0}
    cases["paper's form"] = lambda: _fit("f1", "mlp", **papers)
    for metric in ("f1", "auc"):
        cases[f"criterion {metric}"] = lambda m=metric: _criterion(m, resume_at=None)
    cases["criterion resumed"] = lambda: _criterion("f1", resume_at=25)
    cases["universal fit"] = _universal
    return cases


def dump(path: Path, *, only: str) -> None:
    """Run all cases and write what came out."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found = {}
    for name, run in _cases().items():
        if only in name:
            found[name] = run()
            sys.stderr.write(f"{name}\n")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def compare(before: Path, after: Path) -> int:
    """Print the cases that differ, and where first; return how many."""
    old, new = (json.loads(file.read_text("utf-8")) for file in (before, after))
    n_different = 0
    for name in new:
        place = _first_difference(old.get(name), new[name], "")
        n_different += place is not None
        sys.stdout.write(f"{name}: {'same' if place is None else place}\n")
    sys.stdout.write(f"{len(new) - n_different} of {len(new)} cases are the same\n")
    return n_different


def _first_difference(old: Any, new: Any, place: str) -> str | None:
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(f".{key}", old.get(key), new.get(key)) for key in {**old, **new}]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        both = zip(old, new, strict=True)
        pairs = [(f"[{i}]", *values) for i, values in enumerate(both)]
    else:
        return None if old == new else f"{place}: {old!r} became {new!r}"
    found = (_first_difference(a, b, f"{place}{part}") for part, a, b in pairs)
    return next(filter(None, found), None)


def main() -> int:
    """Dump or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    dumping = commands.add_parser("dump")
    dumping.add_argument("file", type=Path)
    dumping.add_argument("--path", choices=("compiled", "plain"), default="compiled")
    dumping.add_argument("--only", default="", help="cases whose name holds this")
    dumping.add_argument("--seed", type=int, default=5, help="of the fits")
    comparing = commands.add_parser("compare")
    for name in ("before", "after"):
        comparing.add_argument(name, type=Path)
    given = parser.parse_args()
    if given.command == "compare":
        return compare(given.before, given.after)
    if given.path == "plain":
        sys.modules["numba"] = None  # type: ignore[assignment]  # as if not installed
    _SETTINGS["random_state"] = given.seed
    dump(given.file, only=given.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
