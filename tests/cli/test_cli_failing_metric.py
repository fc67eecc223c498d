"""A metric of the user's own that fails once, however late, loses nothing."""

import json
import re
import sys
from pathlib import Path

import pytest
from cli_cases import error_line, fit, make_frame

from losslearn import SurrogateClassifier, load_model
from losslearn.cli.progress import FitDisplay
from losslearn.metrics import declare_metric
from losslearn.training.recipe import Recipe

FAULTS = {
    "exception": ("raise RuntimeError('out of\\nink')", "RuntimeError"),
    "nan": ("return float('nan')", "finite value, got nan"),
    "exit": ("exit()", "SystemExit"),
    "its own Ctrl-C": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "unprintable": ("raise Mute", "cannot be printed"),
    "odd": ("return Mute()", "must return one number"),
    "ragged": ("return [1, [2]]", "must return one number"),
}
SOURCE = """
class Mute(Exception):
    def __str__(self): raise RuntimeError
    __repr__ = __str__

calls = 0

def share(y_true, {takes}):
    global calls
    calls += 1
    if calls {when}:
        {fault}
    return float(((y_true == 1) != ({takes} > 0)).mean())
"""


def write_metric(fault: str, when: str, *, takes: str = "y_score") -> None:
    code = SOURCE.format(fault=FAULTS[fault][0], when=when, takes=takes)
    Path("mine.py").write_text(code)


def n_calls_of_a_fit(takes: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of calls until the first look, and in all."""
    seen = []
    module = "_function_file_mine"
    with monkeypatch.context() as patch:
        patch.setattr(
            FitDisplay,
            "watch",
            lambda _display, _record: seen.append(sys.modules[module].calls),
        )
        write_metric("exception", "< 0", takes=takes)
        assert fit("--lower-is-better", "--out", "whole", metric="mine.py:share") == 0
    return [seen[0], sys.modules[module].calls]


@pytest.mark.parametrize(
    "takes", ["y_score", pytest.param("y_pred", marks=pytest.mark.slow)]
)
def test_a_metric_that_fails_at_any_call_loses_nothing(capsys, monkeypatch, takes):
    first, last = n_calls_of_a_fit(takes, monkeypatch)
    whole = load_model("whole").report
    capsys.readouterr()
    for step, fault in enumerate(FAULTS):
        place = first + 1 + (last - first - 1) * step // (len(FAULTS) - 1)
        write_metric(fault, f"{'==' if step % 2 else '>='} {place}", takes=takes)
        words = ("--lower-is-better", "--out", "m", "--json")
        Path("m.checkpoint").unlink(missing_ok=True)  # of a fit of over a second
        code = fit(*words, metric="mine.py:share")
        out, line = capsys.readouterr()
        if code == 0:  # no value on some sets, which is told, or at some thresholds
            assert fault == "nan"
            told = json.loads(out).get("undefined", "")
            assert takes == "y_pred" or "had no value on" in told
            continue
        assert code == 3, (fault, place)
        assert re.fullmatch(r"losslearn: `share` .* at call \d+.* are kept.\n", line)
        assert FAULTS[fault][1] in line
        model = load_model("m")
        assert len(model.predict(make_frame())) == 300
        assert (Path("m") / "learning_curves.png").exists()
        methods = [one["method"] for one in model.report["results"]]
        assert methods == [one["method"] for one in whole["results"]]
        assert len(model.report["failures"]) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_metric_that_fails_before_there_is_a_model_is_one_line(capsys, fault):
    write_metric(fault, ">= 1")
    assert fit("--lower-is-better", "--out", "m", metric="mine.py:share") == 2
    assert FAULTS[fault][1] in error_line(capsys)
    assert not Path("m").exists()


def test_a_file_that_ends_the_program_is_one_line(capsys):
    Path("mine.py").write_text("exit()\n")
    assert fit("--lower-is-better", "--out", "m", metric="mine.py:share") == 2
    assert "SystemExit when it was loaded" in error_line(capsys)


@pytest.mark.parametrize("warm_up", [0.0, 0.3])
def test_the_estimator_warns_and_says_it(warm_up):
    calls, fails_at = [], []

    @declare_metric(greater_is_better=False)
    def share(y_true, y_score):
        calls.append(1)
        if len(calls) in fails_at:
            raise RuntimeError("out of ink")
        return float(((y_true == 1) != (y_score > 0)).mean())

    frame = make_frame()
    x, y = frame[["age"]], frame["churn"]
    recipe = Recipe(mode="scratch", max_iter=10, warm_up=warm_up, catch_up=4)
    fitted = SurrogateClassifier(share, recipe=recipe, random_state=0).fit(x, y)
    assert fitted.report_["failures"] == []
    total = len(calls)
    for place in range(total // 2, total, total // 5):
        calls.clear()
        fails_at[:] = [place]
        with pytest.warns(RuntimeWarning, match="RuntimeError at call .*are kept"):
            fitted = SurrogateClassifier(share, recipe=recipe, random_state=0).fit(x, y)
        assert len(fitted.report_["failures"]) == 1
        assert set(fitted.method_weights_) == {"surrogate", "cross_entropy"}
        assert fitted.predict(x).shape == (300,)
