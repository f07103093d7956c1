import gzip
import os
import socket

import pytest

from imprint.core.errors import ImprintError
from imprint.reading.json_files import read_json
from imprint.reading.packed import read_packed
from imprint.reading.regular import open_regular, read_bytes, read_text
from imprint.reading.xml_files import read_xml
from imprint.reading.yaml_files import read_yaml


def refused(read, path, *arguments):
    with pytest.raises(ImprintError) as caught:
        read(path, *arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sentence_about(read, path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return refused(read, path)


@pytest.mark.parametrize("read", [open_regular, read_text, read_json, read_yaml, read_xml])
def test_pipes_devices_sockets_and_folders_are_refused_at_once(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "socket", "link"):
        assert "is a pipe, socket or device" in refused(read, tmp_path / name)
    assert "is a folder" in refused(read, tmp_path)
    assert "is no path" in refused(read, tmp_path / "a\0b")
    server.close()
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent")


def test_a_file_is_read_no_further_than_its_bound(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    assert "has more than 4 bytes" in refused(read_bytes, tmp_path / "a", 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1, "a": 2}', "key 'a' stands there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[NaN]", "NaN is no JSON value"),
        ("[Infinity]", "Infinity is no JSON value"),
        ("1" * 5000, "damaged or not JSON"),
        (b"\xff\xfe", "damaged or not JSON"),
        ("", "damaged or not JSON"),
    ],
)
def test_json_that_is_none_is_told(tmp_path, content, message):
    assert message in sentence_about(read_json, tmp_path / "a.json", content)


BILLION = "a0: &a0 [x, x]\n" + "".join(
    f"a{row}: &a{row} [{', '.join([f'*a{row - 1}'] * 9)}]\n" for row in range(1, 12)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BILLION, "holds more than 50,000 values, aliases written out"),
        ("a: &a [*a]", "nests them"),
        ("a: &a {b: *a}", "nests them"),
        ("[" * 1000, "nests them"),
        ("- " * 1000 + "a", "nests them"),
        ("a: 1\nb: 2\na: 3", "line 3: key 'a' stands there twice"),
        ("a: {b: 1, b: 1}", "key 'b' stands there twice"),
        ("!!python/object/apply:os.system [true]", "tag"),
        ("a: !thing 3", "tag"),
        ("? [a]\n: 1", "a key must be a word"),
        ("a: 2026-13-45", "is not YAML"),
        ("a: !!int ''", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("a: *b", "is not YAML"),
        ("a: [", "is not YAML"),
        (b"a: \xff", "is not UTF-8 text"),
        ("x" * 300_000, "has more than 262,144 bytes"),
    ],
)
def test_yaml_that_is_no_list_of_options_is_told(tmp_path, content, message):
    assert message in sentence_about(read_yaml, tmp_path / "a.yaml", content)


def test_plain_yaml_comes_back(tmp_path):
    text = "a: 1\nb: [x, 2.5, null, true]\nc: {d: &d [1], e: *d}\non: 3\n"
    (tmp_path / "a.yaml").write_text(text)
    assert read_yaml(tmp_path / "a.yaml") == {
        "a": 1,
        "b": ["x", 2.5, None, True],
        "c": {"d": [1], "e": [1]},
        True: 3,
    }
    (tmp_path / "a.yaml").write_text("")
    assert read_yaml(tmp_path / "a.yaml") is None


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
def test_xml_that_is_no_annotation_is_told(tmp_path, content, message):
    assert message in sentence_about(read_xml, tmp_path / "a.xml", content)


def test_xml_comes_back(tmp_path):
    (tmp_path / "a.xml").write_text("<a><b>é 1</b><b x='2'/>&lt;</a>", encoding="utf-8")
    root = read_xml(tmp_path / "a.xml")
    assert [item.text for item in root.iter("b")] == ["é 1", None]
    assert root.findall("b")[1].tail == "<"


def test_a_packed_file_of_zeros_is_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    assert "unpacks to more than 100 times" in refused(read_packed, tmp_path / "a.gz", 1 << 40)
    assert read_packed(tmp_path / "a.gz", 4) == bytes(4)
