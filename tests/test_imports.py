import subprocess
import sys

import pytest

import losslearn

HEAVY = ("sklearn", "pandas", "matplotlib", "pyarrow", "scipy", "rich", "typer")
CODE = """
import sys
import torch
before = set(sys.modules)
{statement}
print([name for name in {heavy} if name in set(sys.modules) - before])
"""


def loaded(statement: str) -> str:
    """Return which heavy packages a fresh interpreter loads for a statement."""
    code = CODE.format(statement=statement, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "import losslearn",
        "from losslearn import "
        + ", ".join(
            name for name in losslearn.__all__ if not name.endswith("Classifier")
        ),
        "import losslearn.training.loop",
        "from losslearn import get_true_loss; get_true_loss('f1')",
    ],
)
def test_heavy_packages_load_only_when_needed(statement):
    assert loaded(statement) == "[]"


def test_the_classifier_loads_scikit_learn():
    assert "sklearn" in loaded("from losslearn import SurrogateClassifier")
