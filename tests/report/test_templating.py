import jinja2
import pytest

from imprint.report.templating import render


def test_text_is_escaped() -> None:
    html = render(
        "blocks.html.j2", kind="paragraph", block={"text": "<b>", "anchor": "", "tone": "note"}
    )
    assert html == '<p class="note">&lt;b&gt;</p>\n'


def test_what_is_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("blocks.html.j2", kind="paragraph")
