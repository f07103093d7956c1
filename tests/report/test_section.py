from imprint.report.blocks import Columns, Details, Paragraph, Part, Verdict
from imprint.report.section import Section


def test_links_lead_to_blocks_that_want_one_in_their_order() -> None:
    inner = Part("Inner", [], "inner", "Inner link")
    section = Section(
        "key",
        "Title",
        [
            Verdict("v", anchor="result", link="Result"),
            Part("Outer", [Columns([[inner], []]), Paragraph("x")], "outer"),
            Details("More", [Part("Deep", [], "deep", "Deep link")]),
        ],
        order=10,
    )
    assert section.links == (("result", "Result"), ("inner", "Inner link"), ("deep", "Deep link"))


def test_a_section_without_links_is_linked_itself() -> None:
    section = Section("key", "Title", [Paragraph("words")], order=10)
    assert section.links == (("key", "Title"),)
    assert section.html == '<p class="note">words</p>\n'
