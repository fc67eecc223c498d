"""Running a comparison that is no grid of losses from the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from losslearn.cli.reporting import note
from losslearn_bench.cli.running import stopped_as_by_ctrl_c
from losslearn_bench.decisions.run import run_decisions
from losslearn_bench.strong.run import run_strong

_SMOKE = "_smoke"
_RUNS = {"decisions": run_decisions, "strong": run_strong}
_PLAIN = {"size": "capped", "protocol": "honest", "backend": "local", "tier": []}
"""Options of grids, at their defaults."""


@dataclass(frozen=True)
class ComparisonOptions:
    """Which part is asked for; an empty one is all of it."""

    preset: str
    """A comparison, or a look at everything in it, in seconds."""
    repetitions: int | None
    datasets: Sequence[str] = ()
    methods: Sequence[str] = ()
    metrics: Sequence[str] = ()
    others: Mapping[str, object] = field(default_factory=dict)
    """Options that grids alone have."""

    def check(self) -> None:
        """Refuse what a comparison does not have."""
        given = [name for name, value in self.others.items() if value != _PLAIN[name]]
        if given:
            raise ValueError(
                f"`run {self.preset}` has no option --{given[0]}: it always takes the "
                "same rows and models, on this machine. Leave the option out."
            )


def run(options: ComparisonOptions, out: Path, data_dir: Path | None, jobs: int) -> int:
    """Run what is missing, write the page, and return the exit code: 1 of a failure."""
    options.check()
    with stopped_as_by_ctrl_c():
        failed = _RUNS[options.preset.removesuffix(_SMOKE)](
            out,
            problems=options.metrics,
            models=options.methods,
            datasets=options.datasets,
            repetitions=options.repetitions,
            jobs=jobs,
            data_dir=data_dir,
            is_smoke=options.preset.endswith(_SMOKE),
        )
    for one in failed:
        note(f"failed, to be run again: {one}")
    note(f"the lines and the page are in {out}")
    return int(bool(failed))
