"""Members of tars as the standard library lists them; hostile tars; mutants."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.reading.tar_files import Member, tar_members

NAMES = ("a.jpg", "b/c.jpg", "x" * 150 + "/ü.jpg", "d/" + "y" * 99)


def archive(members, form=tarfile.PAX_FORMAT, **changes):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as out:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in changes.items():
                setattr(member, key, value)
            out.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return stream.getvalue()


def written(folder, content):
    file = folder / "a.tar"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_those_of_the_standard_library(tmp_path, form):
    names = NAMES if form != tarfile.USTAR_FORMAT else NAMES[:2]
    members = [(name, bytes([row]) * 700 * row) for row, name in enumerate(names)]
    file = written(tmp_path, archive([*members, ("./e.txt", b"e")], form, mtime=1.5))
    with tarfile.open(file) as oracle:
        expected = [
            Member(member.name.removeprefix("./"), member.offset_data, member.size)
            for member in oracle
        ]
    assert list(tar_members(file)) == expected
    content = file.read_bytes()
    for member, (_, own) in zip(tar_members(file), members, strict=False):
        assert content[member.offset : member.offset + member.size] == own


def test_folders_are_passed_over(tmp_path):
    content = archive([("a", b"")], type=tarfile.DIRTYPE)
    assert list(tar_members(written(tmp_path, content))) == []


def block(name=b"a.jpg", size=b"00000000010\0", kind=b"0"):
    """A header by hand: 8 octal digits of its sum at byte 148."""
    head = bytearray(512)
    head[: len(name)] = name
    head[100:108], head[124:136], head[136:148] = b"0000644\0", size, b"00000000000\0"
    head[156:157] = kind
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


END = bytes(1024)
GOOD = archive([("a.jpg", b"12345678")])
REFUSED = {
    "empty": (b"", "is empty or no tar"),
    "text": (b"no tar at all " * 100, "is damaged or no tar"),
    "gzip": (b"\x1f\x8b" + bytes(600), "is compressed, .*: unpack it with gzip -d"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(600), "unpack it with zstd -d"),
    "cut in a member": (block(size=b"00001000000\0") + bytes(512), "is cut short: 'a.jpg' ends"),
    "no end": (block() + bytes(512), "is cut short: it has no end mark at byte 1,024"),
    "negative": (block(size=b"\xff" * 12) + bytes(512) + END, "cut short"),
    "enormous": (block(size=b"\x80" + b"\xff" * 11) + bytes(512) + END, "cut short"),
    "joined": (GOOD + GOOD, "goes on after its end mark"),
    "long header": (
        block(size=b"00000400000\0", kind=b"x") + bytes(1 << 17) + END,
        "131,072 bytes",
    ),
    "bad header": (block(kind=b"x") + b"nonsense".ljust(512, b"\0") + END, "damaged extended"),
    "zero": (block(kind=b"x") + b"0 a=b\n\0\0".ljust(512, b"\0") + END, "damaged extended"),
    "sparse": (block(kind=b"S") + bytes(512) + END, "which is no plain file"),
    "device": (block(kind=b"3") + bytes(512) + END, "which is no plain file"),
    "up": (block(name=b"a/../../b") + bytes(512) + END, "a path that leads out of it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_hostile_tars_are_refused_in_one_sentence(tmp_path, case):
    content, message = REFUSED[case]
    with pytest.raises(ImprintError, match=rf"a\.tar .*{message}"):
        list(tar_members(written(tmp_path, content)))


def test_sizes_and_names_of_extended_headers_count(tmp_path):
    file = written(tmp_path, archive([("a" * 200, b"x" * 9)]))
    assert [(len(member.name), member.size) for member in tar_members(file)] == [(200, 9)]
    gnu_sparse = block(size=b"00000000030\0", kind=b"x") + b"24 GNU.sparse.major=1\n\n\n".ljust(
        512, b"\0"
    )
    with pytest.raises(ImprintError, match=r"extended header|with holes"):
        list(tar_members(written(tmp_path, gnu_sparse + block() + bytes(512) + END)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, len(GOOD)))
def test_bytes_of_any_kind_end_in_members_or_one_sentence(tmp_path_factory, content, at):
    folder = tmp_path_factory.mktemp("tars")
    for mutant in (
        content,
        GOOD[:at] + content + GOOD[at:],
        GOOD[:at] + content + GOOD[at + len(content) :],
    ):
        file = written(folder, mutant)
        try:
            for member in tar_members(file):
                assert 0 <= member.offset <= member.offset + member.size <= len(mutant)
        except ImprintError:
            continue
