"""Tables as boosted trees take them: no scale, gaps as NaN, categories as codes."""

import numpy as np
import pandas as pd
import pytest

from losslearn import TableEncoder, fit_table, load_model


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amount": [10.0, np.nan, 30.5, 40.0] * 10,
            "same": [1] * 40,
            "city": ["Bonn", "Ulm", None, "Bonn"] * 10,
            "day": pd.to_datetime(
                ["2024-01-05", "2024-02-05", "2025-03-07", None] * 10
            ),
        }
    )


def test_numbers_stay_as_they_are_and_gaps_are_nan(frame):
    encoder = TableEncoder(for_trees=True).fit(frame)
    matrix = encoder.transform(frame)
    names = encoder.get_feature_names_out().tolist()
    assert names[0] == "amount"
    np.testing.assert_array_equal(matrix[:4, 0], np.float32([10, np.nan, 30.5, 40]))
    assert "same" not in names
    assert len(names) == matrix.shape[1]


def test_categories_are_codes_of_one_feature(frame):
    encoder = TableEncoder(for_trees=True).fit(frame)
    (place,) = encoder.categorical
    assert encoder.get_feature_names_out()[place] == "city"
    codes = encoder.transform(frame)[:4, place]
    assert codes[0] == codes[3] != codes[1]
    assert np.isnan(codes[2])
    other = encoder.transform(frame.assign(city="Kiel"))[0, place]
    assert other not in {codes[0], codes[1]}
    assert TableEncoder().fit(frame).categorical == ()


def test_dates_are_their_parts_and_a_missing_one_is_nan(frame):
    encoder = TableEncoder(for_trees=True).fit(frame)
    names = encoder.get_feature_names_out().tolist()
    places = [place for place, name in enumerate(names) if name.startswith("day")]
    matrix = encoder.transform(frame)[:, places]
    assert np.isnan(matrix[3]).all()
    assert np.isfinite(matrix[:3]).all()


def test_a_file_knows_that_it_is_for_trees(frame, tmp_path):
    encoder = TableEncoder(for_trees=True).fit(frame)
    encoder.dump(tmp_path / "columns.json")
    again = TableEncoder.load(tmp_path / "columns.json")
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))
    assert again.categorical == encoder.categorical


def test_trees_go_from_a_table_to_a_saved_model(frame, tmp_path):
    draws = np.random.default_rng(0)
    table = pd.concat([frame] * 6, ignore_index=True)
    is_good = (table["amount"].fillna(25) > 20) ^ (draws.random(len(table)) < 0.1)
    table["label"] = np.where(is_good, "good", "bad")
    model = fit_table(
        table, "label", "f1", model="lightgbm", out=tmp_path / "m", cv=1, max_iter=8
    )
    again = load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.scores(table), model.scores(table))
    assert model.evaluate(table, "label")["value"] < 0.3
    assert again.module.trees.n_rounds > 0
