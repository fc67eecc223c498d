"""Model directories."""

import copy
import hashlib
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from torch import nn

import losslearn
from losslearn import fit_table, load_model, save_model
from losslearn.metrics import as_true_loss, get_true_loss
from losslearn.tables import saved as saved_module
from losslearn.tables.fitted import FittedTable
from losslearn.tables.metric_name import MetricName
from losslearn.tables.saved import check_destination

PARTS = (
    *("weights.safetensors", "columns.json", "history.json", "seen_rows.bin"),
    "settings.json",
)


def make_frame(n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(size=n)
    kind = rng.choice(["red", "green", "blue"], size=n)
    ill = size + (kind == "red") + rng.normal(size=n) > 1
    return pd.DataFrame(
        {"size": size, "kind": kind, "is": np.where(ill, "ill", "healthy")}
    )


def with_figure(model: FittedTable, figure: bytes | None) -> FittedTable:
    """Return the model as if this were its learning curves."""
    copied = replace(model)
    copied.__dict__["learning_curves"] = figure
    return copied


@pytest.fixture(scope="module", params=["mlp", "linear"])
def either(request: pytest.FixtureRequest) -> FittedTable:
    options = {"mode": "scratch", "max_iter": 4}
    fitted = fit_table(make_frame(), "is", "f1", model=request.param, **options)
    return with_figure(fitted, None)


@pytest.fixture(scope="module")
def model() -> FittedTable:
    options = {"mode": "scratch", "max_iter": 4}
    return with_figure(fit_table(make_frame(), "is", "f1", **options), None)


@pytest.fixture
def saved(model: FittedTable, tmp_path: Path) -> Path:
    save_model(tmp_path / "model", model)
    return tmp_path / "model"


def edit_settings(path: Path, **changes: object) -> None:
    """Change settings as somebody would who knows of their fingerprint."""
    settings = json.loads((path / "settings.json").read_text()) | changes
    if isinstance(settings["sha256"], dict):
        settings["sha256"]["settings.json"] = saved_module._fingerprint_of(settings)
    (path / "settings.json").write_text(json.dumps(settings))


def edit_weights(path: Path, name: str, value: float) -> None:
    """Change a weight, and its file's fingerprint with it."""
    weights = safetensors.torch.load_file(path / "weights.safetensors")
    weights[name].view(-1)[0] = value
    content = safetensors.torch.save(weights)
    (path / "weights.safetensors").write_bytes(content)
    known = json.loads((path / "settings.json").read_text())["sha256"]
    known["weights.safetensors"] = hashlib.sha256(content).hexdigest()
    edit_settings(path, sha256=known)


def test_a_loaded_model_predicts_what_the_saved_one_did(tmp_path, either):
    frame = make_frame(50)
    save_model(tmp_path / "model", with_figure(either, b"a picture"))
    loaded = load_model(tmp_path / "model")
    pd.testing.assert_frame_equal(
        loaded.predict(frame), either.predict(frame), check_exact=True
    )
    assert loaded.metric == MetricName(given="f1", name="f1_loss", source="built-in")
    assert loaded.labels.names == ["healthy", "ill"]
    assert loaded.learning_curves is None
    assert loaded.rule == either.rule
    assert dict(loaded.recipe) == dict(either.recipe)
    assert loaded.report == either.report
    assert loaded.evaluate(frame) == either.evaluate(frame, "is")
    assert (tmp_path / "model" / "learning_curves.png").read_bytes() == b"a picture"


def test_a_prediction_has_score_probability_and_label(model):
    frame = make_frame(50).set_index(np.arange(50) + 7)
    found = model.predict(frame)
    assert list(found.columns) == ["score", "probability", "label"]
    assert found.index[0] == 7
    is_ill = found["score"] >= model.rule.to_dict()["threshold"]
    assert set(found["label"]) == {"healthy", "ill"}
    assert (found["label"] == np.where(is_ill, "ill", "healthy")).all()
    assert found["probability"].between(0, 1).all()
    assert np.corrcoef(found["score"], found["probability"])[0, 1] > 0
    np.testing.assert_array_equal(model.scores(frame), found["score"])


def test_the_directory_holds_json_that_any_program_reads(saved):
    settings = json.loads((saved / "settings.json").read_text())
    assert settings["losslearn"] == losslearn.__version__
    assert settings["columns"] == {"size": "number", "kind": "category"}
    assert settings["task"] == "binary"
    assert settings["rule"]["kind"] == "threshold"
    assert settings["recipe"]["max_iter"] == 4
    roles = [result["role"] for result in settings["report"]["results"]]
    assert roles == ["learned", "usual"]
    history = json.loads(
        (saved / "history.json").read_text(),
        parse_constant=lambda name: pytest.fail(f"{name} is not JSON"),
    )
    assert history[0]["surrogate_error"] is None  # NaN in memory
    assert {record["method"] for record in history} == {"surrogate", "cross_entropy"}


def test_loading_unpickles_nothing(saved, monkeypatch):
    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("runs what is stored")

    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(pickle, "Unpickler", forbidden)
    load_model(saved)


def test_loading_runs_no_function_that_the_settings_name(saved, tmp_path):
    harm = tmp_path / "harm.py"
    harm.write_text(f"open({str(tmp_path / 'harmed')!r}, 'w')\n")
    for source in ("built-in", "scikit-learn", "user"):
        named = {"given": f"{harm}:f", "name": f"{harm}:f", "source": source}
        edit_settings(saved, metric={**named, "columns": []})
        with pytest.raises(ValueError, match=r"damaged|is no name|Name it again"):
            load_model(saved).evaluate(make_frame())
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_file_is_named(saved, part):
    (saved / part).unlink()
    with pytest.raises(ValueError, match=part):
        load_model(saved)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_file_is_an_error(saved, part, share):
    content = (saved / part).read_bytes()
    (saved / part).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="damaged"):
        load_model(saved)


