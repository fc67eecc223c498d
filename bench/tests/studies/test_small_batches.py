"""The comparison of `bench/studies/small_batches.py`."""

import small_batches


def test_a_small_run_goes_on_and_gives_a_table(tmp_path, monkeypatch, data_dir):
    small = {
        "TASKS": (("linear", "keel_yeast4"),),
        "BATCHES": (16, 32),
        "STEPS": 20,
        "LOOKS": 2,
    }
    for name, value in small.items():
        monkeypatch.setattr(small_batches, name, value)
    path = tmp_path / "lines.jsonl"
    words = ["--jobs", "1", "--results", str(path), "--data-dir", str(data_dir)]
    small_batches.main([*words, "--seeds", "1"])
    first = path.read_text()
    small_batches.main([*words, "--seeds", "2"])
    assert path.read_text().startswith(first)  # what is done is not done again
    assert len(path.read_text().splitlines()) == 4
    _, _, *rows = path.with_suffix(".md").read_text().splitlines()
    assert [row.split(" | ")[2] for row in rows] == ["16", "32"]
    assert all("of 2" in row for row in rows)
