from markupsafe import Markup

from imprint.report.prose import number, plain, prose, sentences
from imprint.report.wording import percent

HOSTILE = "<img src=x onerror=alert(1)>"


def test_what_is_filled_in_is_escaped() -> None:
    assert prose("<b>{}</b>", HOSTILE) == "<b>&lt;img src=x onerror=alert(1)&gt;</b>"
    assert prose("<b>{name}</b>", name=prose("<i>{}</i>", "&")) == "<b><i>&amp;</i></b>"


def test_braces_in_values_stay() -> None:
    assert prose("{} of {}", "{0}", 3) == "{0} of 3"


def test_number_keeps_its_exact_value() -> None:
    assert number(1 / 3, percent) == '<data value="0.3333333333333333">33.3%</data>'


def test_sentences_leave_out_what_is_empty() -> None:
    joined = sentences("a < b.", "", Markup("<b>c</b>."))
    assert joined == "a &lt; b. <b>c</b>."
    assert plain(joined) == "a < b. c."
