"""Tables larger than memory, and what more rows cost.

    python bench/studies/large_table.py

Makes a table of 6 GB, a Parquet file and its memory map, and fits each in a process
that may hold 2 GB (`RLIMIT_DATA`: all memory that is not mapped from a file). Then, for
10^4 to 10^7 rows in memory: the time of an iteration, and the memory of a whole fit
beyond the data. With `--model lightgbm` a table of 2 GB is fitted by a few trees, to
see whether 1.5 GB are enough, and nothing else is measured. Needs Linux, and twice the
table's size on the disk of `--folder`; the files made are removed.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from shared import RESULTS, make_parser

from losslearn.report.figures import write_whole
from losslearn_bench.tables.markdown import markdown_table, paragraphs

CHUNK = 50_000
"""Rows made at a time."""
METRICS = ("roc_auc", "average_precision", "equal_error_rate")
"""Whose memory is measured beside that of F1, where the rows are most."""
MODELS: dict[str, dict[str, Any]] = {
    "linear": {
        "rows": 12_000_000,
        "cap": 2 * 10**9,
        "max_iter": 400,
        "growth": [10**n for n in range(4, 8)],
        "results": RESULTS / "large_table.json",
    },
    "lightgbm": {
        "rows": 4_000_000,
        "cap": 165 * 10**7,  # all that is reserved; the peak is of what is held
        "max_iter": 24,
        "growth": [],
        "results": RESULTS / "large_table_lightgbm.json",
    },
}
"""What is fitted from the disk, and how, where the options do not say."""
N_TEST = 50_000
SEED = 0


def draw_rows(n_rows: int, n_features: int, *, stream: int = 0) -> Iterator[tuple]:
    """Yield features and targets in chunks: one row in 20 is positive."""
    weight = np.random.default_rng(SEED).normal(size=n_features).astype(np.float32)
    weight /= np.linalg.norm(weight)
    for begin in range(0, n_rows, CHUNK):
        generator = np.random.default_rng([SEED, stream, begin])
        n = min(CHUNK, n_rows - begin)
        x = generator.standard_normal((n, n_features), dtype=np.float32)
        signal = x @ weight + 0.5 * generator.standard_normal(n, dtype=np.float32)
        yield x, (signal > 1.84).astype(np.int8)


def make_rows(n_rows: int, n_features: int, *, stream: int = 0) -> tuple:
    """Return features and targets in memory."""
    x, y = np.empty((n_rows, n_features), np.float32), np.empty(n_rows, np.int8)
    begin = 0
    for part, targets in draw_rows(n_rows, n_features, stream=stream):
        x[begin : begin + len(part)], y[begin : begin + len(part)] = part, targets
        begin += len(part)
    return x, y


def write_table(folder: Path, n_rows: int, n_features: int) -> None:
    """Write the table as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"f{i}" for i in range(n_features)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.int8())])
    with pq.ParquetWriter(
        folder / "table.parquet", schema, compression="none", use_dictionary=False
    ) as writer:
        for part, y in draw_rows(n_rows, n_features):
            columns = [*np.ascontiguousarray(part.T), y]
            writer.write_table(pa.table(columns, schema=schema))


def make_model(model: str, n_trees: int) -> object:
    """Return what `model=` takes."""
    if model == "linear":
        return model
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=n_trees)


def fit_from_disk(
    source: str, folder: str, cap: int, max_iter: int, model: str, n_trees: int
) -> dict[str, Any]:
    """Fit the table on the disk under the cap, and return losses and seconds."""
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    import torch

    from losslearn import Recipe, SurrogateClassifier
    from losslearn.tasks.thresholds import evaluate
    from losslearn_bench.datasets import map_parquet

    torch.set_num_threads(1)
    begin = time.perf_counter()
    if source == "parquet":
        x, y, _ = map_parquet(Path(folder) / "table.parquet", target="y")
    else:
        kept = Path(folder) / "table.map"  # what `map_parquet` made
        x = np.load(kept / "x.npy", mmap_mode="r", allow_pickle=False)
        y = np.load(kept / "y.npy", allow_pickle=False)
    mapped = time.perf_counter()
    recipe = Recipe(max_iter=max_iter, n_evals=4)
    settings = {"recipe": recipe, "random_state": SEED}
    settings["model"] = make_model(model, n_trees)
    clf = SurrogateClassifier("f1", validation_fraction=0.02, **settings).fit(x, y)
    seconds = time.perf_counter() - mapped
    x_test, y_test = make_rows(N_TEST, x.shape[1], stream=1)
    scores = clf.method_scores(x_test)
    y_true = torch.from_numpy(y_test.astype(np.int64))
    measure = partial(evaluate, clf.true_loss_, y_true)
    results = {result["method"]: result for result in clf.report_["results"]}
    losses = {
        name: measure(torch.from_numpy(scores[name]), threshold=result["threshold"])
        for name, result in results.items()
    }
    return {
        "rows": len(x),
        "features": x.shape[1],
        "bytes": x.nbytes,
        "mapping_seconds": mapped - begin,
        "fit_seconds": seconds,
        "test": losses,
        "chosen": clf.report_["chosen"],
    }


