import pytest

from losslearn_bench.tables.runtime import DESIGNS, PAPER_DESIGN, measure_iteration


def test_the_papers_sizes_are_counted():
    row = measure_iteration(PAPER_DESIGN, iterations=1, blocks=1)
    # 123-100-30-10-1 with offsets, and two numbers a unit of each BatchNorm
    layers = 123 * 100 + 100 + 100 * 30 + 30 + 30 * 10 + 10 + 10 + 1
    assert row["model_parameters"] == layers + 2 * (100 + 30 + 10)
    encoder = 2 * 30 + 30 + 30 * 30 + 30
    decoder = 30 * 10 + 10 + 10 * 10 + 10 + 10 + 1
    assert row["surrogate_parameters"] == encoder + decoder
    assert (row["model_steps"], row["surrogate_steps"], row["batch_size"]) == (
        3,
        10,
        100,
    )
    assert row["seconds_per_iteration"] > 0
    assert row["cross_entropy_seconds_per_iteration"] > 0


@pytest.mark.parametrize("field", ["hidden", "surrogate_width", "batch_size"])
def test_designs_vary_one_size_at_a_time(field):
    varied = [
        design
        for design in DESIGNS
        if getattr(design, field) != getattr(PAPER_DESIGN, field)
    ]
    assert len(varied) >= 3
    for design in varied:
        differing = [
            name
            for name in PAPER_DESIGN.__dataclass_fields__
            if getattr(design, name) != getattr(PAPER_DESIGN, name)
        ]
        assert differing == [field]
