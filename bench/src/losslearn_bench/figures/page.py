"""One HTML file that holds a study: text, tables and figures."""

import base64
import html
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from losslearn.report.figures import write_whole

_KINDS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"<?xml": "image/svg+xml",
    b"<svg": "image/svg+xml",
}

_STYLE = """\
:root { color-scheme: light dark; --ink: #222; --soft: #666; --line: #ddd;
  --back: #fff; --head: #f5f5f2; --link: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e4e0; --soft: #a5a5a0;
  --line: #444; --back: #1b1b1d; --head: #28282b; --link: #6cb8e6; } }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.2rem 4rem; color: var(--ink);
  background: var(--back); font: 16px/1.55 system-ui, sans-serif; }
h1 { line-height: 1.2; } h2 { margin-top: 2.6rem; }
p { max-width: 46rem; }
a { color: var(--link); } h2 a { color: inherit; text-decoration: none; }
h2 a:hover::after { content: " #"; color: var(--soft); }
nav ul { columns: 2; padding-left: 1.1rem; }
code { background: var(--head); border-radius: 3px; padding: 0 .25em;
  font-size: .92em; }
table { display: block; overflow-x: auto; margin: 1rem 0; border-collapse: collapse;
  font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; text-align: left;
  white-space: nowrap; }
th { background: var(--head); }
figure { margin: 1.4rem 0; }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
figcaption { color: var(--soft); font-size: .9rem; max-width: 46rem; }
"""


class Picture(NamedTuple):
    """A figure."""

    content: bytes
    """A PNG, SVG or GIF file."""
    caption: str
    """Stands below it, and for it where pictures are not shown."""


class Section(NamedTuple):
    """A heading, the figures below it, and what follows them."""

    heading: str
    markdown: str = ""
    pictures: Sequence[Picture] = ()


def write_page(path: Path, *, title: str, sections: Sequence[Section]) -> None:
    """Write a page that needs no other file and no network.

    Its sections are listed at the top, each with an anchor made of its heading.
    """
    # a line of text stays a line; HTML in the text is shown as it is written
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
    name = html.escape(title)
    lines = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{name}</title>\n<style>\n{_STYLE}</style>\n</head>",
        f"<body>\n<h1>{name}</h1>",
        "<nav><ul>",
    ]
    below = []
    anchors = _anchors([section.heading for section in sections])
    for anchor, section in zip(anchors, sections, strict=True):
        heading = f'<a href="#{anchor}">{html.escape(section.heading)}</a>'
        lines.append(f"<li>{heading}</li>")
        below.append(f'<h2 id="{anchor}">{heading}</h2>')
        below += [_figure(picture) for picture in section.pictures]
        below.append(markdown.render(section.markdown))
    page = "\n".join([*lines, "</ul></nav>", *below, "</body>\n</html>\n"])
    write_whole(path, page.encode())


def _figure(picture: Picture) -> str:
    # an image and not the SVG itself: the names within two SVGs may clash
    data = base64.b64encode(picture.content).decode()
    caption = html.escape(picture.caption)
    return (
        f'<figure>\n<img alt="{caption}" src="data:{_kind(picture.content)};base64,'
        f'{data}">\n<figcaption>{caption}</figcaption>\n</figure>'
    )


def _kind(content: bytes) -> str:
    """Return the media type that the first bytes of a file tell."""
    for start, kind in _KINDS.items():
        if content.startswith(start):
            return kind
    raise ValueError(
        f"A picture must be a PNG, SVG or GIF file, got one that begins with "
        f"{content[:8]!r}."
    )


def _anchors(headings: Sequence[str]) -> list[str]:
    """Return a name for each heading, lower case with hyphens, none twice."""
    anchors: list[str] = []
    for heading in headings:
        plain = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "section"
        names = itertools.chain([plain], (f"{plain}-{n}" for n in itertools.count(2)))
        anchors.append(next(name for name in names if name not in anchors))
    return anchors
