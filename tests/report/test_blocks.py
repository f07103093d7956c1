import re

import pytest

from imprint.report.blocks import (
    Block,
    Bullets,
    Columns,
    ControlResult,
    Controls,
    Details,
    Facts,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
    draw_block,
    draw_blocks,
)
from imprint.report.figure import Axis, Lines, Series
from imprint.report.headline import Headline
from imprint.report.prose import prose
from imprint.report.table import Column, Table
from imprint.report.wording import points
from imprint.stats.estimate import Estimate

HOSTILE = "<script>alert(1)</script>"
LINES = Lines(
    name="a", title="Title", caption="Caption.", description="Line.",
    x=Axis("x"), y=Axis("y"), series=[Series("s", [0, 1], [0, 1])],
)  # fmt: skip


def flat(block: Block) -> str:
    return re.sub(r"\s+", " ", str(draw_block(block))).strip()


def test_verdict_says_what_was_found_and_warns() -> None:
    html = flat(Verdict("Found", ["How."], [prose("<b>A control failed.</b>")], anchor="result"))
    assert '<div id="result" class="verdict found">' in html
    assert '<p class="statement">Found</p>' in html
    assert '<p class="warning" role="note"><b>A control failed.</b></p>' in html
    assert 'class="verdict nothing"' in flat(Verdict("Nothing", found=False))


def test_headline_shows_interval_and_chance_in_its_own_unit() -> None:
    line = Headline(
        "Score", Estimate(0.2, (0.1, 0.3), 50), 0.0, "Words.", "image", write=points, unit="points"
    )
    html = flat(Headlines([line]))
    assert '<data value="0.2">+20.0</data><span class="unit">points</span>' in html
    assert "95% interval +10.0 to +30.0 points · 50 images" in html
    assert 'aria-label="95% interval from +10.0 to +30.0 points, guessing at 0.0"' in html


def test_lists_facts_and_columns() -> None:
    assert flat(Bullets(["a", ("b", "c")], "T")) == (
        '<h3>T</h3><ul class="plain"> <li>a</li> <li><b>b</b>: c</li> </ul>'
    )
    assert "<div><dt>Images</dt><dd>12</dd></div>" in flat(Facts([("Images", "12")]))
    two = flat(conclusions(["one"], ["two", "three"]))
    assert two.index("What this shows") < two.index("one") < two.index("What not to conclude")
    assert two.count("<li>") == 3


def test_controls_say_what_was_expected() -> None:
    html = flat(Controls([ControlResult("noise", "Does.", False, "0.7", "0.5", "0.6 to 0.8")]))
    assert '<li class="failed"> <span class="badge">failed</span>' in html
    assert "<b>0.7</b>" in html
    assert 'class="expected">expected 0.5<' in html


def test_blocks_stand_inside_one_another() -> None:
    table = Table([Column("a")], [["cell"]])
    inner = Details("More", [table, Paragraph("words", "remark")], open=True)
    html = flat(Part("Title", [Columns([[inner], [LINES]])], "part"))
    assert html.startswith('<div class="part" id="part"> <h3>Title</h3><div class="columns">')
    assert "<details open>" in html
    assert ">cell</th>" in html
    assert '<p class="significance">words</p>' in html
    assert "<figure><h3>Title</h3>" in html


def test_figures_keep_their_order() -> None:
    html = flat(Figures([LINES, Table([Column("a")], [["b"]])], in_rows=True))
    assert html.startswith('<div class="figures rows">')
    assert html.index("<svg") < html.index("<table")


@pytest.mark.parametrize(
    "block",
    [
        Verdict(HOSTILE, [HOSTILE], [HOSTILE], anchor=HOSTILE),
        Paragraph(HOSTILE, anchor=HOSTILE),
        Bullets([HOSTILE, (HOSTILE, HOSTILE)], HOSTILE),
        Facts([(HOSTILE, HOSTILE)]),
        Controls([ControlResult(*[HOSTILE] * 2, True, *[HOSTILE] * 3)]),
        Details(HOSTILE, [Part(HOSTILE, [], HOSTILE)]),
        Headlines([Headline(HOSTILE, Estimate(0, (0, 0), 1), 0, HOSTILE, HOSTILE, HOSTILE)]),
    ],
)
def test_text_is_escaped(block: Block) -> None:
    html = draw_block(block)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_blocks_follow_one_another() -> None:
    assert draw_blocks([Paragraph("a"), Paragraph("b", "plain")]).split() == [
        "<p", 'class="note">a</p>', "<p>b</p>",
    ]  # fmt: skip
