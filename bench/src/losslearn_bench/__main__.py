"""The command for those who have its package, but not its script on the path."""

import sys

from losslearn_bench.cli import main

if __name__ == "__main__":  # a benchmark's worker processes import this module too
    sys.exit(main())
