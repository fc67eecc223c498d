import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import losslearn
from losslearn import SurrogateClassifier, load_model, save_model
from losslearn.metrics import as_true_loss, get_true_loss
from losslearn.tables import TableEncoder
from losslearn.tables.saved import (
    MetricName,
    TableModel,
    check_destination,
    name_metric,
)

PARTS = ("weights.safetensors", "preprocessing.npz", "history.json", "settings.json")


def make_frame(n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(size=n)
    kind = rng.choice(["red", "green", "blue"], size=n)
    ill = size + (kind == "red") + rng.normal(size=n) > 1
    return pd.DataFrame({"size": size, "kind": kind, "ill": ill})


def make_model(metric: str = "f1", module: str | nn.Module = "mlp") -> TableModel:
    frame = make_frame()
    encoder = TableEncoder()
    X = encoder.fit_transform(frame.drop(columns="ill"))
    classifier = SurrogateClassifier(
        metric, mode="scratch", model=module, max_iter=4, random_state=0
    )
    classifier.fit(X, frame["ill"].to_numpy().astype(int))
    return TableModel(
        classifier=classifier,
        encoder=encoder,
        target="ill",
        classes=("healthy", "ill"),
        metric=name_metric(metric, as_true_loss(metric)),
        report=classifier.report_,
    )


@pytest.fixture(scope="module")
def model() -> TableModel:
    return make_model()


@pytest.fixture
def saved(model: TableModel, tmp_path: Path) -> Path:
    save_model(tmp_path / "model", model)
    return tmp_path / "model"


def edit_settings(path: Path, **changes: object) -> None:
    settings = json.loads((path / "settings.json").read_text())
    (path / "settings.json").write_text(json.dumps(settings | changes))


@pytest.mark.parametrize("module", ["mlp", "linear"])
def test_a_loaded_model_predicts_what_the_saved_one_did(tmp_path, module):
    model, frame = make_model(module=module), make_frame(50)
    save_model(tmp_path / "model", model, figure=b"a picture")
    loaded = load_model(tmp_path / "model")
    pd.testing.assert_frame_equal(
        loaded.predict_frame(frame), model.predict_frame(frame), check_exact=True
    )
    assert loaded.metric == MetricName(given="f1", name="f1_loss", source="built-in")
    assert loaded.classes == ("healthy", "ill")
    assert (tmp_path / "model" / "learning_curves.png").read_bytes() == b"a picture"


def test_a_prediction_has_score_probability_and_label(model):
    found = model.predict_frame(make_frame(50).set_index(np.arange(50) + 7))
    assert list(found.columns) == ["score", "probability", "label"]
    assert found.index[0] == 7
    is_ill = found["score"] >= model.classifier.threshold_
    assert set(found["label"]) == {"healthy", "ill"}
    assert (found["label"] == np.where(is_ill, "ill", "healthy")).all()
    assert found["probability"].between(0, 1).all()
    assert np.corrcoef(found["score"], found["probability"])[0, 1] > 0


def test_the_loaded_estimator_scores_and_keeps_its_settings(saved, model):
    loaded, frame = load_model(saved).classifier, make_frame(50)
    X, y = model.encoder.transform(frame.drop(columns="ill")), frame["ill"]
    assert loaded.score(X, y) == model.classifier.score(X, y)
    kept = {"metric", "watch", "fit_progress", "device"}
    expected = model.classifier.get_params()
    assert {
        name: value
        for name, value in loaded.get_params().items()
        if name not in kept and value != expected[name]
    } == {}
    assert loaded.n_iter_ == 4


def test_the_directory_holds_json_that_any_program_reads(saved):
    settings = json.loads((saved / "settings.json").read_text())
    assert settings["losslearn"] == losslearn.__version__
    assert settings["columns"] == {"size": "number", "kind": "category"}
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
        edit_settings(saved, metric=named)
        if source == "user":
            load_model(saved)
        else:
            with pytest.raises(ValueError, match="damaged"):
                load_model(saved)
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


@pytest.mark.parametrize("part", PARTS[:3])
def test_a_changed_byte_is_an_error(saved, part):
    content = bytearray((saved / part).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / part).write_bytes(content)
    with pytest.raises(ValueError, match=f"damaged: {part}"):
        load_model(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"format": "a cake"}, "no losslearn model"),
        ({"threshold": None}, "damaged"),
        ({"classes": ["one"]}, "damaged"),
        ({"model": {"kind": "forest", "n_features": 4}}, "damaged"),
        ({"model": {"kind": "mlp", "n_features": 5}}, "damaged"),
        ({"model": {"kind": "linear", "n_features": 4}}, "damaged"),
        ({"estimator": {"magic": 1}}, "damaged"),
        ({"calibration": {"slope": 1}}, "damaged"),
        ({"sha256": None}, "damaged"),
        ({"metric": {"given": "f1", "name": "none", "source": "built-in"}}, "damaged"),
    ],
)
def test_settings_of_another_form_are_one_clear_error(saved, changes, message):
    edit_settings(saved, **changes)
    with pytest.raises(ValueError, match=message):
        load_model(saved)


def test_no_directory_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model directory"):
        load_model(tmp_path / "none")
    with pytest.raises(ValueError, match="no losslearn model"):
        load_model(tmp_path)


def test_a_model_of_ones_own_cannot_be_saved(tmp_path):
    model = make_model(module=nn.Linear(4, 1))
    with pytest.raises(ValueError, match="got Linear"):
        save_model(tmp_path / "model", model)
    assert list(tmp_path.iterdir()) == []


def test_saving_makes_parents_and_replaces_a_model(tmp_path, model):
    path = tmp_path / "a" / "b"
    save_model(path, model, figure=b"old")
    save_model(path, model)
    assert sorted(entry.name for entry in path.iterdir()) == sorted(PARTS)
    assert list(path.parent.iterdir()) == [path]


def test_saving_through_a_link_replaces_what_it_points_to(tmp_path, saved, model):
    link = tmp_path / "link"
    link.symlink_to(saved, target_is_directory=True)
    save_model(link, model, figure=b"new")
    assert link.is_symlink()
    assert (saved / "learning_curves.png").exists()


@pytest.mark.parametrize("at", ["saving.save_file", "directories._put_in_place"])
def test_a_failed_save_leaves_the_old_model_alone(saved, model, monkeypatch, at):
    before = {part: (saved / part).read_bytes() for part in PARTS}

    def fail(*_args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(f"losslearn.tables.saved.{at}", fail)
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

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="no"):
        save_model(saved, model)
    load_model(saved)
    assert list(saved.parent.glob(".*")) == []


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
    with pytest.raises(OSError, match="cannot be written"):
        check_destination(tmp_path / "file" / "model")
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        with pytest.raises(OSError, match="cannot be written"):
            check_destination(tmp_path / "model")


def test_a_metric_name_finds_its_loss_again():
    named = name_metric("auc", get_true_loss("auc"))
    assert named.true_loss().name == "roc_auc_loss"
    scorer = name_metric("neg_log_loss", as_true_loss("neg_log_loss"))
    assert scorer.source == "scikit-learn"
    assert scorer.true_loss().name == "neg_log_loss"
    own = MetricName(given="profit.py:f", name="f", source="user")
    with pytest.raises(ValueError, match="Name it again"):
        own.true_loss()
