"""The runtime."""

import itertools

import pytest
from result_cases import read

from losslearn_bench.tables.runtime import fit_runtime, runtime_table


def test_runtime_fit_finds_the_coefficients_it_was_made_from():
    rows = []
    for width, steps, size in itertools.product((100, 3000), (1, 10), (100, 1000)):
        row = {
            "model_parameters": width,
            "surrogate_parameters": 50,
            "model_steps": 3,
            "surrogate_steps": steps,
            "batch_size": size,
            "cross_entropy_seconds_per_iteration": 0.002,
        }
        seconds = 1e-3 + size * (2e-9 * 3 * (width + 50) + 5e-8 * steps * 50)
        rows.append({**row, "seconds_per_iteration": seconds})
    fit = fit_runtime(rows)
    assert fit[:3] == pytest.approx((1e-3, 2e-9, 5e-8))
    assert fit.r_squared == pytest.approx(1)
    text = runtime_table(rows)
    assert "Fitted: 1 ms" in text
    assert "2 ns x K_alpha" in text
    header, _, first, *_ = read(text)
    found = dict(zip(header, first, strict=True))
    # 1 ms + 100 (2e-9 * 450 + 5e-8 * 50) s = 1.34 ms
    assert (found["ms"], found["ms, fitted"], found["ratio"]) == (
        "1.34",
        "1.34",
        "0.67",
    )
    # by operations 3 (100 + 50) + 50 against 3 times 100
    assert found["ratio, by operations"] == "1.67"


def test_runtime_fit_has_no_negative_coefficient():
    row = {"model_parameters": 1, "surrogate_parameters": 1, "batch_size": 1}
    rows = [
        {**row, "model_steps": k, "surrogate_steps": 1, "seconds_per_iteration": 1 / k}
        for k in (1, 2, 3, 4)
    ]
    fit = fit_runtime(rows)
    assert min(fit[:3]) == 0
    assert fit.r_squared == pytest.approx(0)


def test_runtime_needs_measurements():
    with pytest.raises(ValueError, match="at least 4 measurements, got 0"):
        fit_runtime([])
    assert "No fit: it needs at least 4" in runtime_table([])
