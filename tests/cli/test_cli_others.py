"""`losslearn metrics`, `universal` and `demo`."""

import json

from losslearn import load_model
from losslearn.cli import demo, main, universals
from losslearn.metrics import get_true_loss
from losslearn.surrogate.universal import (
    UniversalConfig,
    load_universal,
    make_universal,
)
from losslearn.tasks.binary import Binary


def test_metrics_lists_every_loss(capsys):
    assert main(["metrics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    by_name = {metric["name"]: metric for metric in listed}
    assert by_name["roc_auc_loss"]["needs_threshold"] is False
    assert "f1" in by_name["f1_loss"]["aliases"]
    assert main(["metrics"]) == 0
    out, _ = capsys.readouterr()
    for name in by_name:
        assert name in out


def test_universal_writes_a_surrogate_and_its_error(tmp_path, capsys, monkeypatch):
    config = UniversalConfig(set_sizes=(32,), n_sets=64, max_iter=100)

    def make_quickly(loss, **options):
        return make_universal(loss, config=config, **options)

    monkeypatch.setattr(universals, "make_universal", make_quickly)
    assert main(["universal", "mcc", "--out", str(tmp_path / "u"), "--seed", "7"]) == 0
    view = Binary().view(get_true_loss("mcc"), standardize=True)
    made = load_universal(tmp_path / "u" / "mcc_loss.safetensors", view)
    assert made.settings["seed"] == 7
    assert f"mcc_loss: surrogate error {made.error:.4f}" in capsys.readouterr().out
    monkeypatch.setattr(universals, "list_true_losses", short_list)
    assert main(["universal", "all", "--out", str(tmp_path / "all")]) == 0
    assert sorted(path.stem for path in (tmp_path / "all").iterdir()) == [
        "error_rate",
        "f1_loss",
    ]


def short_list():
    from losslearn.metrics import list_true_losses

    return {name: list_true_losses()[name] for name in ("error_rate", "f1_loss")}


def test_the_demo_runs_the_main_job(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "MAX_ITER", 6)
    monkeypatch.setattr(demo, "MODE", "scratch")
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    for words in ("scikit-learn", "losslearn fit", "learned surrogate", "probability"):
        assert words in out
    assert "precision_at_k needs no threshold" in out
    assert "Model written" not in out
    assert main(["demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] is None
    assert err == ""
    assert main(["demo", "--json", "--out", str(tmp_path / "m")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == str(tmp_path / "m")
    assert found["rows"]["train"] + found["rows"]["test"] == 1797
    assert (found["folds"], found["refitted"]) == (5, True)
    load_model(tmp_path / "m")
