"""What the pages link to is there, in a fresh clone too."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bench/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page):
    found = re.findall(r"\]\(([^)\s#]+)", page.read_text())
    within = [link for link in found if "://" not in link and "@" not in link]
    assert [one for one in within if not (page.parent / one).exists()] == []
