import base64
import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from losslearn.report.figures import new_figure, render, save_figure, write_whole
from losslearn.report.palette import BLUE, VERMILION
from losslearn_bench.figures.critical_difference import draw_critical_difference
from losslearn_bench.figures.outcomes import draw_outcomes, percent_changes
from losslearn_bench.figures.page import Picture, Section, write_page
from losslearn_bench.tables.entries import Key
from losslearn_bench.tables.outcomes import Contrast


def make_figure():
    figure = new_figure(2, 2)
    figure.subplots().plot([0, 1], [1, 0], marker="o")
    return figure


def test_a_figure_is_written_as_png_and_svg(tmp_path):
    paths = save_figure(make_figure(), tmp_path / "new" / "figure.v1")
    assert [path.name for path in paths] == ["figure.v1.png", "figure.v1.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "figure.v1.png",
        "figure.v1.svg",
    ]


@pytest.mark.parametrize("form", ["png", "svg"])
def test_equal_figures_give_equal_files(form):
    assert render(make_figure(), form) == render(make_figure(), form)


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_a_half_written_file_is_never_left(step, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def fail(self, *_):
        if step == "write_bytes":
            with self.open("wb") as file:
                file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new")
    assert os.listdir(tmp_path) == ["page.html"]  # noqa: PTH208 - Path is broken here
    assert path.read_text() == "old"


class Reader(HTMLParser):
    """Collects what a browser would load, link to and show."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.sources, self.links, self.ids = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [found["src"]] if "src" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.ids += [found["id"]] if "id" in found else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


GIF = b"GIF89a rest"


def make_page(path: Path) -> Path:
    pictures = [render(make_figure(), "png"), render(make_figure(), "svg"), GIF]
    sections = [
        Section("A <b> & c", "1 < 2 & **bold**\n\n| x |\n|---|\n| <i> |"),
        Section("Same", pictures=[Picture(picture, '"a" <b>') for picture in pictures]),
        Section("Same"),
    ]
    write_page(path, title="<script>", sections=sections)
    return path


def test_a_page_is_one_file_that_holds_every_figure(tmp_path):
    text = make_page(tmp_path / "page.html").read_text()
    assert os.listdir(tmp_path) == ["page.html"]  # noqa: PTH208 - names suffice
    page = Reader(text)
    assert not page.open
    kinds = [source.split(";")[0] for source in page.sources]
    assert kinds == ["data:image/png", "data:image/svg+xml", "data:image/gif"]
    contents = [base64.b64decode(source.split(",")[1]) for source in page.sources]
    assert contents[0] == render(make_figure(), "png")
    assert contents[2] == GIF
    assert not re.search(r"https?://|url\(|@import", text)
    assert "prefers-color-scheme: dark" in text


def test_a_page_escapes_what_it_is_given(tmp_path):
    text = make_page(tmp_path / "page.html").read_text()
    assert "<script>" not in text
    assert "<h1>&lt;script&gt;</h1>" in text
    assert "A &lt;b&gt; &amp; c</a></h2>" in text
    assert "<p>1 &lt; 2 &amp; <strong>bold</strong></p>" in text
    assert "<td>&lt;i&gt;</td>" in text
    assert f'alt="{html.escape(chr(34))}a' in text


def test_each_section_has_an_anchor_of_its_own(tmp_path):
    page = Reader(make_page(tmp_path / "page.html").read_text())
    assert page.ids == ["a-b-c", "same", "same-2"]
    assert page.links == [f"#{name}" for name in page.ids * 2]


def test_a_picture_of_another_kind_is_refused_and_nothing_written(tmp_path):
    sections = [Section("x", pictures=[Picture(b"%PDF-1.7", "a PDF")])]
    with pytest.raises(ValueError, match="PNG, SVG or GIF"):
        write_page(tmp_path / "page.html", title="t", sections=sections)
    assert not list(tmp_path.iterdir())


def test_a_page_keeps_pipes_alignment_lines_and_names(tmp_path):
    table = "| a \\| b | `c` |\n| --- | ---: |\n| cc_fraud\\* | 0.1 ± 0.2 |"
    path = tmp_path / "page.html"
    text = "roc_auc_loss\nand _tie_"
    write_page(path, title="t", sections=[Section("x", f"{table}\n\n{text}")])
    page = path.read_text()
    assert "<th>a | b</th>" in page
    assert '<td style="text-align:right">0.1 ± 0.2</td>' in page
    assert "<td>cc_fraud*</td>" in page
    assert re.search(r"<p>roc_auc_loss<br ?/?>\nand <em>tie</em></p>", page)


def test_the_diagram_names_each_method_at_its_rank_and_joins_groups():
    names, ranks = ["a", "b", "c", "d"], [2.2, 1.0, 2.5, 4.0]
    figure = draw_critical_difference(
        dict(zip(names, ranks, strict=True)), 0.7, title="ranks"
    )
    (ax,) = figure.axes
    texts = {text.get_text() for text in ax.texts}
    assert {"a (2.20)", "b (1.00)", "(2.50) c", "(4.00) d"} <= texts
    assert figure.get_suptitle() == "ranks\ncritical difference 0.70"
    bars = [line for line in ax.lines if line.get_color() == VERMILION]
    joined = [sorted(bar.get_xdata()) for bar in bars if bar.get_ydata()[0] < 0]
    assert joined == [[2.2, 2.5]]


def is_whole(figure):
    """Whether all that is drawn lies within a figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    rounding = 1e-6  # axes may reach from edge to edge
    room = (box.x0, box.y0, width - box.x1, height - box.y1)
    return min(room) >= -rounding


@pytest.mark.parametrize("n", [2, 3, 11])
@pytest.mark.parametrize("long", ["imbalanced-losses, Smooth-AP", "x", "W" * 60])
def test_no_text_of_a_diagram_is_cut(n, long):
    names = [f"{place} {long}" for place in range(n)]
    ranks = np.linspace(1, n, n).tolist()
    title = f"average rank of {n} methods {long}"
    figure = draw_critical_difference(
        dict(zip(names, ranks, strict=True)), n - 0.5, title=title
    )
    assert is_whole(figure)


def cell(name, pairs, verdict, metric="f1_loss"):
    ours, control = map(list, zip(*pairs, strict=True))
    return Contrast(Key("linear", name, metric, "sl_r"), ours, control, verdict)


def test_the_change_is_in_percent_of_the_control():
    pairs = [(0.3, 0.2), (0.2, 0.4), (0.0, 0.0), (0.1, 0.0)]
    changes = percent_changes(cell("a", pairs, "tie"))
    assert changes == [pytest.approx(50), pytest.approx(-50), np.inf]


def test_every_repetition_is_a_point_in_the_colour_of_the_verdict():
    cells = [
        cell("first", [(0.875, 1), (0.625, 1)], "win"),
        cell("second", [(1.75, 1), (1.125, 1)], "loss"),
        cell("third", [(0.5, 0), (0.5, 0.5)], "tie"),
    ]
    figure = draw_outcomes(cells, limit=50, title="t", partial={"second"})
    (ax,) = figure.axes
    shown = [
        (line.get_marker(), line.get_color(), *point)
        for line in ax.lines
        for point in line.get_xydata().tolist()
    ]
    assert ("o", BLUE, -12.5, 0.0) in shown
    assert ("|", BLUE, -25.0, 0.0) in shown
    assert (">", VERMILION, 50.0, 1.0) in shown
    assert [mark for mark, *_, row in shown if row == 2.0] == ["o", ">"]
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "first  f1_loss",
        "second*  f1_loss",
        "third  f1_loss",
    ]
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["1 win", "1 tie", "1 loss", "mean", "further than 50 %"]


def test_two_losses_of_0_are_told_and_no_change():
    cells = [
        cell("none", [(0, 0)] * 3, "tie"),
        cell("some", [(0, 0), (1.25, 1), (1.75, 1)], "tie"),
    ]
    figure = draw_outcomes(cells, limit=100, title="t", note="a part")
    (ax,) = figure.axes
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["both losses 0 in 3 of 3", "both losses 0 in 1 of 3"]
    points = [
        (line.get_marker(), *point)
        for line in ax.lines[:-1]  # the last one marks 0
        for point in line.get_xydata().tolist()
    ]
    assert points == [("o", 25.0, 1.0), ("o", 75.0, 1.0), ("|", 50.0, 1.0)]
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "a part"
    assert "further" not in " ".join(text.get_text() for text in legend.get_texts())


def test_no_text_of_the_outcomes_is_cut():
    name, metric = "keel_kddcup_buffer_overflow", "average_precision_loss"
    cells = [cell(name, [(1.9, 1)], "tie", metric)] * 9
    title, note = "linear: SurrogateClassifier's fit against cross-entropy", "part " * 9
    figure = draw_outcomes(cells, limit=60, title=title, note=note, partial={name})
    assert is_whole(figure)