@pytest.mark.parametrize("part", PARTS[:-1])
def test_a_changed_byte_is_an_error(saved, part):
    content = bytearray((saved / part).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / part).write_bytes(content)
    with pytest.raises(ValueError, match=f"damaged: {part}"):
        load_model(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "format 99; .* reads format 4. Fit it again"),
        ({"version": 1}, r"written by losslearn \S+ in format 1; "),
        ({"format": "a cake"}, "no losslearn model"),
        ({"rule": {"kind": "threshold", "threshold": None}}, "damaged"),
        ({"rule": {"kind": "oracle"}}, "damaged"),
        ({"rule": {"kind": "threshold", "offset": 1.0}}, "damaged"),
        ({"task": "cooking"}, "damaged"),
        ({"labels": {"classes": ["one"]}}, "damaged"),
        ({"model": {"kind": "forest", "n_features": 4}}, "damaged"),
        ({"model": {"kind": "mlp", "n_features": 5}}, "damaged"),
        ({"model": {"kind": "linear", "n_features": 4}}, "damaged"),
        ({"recipe": 5}, "damaged"),
        ({"calibration": {"slope": 1}}, "damaged"),
        ({"sha256": None}, "damaged"),
        ({"metric": {"given": "f1", "name": "none", "source": "built-in"}}, "damaged"),
    ],
)
def test_settings_of_another_form_are_one_clear_error(saved, changes, message):
    edit_settings(saved, **changes)
    with pytest.raises(ValueError, match=message):
        load_model(saved)


def _places(content: object, place: tuple[object, ...] = ()) -> list[tuple]:
    """Return where the values in JSON are."""
    if isinstance(content, dict) and content:
        return [at for key in content for at in _places(content[key], (*place, key))]
    if isinstance(content, list) and content:
        pairs = enumerate(content)
        return [at for key, value in pairs for at in _places(value, (*place, key))]
    return [place]


def test_any_other_value_in_the_settings_is_an_error(saved):
    text = (saved / "settings.json").read_text()
    places = _places(json.loads(text))
    assert ("rule", "threshold") in places
    for *above, last in places:
        settings = json.loads(text)
        home = settings
        for key in above:
            home = home[key]
        value = home[last]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        home[last] = value * (1 + 1e-15) + 1e-300 if is_number else f"{value}x"
        if is_number and home[last] == value:
            home[last] = value + 1
        (saved / "settings.json").write_text(json.dumps(settings))
        with pytest.raises(ValueError, match=r"damaged|format|no losslearn model"):
            load_model(saved)
    (saved / "settings.json").write_text(text)
    load_model(saved)


@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_settings_nested_deep_are_an_error(saved, depth):
    deep = "[" * depth + "]" * depth
    text = (saved / "settings.json").read_text()
    for content in (deep, text.replace('"recipe": {', f'"deep": {deep}, "recipe": {{')):
        (saved / "settings.json").write_text(content)
        with pytest.raises(ValueError, match="damaged"):
            load_model(saved)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["layers.0.weight", "standardizer.mean"])
