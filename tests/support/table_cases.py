"""What the tests of this folder share."""

import numpy as np
import pandas as pd

BINARY_SETS = (
    *("a9a", "cc_fraud", "cc_fraud_int", "cod_rna", "covtype", "higgs_sample"),
    *("ijcnn1", "keel_abalone19", "keel_kddcup_buffer_overflow", "keel_page_blocks0"),
    *("keel_yeast4", "porto_seguro", "porto_seguro_balanced", "skin", "susy"),
)


CITIES = ["Lyon", "Oslo", "Rome"]


WORDS = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "yew"]


def mixed_table(n_rows=400, seed=0):
    """Return a table with a column of every kind, values missing in most of them."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40.0, 12.0, n_rows)
    age[rng.random(n_rows) < 0.1] = np.nan
    city = rng.choice(CITIES, n_rows).astype(object)
    city[rng.random(n_rows) < 0.1] = None
    member = rng.choice([True, False], n_rows).astype(object)
    member[rng.random(n_rows) < 0.1] = None
    note = [
        f"{a} and {b} {i % 90}"
        for i, (a, b) in enumerate(rng.choice(WORDS, (n_rows, 2)))
    ]
    dose = rng.integers(0, 900, n_rows).astype(str).astype(object)
    dose[rng.random(n_rows) < 0.05] = "?"
    joined = pd.Timestamp("2019-03-01") + pd.to_timedelta(
        rng.integers(0, 900, n_rows), "D"
    )
    frame = pd.DataFrame(
        {
            "age": age,
            "visits": rng.poisson(3.0, n_rows),
            "income": rng.lognormal(10.0, 2.5, n_rows),
            "active": rng.random(n_rows) < 0.3,
            "member": member,
            "city": city,
            "grade": pd.Categorical(rng.choice(["a", "b", "c"], n_rows)),
            "note": note,
            "dose": dose,
            "joined": joined,
            "left": joined.strftime("%d/%m/%Y"),
            "code": [7] * n_rows,
            "label": np.where(rng.random(n_rows) < 0.3, "yes", "no"),
        }
    )
    frame.loc[3, "joined"] = pd.NaT
    return frame


def one_line(error):
    return "\n" not in str(error.value) and str(error.value)
