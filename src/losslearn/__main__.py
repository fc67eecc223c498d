"""The command for those who have its package, but not its script on the path."""

from losslearn.cli import run_process

if __name__ == "__main__":  # worker processes import this module too
    run_process()