def grow(
    n_rows: int, n_features: int, max_iter: int, share: float, metric: str = "f1"
) -> dict[str, Any]:
    """Return what a fit of rows in memory takes beyond them."""
    import torch

    from losslearn import Recipe, SurrogateClassifier

    torch.set_num_threads(1)
    x, y = make_rows(n_rows, n_features)
    recipe = Recipe(max_iter=max_iter, n_evals=4)
    settings = {"model": "mlp", "recipe": recipe, "random_state": 0}
    # loads what a first fit loads
    SurrogateClassifier(metric, **settings).fit(x[:2_000].copy(), y[:2_000])
    before = memory_of("self")["VmRSS"]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    begin = time.perf_counter()
    SurrogateClassifier(metric, **settings, validation_fraction=share).fit(x, y)
    return {
        "beyond_the_data": memory_of("self")["VmHWM"] - before,
        "fit_seconds": time.perf_counter() - begin,
        "bytes": x.nbytes,
    }


def time_iterations(sizes: list[int], n_features: int) -> dict[str, Any]:
    """Return milliseconds of a turn of both levels for each number of rows.

    The sizes take turns within one process, so that other work on the machine meets
    all of them, and the fastest of 8 times 10 turns counts: other work only ever adds.
    """
    import torch

    torch.set_num_threads(1)
    x, y = make_rows(max(sizes), n_features)
    turns = [make_turn(x[:size], y[:size]) for size in sizes]
    fastest = [float("inf")] * len(sizes)
    for _ in range(8):
        for place, turn in enumerate(turns):
            begin = time.perf_counter()
            for _ in range(10):
                turn()
            took = 100 * (time.perf_counter() - begin)
            fastest[place] = min(fastest[place], took)
    return {"milliseconds": fastest}