def test_weights_that_are_no_numbers_are_an_error(saved, model, name, value):
    edit_weights(saved, name, value)
    with pytest.raises(ValueError, match=f"damaged: the weights '{name}'"):
        load_model(saved)
    module = copy.deepcopy(model.module)
    module.state_dict()[name].view(-1)[0] = value
    with pytest.raises(ValueError, match=f"the weights '{name}'"):
        save_model(saved.parent / "other", replace(model, module=module))


@pytest.mark.parametrize(
    ("name", "value"), [("standardizer.scale", 0), ("layers.2.running_var", -1)]
)
def test_weights_that_give_no_scores_are_an_error(saved, name, value):
    edit_weights(saved, name, value)
    with pytest.raises(ValueError, match="damaged"):
        load_model(saved)


def test_no_directory_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model directory"):
        load_model(tmp_path / "none")
    with pytest.raises(ValueError, match="no losslearn model"):
        load_model(tmp_path)


def test_a_model_of_ones_own_cannot_be_saved(tmp_path, model):
    with pytest.raises(ValueError, match="got Linear"):
        replace(model, module=nn.Linear(4, 1)).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_saving_makes_parents_and_replaces_a_model(tmp_path, model):
    path = tmp_path / "a" / "b"
    save_model(path, with_figure(model, b"old"))
    save_model(path, model)
    assert sorted(entry.name for entry in path.iterdir()) == sorted(PARTS)
    assert list(path.parent.iterdir()) == [path]


def test_saving_through_a_link_replaces_what_it_points_to(tmp_path, saved, model):
    link = tmp_path / "link"
    link.symlink_to(saved, target_is_directory=True)
    save_model(link, with_figure(model, b"new"))
    assert link.is_symlink()
    assert (saved / "learning_curves.png").exists()


@pytest.mark.parametrize("at", ["tables.saved.save", "_files._exchange"])
def test_a_failed_save_leaves_the_old_model_alone(saved, model, monkeypatch, at):
    before = {part: (saved / part).read_bytes() for part in PARTS}

    def fail(*_args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(f"losslearn.{at}", fail)
    with pytest.raises(OSError, match="disk is full"):
        save_model(saved, model)
    assert {part: (saved / part).read_bytes() for part in PARTS} == before
    assert list(saved.parent.glob(".*")) == []


def test_a_failed_exchange_puts_the_old_model_back(saved, model, monkeypatch):
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr("losslearn._files._swap", lambda *_paths: False)
    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="no"):
        save_model(saved, model)
    load_model(saved)
    assert list(saved.parent.glob(".*")) == []


@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_others_may_read_what_the_umask_lets_them(tmp_path, model, umask):
    before = os.umask(umask)
    try:
        save_model(tmp_path / "model", model)
    finally:
        os.umask(before)
    modes = {entry.stat().st_mode & 0o777 for entry in (tmp_path / "model").iterdir()}
    assert modes == {0o666 & ~umask}


def test_only_a_model_is_replaced(tmp_path, saved, model):
    (saved / "notes.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        save_model(saved, model)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(ValueError, match="no losslearn model"):
        save_model(tmp_path / "photos", model)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        save_model(tmp_path / "file", model)
    (tmp_path / "empty").mkdir()
    save_model(tmp_path / "empty", model)


def test_a_destination_that_cannot_be_written_is_found_out_first(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    for path in ("file/model", "nowhere/model", "n" * 240):
        with pytest.raises(OSError, match="cannot be written"):
            check_destination(tmp_path / path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("loop", "loop/model"):
        with pytest.raises(OSError, match="Too many levels"):
            check_destination(tmp_path / path)
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        with pytest.raises(OSError, match="cannot be written"):
            check_destination(tmp_path / "model")


def named(given: object, **options: object) -> MetricName:
    loss = as_true_loss(given, **options)
    return MetricName.of(
        given, loss, greater_is_better=options.get("greater_is_better")
    )


def constant(y_true, y_score):
    return 0.5 * len(y_true) / len(y_score)


def test_a_metric_name_finds_its_loss_again():
    assert named("auc").true_loss().name == "roc_auc_loss"
    own = named(get_true_loss("fbeta@0.5"))
    assert own.true_loss().name == own.given == "fbeta_loss@0.5"
    scorer = named("neg_log_loss")
    assert scorer.source == "scikit-learn"
    assert scorer.true_loss().name == "neg_log_loss"
    function = named(constant, greater_is_better=True)
    assert function.source == "user"
    with pytest.raises(ValueError, match="Name it again"):
        function.true_loss()
