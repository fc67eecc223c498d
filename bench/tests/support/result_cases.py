"""Tables made from lines written by hand, whose outcome is known."""

import itertools


def make_lines(
    method, test, *, dataset="a9a", metric="f1_loss", validation=None, **changes
):
    """Return a line for each loss; validation losses are the test losses by default."""
    line = {
        "protocol": "honest",
        "dataset": dataset,
        "tier": "mlp",
        "method": method,
        "metric": metric,
        "tuning": "short",
        "rows": {"available": 100, "train": 64, "validation": 16, "test": 20},
        "partial": False,
        "capped": False,
        "budget": {"max_iter": 10, "tuning": "short"},
        "versions": {"torch": "2.4"},
        "hardware": {"cores": 2},
        **changes,
    }
    return [
        {
            **line,
            "repetition": repetition,
            "losses": {"validation": chosen_by, "test": loss, "test_oracle": None},
        }
        for repetition, (chosen_by, loss) in enumerate(
            zip(validation or test, test, strict=True)
        )
    ]


def make_surrogates(universal, refined, scratch, **changes):
    """Return the lines of the three surrogates."""
    return [
        *make_lines("sl_u", universal, **changes),
        *make_lines("sl_r", refined, **changes),
        *make_lines("sl_s", scratch, **changes),
    ]


def read(text, *, which=0):
    """Return the rows of one of the tables, by their first entries; header first."""
    blocks = [
        list(lines)
        for is_row, lines in itertools.groupby(
            text.splitlines(), key=lambda line: line.startswith("|")
        )
        if is_row
    ]
    return [[part.strip() for part in line.split("|")[1:-1]] for line in blocks[which]]


def row_of(text, *names, which=0):
    """Return the entries of the row that begins with these names, by column."""
    header, _, *rows = read(text, which=which)
    (found,) = [row for row in rows if row[: len(names)] == list(names)]
    return dict(zip(header, found, strict=True))


LOW, MIDDLE, HIGH = [0.10, 0.11, 0.12], [0.20, 0.21, 0.22], [0.30, 0.31, 0.33]