def make_turn(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Return a function that does one turn of both levels."""
    import torch

    from losslearn import Recipe, get_true_loss
    from losslearn._fast import fastest
    from losslearn.models.networks import build_model
    from losslearn.models.predictor import TorchPredictor
    from losslearn.models.rows import Rows
    from losslearn.surrogate.objective import LearnedObjective
    from losslearn.surrogate.universal import initial_surrogate
    from losslearn.tasks.binary import Binary
    from losslearn.training.loop import Trainer
    from losslearn.training.lower import make_learner
    from losslearn.training.splitting import split_off_validation

    recipe, task, f1 = Recipe(mode="refined"), Binary(), get_true_loss("f1")
    table, targets = torch.from_numpy(x), torch.from_numpy(y)
    rows, valid_rows = (
        Rows(table, targets, torch.from_numpy(part))
        for part in split_off_validation(y, n_valid=len(y) // 5, seed=SEED)
    )
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model = build_model("mlp", table, rows=rows.numbers)
    rates = {"lr": recipe.rate, "max_grad_norm": recipe.max_grad_norm}
    predictor = fastest(TorchPredictor(model, rows, **rates))
    trainer = Trainer(predictor, valid_rows, f1, task, recipe, generator=generator)
    surrogate = initial_surrogate(f1, task, mode=recipe.mode, seed=SEED)
    learner = make_learner(surrogate, f1, task, recipe, generator=generator)
    objective = LearnedObjective(learner.fitter, usual_weight=recipe.usual_weight)
    return lambda: trainer.iterate(objective, learner)


def memory_of(process: int | str) -> dict[str, int]:
    """Return what Linux says of a process's memory, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    pairs = [line.split(":", 1) for line in lines if line.endswith("kB")]
    return {name: 1_024 * int(value.split()[0]) for name, value in pairs}


def in_process(task: str, **arguments: object) -> dict[str, Any]:
    """Run a task in a process of its own and watch its memory."""
    command = [sys.executable, __file__, "--task", task, json.dumps(arguments)]
    # malloc gives freed chunks back, so that peaks are of what is held
    malloc = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(2**16)}
    malloc["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # others reserve a gigabyte
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **malloc}
    peaks = {"RssAnon": 0, "VmRSS": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        while child.poll() is None:
            try:
                now = memory_of(child.pid)
            except OSError:
                break
            peaks = {name: max(peaks[name], now.get(name, 0)) for name in peaks}
            time.sleep(0.02)
        output = child.communicate()[0]
    if child.returncode:
        sys.exit(f"{task} with {arguments} failed with exit code {child.returncode}")
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    peak = {"peak_anonymous": peaks["RssAnon"], "peak_resident": peaks["VmRSS"]}
    return {**found, **peak}


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything and return the results."""
    larger = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        write_table(Path(name), args.rows, args.features)
        for source in ("parquet", "npy"):
            given = {"source": source, "cap": args.cap}
            own = {"folder": name, "max_iter": args.max_iter}
            own |= {"model": args.model, "n_trees": args.n_trees}
            larger.append({**given, **in_process("fit_from_disk", **own, **given)})
    fit = {"n_features": 8, "max_iter": 40}
    growth = [
        {
            "rows": n_rows,
            "features": 8,
            **{
                # each look values all validation rows, with some arrays of their number
                f"validation_{share}": in_process(
                    "grow", n_rows=n_rows, share=share, **fit
                )
                for share in (0.02, 0.2)
            },
        }
        for n_rows in args.growth
    ]
    metrics = {}
    if growth:
        most = {"n_rows": max(args.growth), "share": 0.2, **fit}
        metrics = {
            name: in_process("grow", **most, metric=name) for name in args.metrics
        }
        times = in_process("time_iterations", sizes=args.growth, n_features=8)
        for line, milliseconds in zip(growth, times["milliseconds"], strict=True):
            line["milliseconds"] = milliseconds
    packages = ["losslearn", "torch", "numpy", "pyarrow"]
    packages += [] if args.model == "linear" else [args.model]
    return {
        "command": f"python bench/studies/large_table.py --model {args.model}",
        "larger_than_memory": larger,
        "growth": growth,
        "largest_by_metric": metrics,
        "versions": {name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
    }


def make_tables(results: dict[str, Any]) -> str:
    """Return the results as tables in Markdown."""
    larger = []
    for line in results["larger_than_memory"]:
        sizes = [line[name] / 1e9 for name in ("bytes", "cap", "peak_anonymous")]
        times = [line["mapping_seconds"], line["fit_seconds"]]
        losses = [line["test"][name] for name in ("surrogate", "cross_entropy")]
        row = [line["source"], f"{line['rows']:,}", *(f"{size:.2f}" for size in sizes)]
        row += [f"{seconds:.1f}" for seconds in times]
        larger.append([*row, *(f"{loss:.4f}" for loss in losses)])
    growth = []
    for line in results["growth"]:
        few, many = line["validation_0.02"], line["validation_0.2"]
        data = f"{few['bytes'] / 1e6:.0f}"
        beyond = [f"{one['beyond_the_data'] / 1e6:.0f}" for one in (few, many)]
        ms = f"{line['milliseconds']:.2f}"
        growth.append([f"{line['rows']:,}", data, ms, *beyond])
    by_metric = [
        [metric, f"{line['beyond_the_data'] / 1e6:.0f}"]
        for metric, line in results["largest_by_metric"].items()
    ]
    heads = ["source", "rows", "GB", "cap", "peak", "map s", "fit s", "loss", "CE"]
    if not growth:
        return paragraphs(markdown_table(heads, larger))
    sizes = ["rows", "data MB", "ms an iteration", "MB beyond, 2 %", "20 % validation"]
    return paragraphs(
        markdown_table(heads, larger),
        markdown_table(sizes, growth),
        markdown_table(["metric, most rows, 20 % validation", "MB beyond"], by_metric),
    )


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command's options."""
    args = make_parser(
        __doc__,
        folder=Path(tempfile.gettempdir()),
        model={"choices": list(MODELS), "default": "linear"},
        results={"type": Path},
        rows={"type": int},
        features=125,
        cap={"type": int, "help": "bytes"},
        max_iter={"type": int},
        n_trees=10,
        growth={"type": int, "nargs": "*"},
        smoke={"action": "store_true", "help": "a table of 5 MB"},
        task={"nargs": 2, "help": argparse.SUPPRESS},
    ).parse_args(argv)
    args.metrics = METRICS
    for name, value in MODELS[args.model].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.smoke:
        # the libraries alone take most of the cap
        args.rows, args.features, args.cap = 100_000, 12, 1_200_000_000
        args.max_iter, args.metrics = 20, METRICS[:1]
        args.growth = args.growth and [20_000]
    return args


def main(argv: list[str] | None = None) -> None:
    """Run everything, write the results and print them."""
    args = parse_args(argv)
    if args.task:
        name, arguments = args.task
        task = {one.__name__: one for one in (fit_from_disk, grow, time_iterations)}
        sys.stdout.write(json.dumps(task[name](**json.loads(arguments))) + "\n")
        return
    results = run(args)
    write_whole(args.results, (json.dumps(results, indent=2) + "\n").encode())
    sys.stdout.write(make_tables(results))


if __name__ == "__main__":
    main()
