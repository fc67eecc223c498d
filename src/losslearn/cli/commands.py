"""The commands and their options. What is slow to import is imported inside them."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

import losslearn
from losslearn.cli.constraints import Penalty, SubjectTo, constrained
from losslearn.cli.options import (
    BackendName,
    Data,
    Direction,
    Json,
    Model,
    ModelKind,
    ModeName,
    Response,
    Seed,
    option,
)
from losslearn.tasks.options import OPTIONS
from losslearn.training.recipe import Recipe

_DEFAULT = Recipe()
_DEFAULT_MODE = ModeName(_DEFAULT.mode)

app = typer.Typer(
    help=losslearn.__doc__,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _takes_task_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all tasks, in place of its `**task_options`."""
    *own, last, _ = inspect.signature(command).parameters.values()
    for one in OPTIONS:
        shown = option(one.metavar, one.help, one.show_default)
        kind = Annotated[str | None, shown]
        own.append(last.replace(name=one.name, default=None, annotation=kind))
    command.__signature__ = inspect.Signature([*own, last])  # type: ignore[attr-defined]
    return command


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"losslearn {losslearn.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Train a classifier for its metric by minimising a learned surrogate loss."""


@app.command()
@_takes_task_options
def fit(
    data: Data,
    target: Annotated[str, option("COL", "Column to predict.")],
    metric: Annotated[
        str,
        option(
            "NAME",
            "What to train for: a name that `losslearn metrics` lists, a scikit-learn "
            "scorer, or path/to/file.py:function.",
        ),
    ],
    subject_to: SubjectTo = None,
    penalty: Penalty = None,
    out: Annotated[
        Path | None, option("DIR", "Folder for the model.", "DATA-NAME-model")
    ] = None,
    model: Annotated[ModelKind, Option(help="Prediction model.")] = ModelKind.MLP,
    mode: Annotated[
        ModeName,
        Option(
            help="Learned loss: fitted in advance, learned on the data from scratch, "
            "or fitted in advance and refined on the data."
        ),
    ] = _DEFAULT_MODE,
    max_time: Annotated[
        float | None,
        option("S", "Seconds for the whole job, both methods and their test.", min=0.1),
    ] = None,
    max_iter: Annotated[
        int, option("N", "Iterations of each method.", min=1)
    ] = _DEFAULT.max_iter,
    cv: Annotated[
        int | None,
        option(
            "N",
            "Folds to choose by, 1 for one split; with folds all rows but the test "
            "rows are trained on in the end.",
            "5 for fewer than 5,000 rows",
            min=1,
        ),
    ] = None,
    refit: Annotated[
        bool | None,
        Option(
            "--refit/--no-refit",
            help="Train on the validation rows too in the end. By default where chance "
            "says which they are, and time is not limited.",
        ),
    ] = None,
    seed: Seed = 0,
    valid: Annotated[
        Path | None, option("DATA", "Table of validation rows.", "16 % of the rows")
    ] = None,
    test: Annotated[
        Path | None,
        option(
            "TABLE",
            "Table of test rows; then none of DATA's are, and 20 % validate.",
            "20 % of the rows",
        ),
    ] = None,
    group: Annotated[
        str | None,
        option(
            "COL",
            "Column that says which rows belong together, as those of a person: they "
            "stay in one part. No feature then.",
            "every row alone",
        ),
    ] = None,
    time: Annotated[
        str | None,
        option(
            "COL",
            "Column of dates or numbers to divide the rows by: the latest are test "
            "rows, those before them validation rows.",
            "divided by chance",
        ),
    ] = None,
    greater_is_better: Direction = None,
    metric_column: Annotated[
        list[str] | None,
        option(
            "COL",
            "Column that the metric needs of each row, as `amount` in "
            "`profit(y_true, y_pred, *, amount)`; no feature then. May be repeated.",
        ),
    ] = None,
    decision_column: Annotated[
        list[str] | None,
        option(
            "COL",
            "Column that is known when deciding too, of the metric's or another: "
            "decisions may depend on it, and `predict` needs it then. May be repeated.",
            "none",
        ),
    ] = None,
    keep_metric_columns: Annotated[
        bool,
        Option(
            "--keep-metric-columns",
            help="Use the metric's columns as features as well.",
        ),
    ] = False,
    ignore: Annotated[
        list[str] | None,
        option("COL", "Column to leave out. May be repeated.", False),
    ] = None,
    as_: Annotated[
        list[str] | None,
        Option(
            "--as",
            metavar="COL=KIND",
            help="What a column holds, where it is read as something else: number, "
            "category, text, date or ignore. May be repeated.",
            show_default=False,
        ),
    ] = None,
    id_: Annotated[
        list[str] | None,
        Option(
            "--id",
            metavar="COL",
            help="Column that names the rows: left out, and carried into what "
            "`predict` writes. May be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    response: Response = None,
    backend: Annotated[
        BackendName,
        Option(
            help="Where folds are trained: here, or as tasks of a Ray cluster, that of "
            "RAY_ADDRESS or one of this machine."
        ),
    ] = BackendName.LOCAL,
    **task_options: Any,  # noqa: ANN401 - text or None
) -> None:
    """Train a model for a metric, and a control; test both.

    The model minimises a learned surrogate of the metric; its control, with the same
    batches and steps, minimises the usual loss. DATA is divided into 64 % training,
    16 % validation and 20 % test rows; with --valid, into 80 % training and 20 % test
    rows; with --test, into 80 % training and 20 % validation rows. Of fewer than
    5,000 training and validation rows these are folds, and all of them are trained on
    in the end. Ctrl-C ends the
    training and keeps the best model so far.
    """
    from losslearn.cli.running import run_fit

    metric = constrained(metric, subject_to, penalty)
    run_fit(
        data,
        target,
        metric,
        out=out or _default_folder(data, metric),
        recipe=Recipe(mode=mode.value, max_iter=max_iter),
        as_json=as_json,
        model=model.value,
        max_time=max_time,
        cv=cv,
        refit=refit,
        seed=seed,
        valid=valid,
        test=test,
        groups=group,
        time=time,
        greater_is_better=greater_is_better,
        metric_columns=tuple(metric_column or ()),
        decision_columns=tuple(decision_column or ()),
        keep_metric_columns=keep_metric_columns,
        ignores=tuple(ignore or ()),
        read_as=dict(map(_column_and_kind, as_ or ())),
        ids=tuple(id_ or ()),
        response=response and response.value,
        backend=backend.value,
        **task_options,
    )


def _column_and_kind(text: str) -> tuple[str, str]:
    name, sign, kind = text.rpartition("=")
    if not sign:
        raise ValueError(f"--as takes COL=KIND, as in zip=category; got {text!r}.")
    return name, kind


def _default_folder(data: Path, metric: str) -> Path:
    """Return a folder in the working directory, named for the data and the metric.

    Beside the working directory, if that is the data's own folder.
    """
    stem, place = data.name.removesuffix(".gz").rsplit(".", 1)[0], Path()
    if data.is_dir():
        whole = data.resolve()  # of "." and ".." too
        stem = whole.name.removesuffix(".parquet") or "data"
        place = Path("..") if whole == Path.cwd() else place
    name = metric.rsplit(":", 1)[-1].lower()
    kept = "".join(char if char.isalnum() or char in "_-.@" else " " for char in name)
    return place / f"{stem}-{'_'.join(kept.split())}-model"


@app.command()
def predict(
    model: Model,
    data: Data,
    out: Annotated[
        Path | None,
        option("FILE", "File to write, .csv, .csv.gz or .parquet.", "CSV on stdout"),
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Replace a file that is there already.")
    ] = False,
) -> None:
    """Write score, probability and label of each row of a table."""
    from losslearn.cli.writing import check_table_path, write_table
    from losslearn.tables.saved import load_model

    if out is not None:
        check_table_path(out, inputs=(data, *model.glob("*")), force=force)
    predictions = load_model(model).predict(data)
    if out is None:
        predictions.to_csv(sys.stdout, index=False)
    else:
        write_table(predictions, out)


@app.command()
def evaluate(
    model: Model,
    data: Data,
    target: Annotated[str, option("COL", "Column with the true labels.")],
    metric: Annotated[
        str | None,
        option(
            "NAME",
            "As for `fit`; a metric of your own must be named again.",
            "what the model was trained for",
        ),
    ] = None,
    subject_to: SubjectTo = None,
    penalty: Penalty = None,
    greater_is_better: Direction = None,
    as_json: Json = False,
    response: Response = None,
) -> None:
    """Measure a model's loss on a table with known labels."""
    from losslearn.cli.reporting import print_evaluation, print_json
    from losslearn.tables.saved import load_model

    if metric is None and subject_to:
        raise ValueError("--subject-to goes with a --metric.")
    if metric is not None:
        metric = constrained(metric, subject_to, penalty)
    found = load_model(model).evaluate(
        data,
        target,
        metric,
        greater_is_better=greater_is_better,
        response=response and response.value,  # type: ignore[arg-type] # one of them
    )
    show = print_json if as_json else print_evaluation
    show(found)


@app.command()
def metrics(as_json: Json = False) -> None:
    """List the built-in metrics."""
    from losslearn.cli.reporting import print_json, print_metrics
    from losslearn.metrics import list_true_losses
    from losslearn.tasks.words import metric_facts

    listed = [
        {"name": name, "aliases": list(aliases), "description": loss.description}
        | metric_facts(loss)
        for name, (loss, aliases) in list_true_losses().items()
    ]
    show = print_json if as_json else print_metrics
    show(listed)


@app.command()
def demo(
    out: Annotated[
        Path | None, option("DIR", "Folder to keep the model in.", "not kept")
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Run the main job on digits that scikit-learn ships."""
    from losslearn.cli.demo import run_demo

    run_demo(out, seed=seed, as_json=as_json)


@app.command()
def universal(
    name: Annotated[
        str, Argument(metavar="NAME|all", help="A built-in metric, or all.")
    ],
    seed: Seed = 0,
    out: Annotated[
        Path | None, option("DIR", "Folder to write to.", "in the package")
    ] = None,
) -> None:
    """Make the universal surrogates again that the package ships."""
    from losslearn.cli.universals import make_universals

    make_universals(name, seed=seed, folder=out)


def _moved() -> None:
    """Say where the experiments' commands are now."""
    raise ValueError(
        "the paper's experiments are a package of their own: install it from the "
        "folder `bench` of the repository and run `losslearn-bench`."
    )


for _name in ("benchmark", "datasets"):
    app.command(
        _name,
        hidden=True,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(_moved)
