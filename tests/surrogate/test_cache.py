"""Where files are kept that can be made again, on each system."""

from pathlib import Path

import pytest

from losslearn.surrogate import cache

HOME = Path("home")


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch):
    for name in ("LOSSLEARN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache.Path, "home", lambda: HOME)


@pytest.mark.parametrize(
    ("system", "variable", "places"),
    [
        ("linux", "XDG_CACHE_HOME", (".cache/losslearn", "named/losslearn")),
        ("darwin", None, ("Library/Caches/losslearn",)),
        (
            "win32",
            "LOCALAPPDATA",
            ("AppData/Local/losslearn/Cache", "named/losslearn/Cache"),
        ),
    ],
)
def test_the_user_s_cache_is_where_the_system_has_it(
    monkeypatch, system, variable, places
):
    monkeypatch.setattr(cache.sys, "platform", system)
    assert cache.cache_dir() == HOME / places[0]
    if variable is not None:
        monkeypatch.setenv(variable, "named")
        assert cache.cache_dir() == Path(places[1])
    monkeypatch.setenv("LOSSLEARN_CACHE", "own")
    assert cache.cache_dir() == Path("own")
