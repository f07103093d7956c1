import os
import socket

import pytest

from imprint.reading.json_files import read_json
from imprint.reading.regular import (
    open_regular,
    read_at_once,
    read_bytes,
    read_start,
    read_text,
)
from imprint.reading.xml_files import read_xml
from imprint.reading.yaml_files import read_yaml
from tests.reading.refusals import refused


def read_all(path):
    return read_at_once(path, 10)


def read_first(path):
    return read_start(path, 3)


@pytest.mark.parametrize(
    "read", [open_regular, read_text, read_json, read_yaml, read_xml, read_all, read_first]
)
def test_pipes_devices_sockets_and_folders_are_refused_at_once(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "socket", "link"):
        assert "is a pipe, socket or device" in refused(read, tmp_path / name)
    assert "is a folder" in refused(read, tmp_path)
    assert "is not a valid path" in refused(read, tmp_path / "a\0b")
    server.close()
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent")


def test_a_file_is_read_no_further_than_its_bound(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    assert "has more than 4 bytes" in refused(read_bytes, tmp_path / "a", 4)


def test_a_file_is_read_at_once_up_to_its_bound(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_at_once(tmp_path / "a", 5) == read_at_once(str(tmp_path / "a"), 9) == b"12345"
    assert "has more than 4 bytes" in refused(read_at_once, tmp_path / "a", 4)
    assert read_start(tmp_path / "a", 3) == b"123"
    assert read_start(tmp_path / "a", 9) == b"12345"
