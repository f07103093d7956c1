import pytest

from imprint.reading.xml_files import read_xml
from tests.reading.refusals import sentence_about

ENTITIES = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<a>" * 200_000, "nests them more than 32 deep"),
        ("<a>" + "<b/>" * 60_000 + "</a>", "more than 50,000 elements"),
        (ENTITIES, "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        ("<a>" * 2_000_000, "has more than 4,194,304 bytes"),
        ("<a>&b;</a>", "not well-formed XML"),
        ("<a><b></a>", "not well-formed XML"),
        ('<?xml version="1.0" encoding="no-such"?><a/>', "not well-formed XML"),
        ("", "not well-formed XML"),
    ],
)
def test_xml_that_is_not_an_annotation_is_rejected(tmp_path, content, message):
    assert message in sentence_about(read_xml, tmp_path / "a.xml", content)


def test_xml_comes_back(tmp_path):
    (tmp_path / "a.xml").write_text("<a><b>é 1</b><b x='2'/>&lt;</a>", encoding="utf-8")
    root = read_xml(tmp_path / "a.xml")
    assert [item.text for item in root.iter("b")] == ["é 1", None]
    assert root.findall("b")[1].tail == "<"
