"""The members of a tar by offset and size; nothing is unpacked and no link is followed.

:class:`tarfile.TarInfo` takes a header of 512 bytes apart and checks its sum. What comes between
headers is bounded here: the reader of the standard library holds an extended header of any size in
memory, and some of its versions never come to the end of a tar whose sizes are negative.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

from imprint.reading.regular import UnreadableFile, open_regular

_BLOCK = tarfile.BLOCKSIZE
MAX_NAME_BYTES = 1 << 16
"""Of one extended header, which holds a long name."""
MAX_MEMBERS = 20_000_000
_MAX_TAIL = 1 << 20
"""Zeros after the end mark; writers fill up the last record, of 10 kB as a rule."""
_PACKED = {
    b"\x1f\x8b": "gzip -d",
    b"BZh": "bzip2 -d",
    b"\xfd7zXZ": "xz -d",
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"\x04\x22\x4d\x18": "lz4 -d",
}
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)


class Member(NamedTuple):
    """A file in a tar.

    Attributes:
        name: its path, as written.
        offset: of its first byte in the tar.
        size: in bytes.
    """

    name: str
    offset: int
    size: int


class _Stated(NamedTuple):
    """What an extended header says of the member after it."""

    name: str = ""
    size: int = -1


def tar_members(path: Path) -> Iterator[Member]:
    """Yield the files of a tar in the order in which they lie there; folders are passed over.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is packed, cut short or damaged, or holds a link, a device, a file with
            holes, or a name that is absolute or leads out of the tar.
    """
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        for magic, command in _PACKED.items():
            if file.peek(8).startswith(magic):
                raise UnreadableFile(
                    f"{path} is compressed, and images are read by their offset: unpack it with "
                    f"{command}; JPEGs hardly shrink"
                )
        yield from _members(path, file, length)


def _members(path: Path, file: BinaryIO, length: int) -> Iterator[Member]:
    offset, count, stated = 0, 0, _Stated()
    while True:
        header = _header(path, file, offset, length)
        if header is None:
            _check_tail(path, file, offset + _BLOCK, length)
            return
        start = offset + _BLOCK
        size = stated.size if stated.size >= 0 else header.size
        if size < 0 or start + size > length:
            _refuse(path, f"is cut short: {_shown(header.name)} ends beyond its {length:,} bytes")
        count += 1
        if count > MAX_MEMBERS:
            _refuse(path, f"has more than {MAX_MEMBERS:,} members: split it")
        offset = start + -(-size // _BLOCK) * _BLOCK
        if header.type in _EXTENDED or header.type == tarfile.GNUTYPE_LONGNAME:
            stated = _extended(path, file, start, size, header.type, stated)
            continue
        if header.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            continue
        name = stated.name or header.name
        stated = _Stated()
        if header.type == tarfile.DIRTYPE or (header.type in _FILES and name.endswith("/")):
            continue
        if header.type not in _FILES:
            kind = "a link" if header.type in _LINKS else "no plain file"
            _refuse(path, f"holds {_shown(name)}, which is {kind}: pack the files themselves")
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            _refuse(path, f"holds {_shown(name)}, a path that leads out of it: pack it by its name")
        yield Member(name.removeprefix("./"), start, size)


def _header(path: Path, file: BinaryIO, offset: int, length: int) -> tarfile.TarInfo | None:
    """Return the header at an offset, None for the block of zeros that ends a tar."""
    file.seek(offset)
    block = file.read(_BLOCK)
    if len(block) < _BLOCK:
        what = "is cut short: it has no end mark" if offset else "is empty or no tar"
        _refuse(path, f"{what} at byte {min(offset, length):,}: fetch or pack it again")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        if not block.strip(b"\0"):
            return None
        _refuse(path, f"is damaged or no tar ({error} at byte {offset:,}): fetch or pack it again")


def _extended(
    path: Path, file: BinaryIO, start: int, size: int, kind: bytes, stated: _Stated
) -> _Stated:
    """Return what an extended header says, in the manner of GNU or of POSIX.1-2001 (pax)."""
    if size > MAX_NAME_BYTES:
        _refuse(path, f"has an extended header of {size:,} bytes at byte {start:,}: pack it again")
    file.seek(start)
    content = file.read(size)
    if kind == tarfile.GNUTYPE_LONGNAME:
        return stated._replace(name=_text(content.partition(b"\0")[0]))
    while content:
        digits, space, _ = content.partition(b" ")
        end = int(digits) if space and digits.isdigit() and len(digits) < 8 else 0
        keyword, equals, value = content[len(digits) + 1 : end - 1].partition(b"=")
        if end > len(content) or not equals or content[end - 1 : end] != b"\n":
            _refuse(path, f"has a damaged extended header at byte {start:,}: pack it again")
        if keyword.startswith(b"GNU.sparse"):
            _refuse(path, f"holds a file with holes at byte {start:,}: pack the whole file")
        if keyword == b"path":
            stated = stated._replace(name=_text(value))
        if keyword == b"size":
            if not value.isdigit() or len(value) > 18:
                _refuse(path, f"has a damaged size at byte {start:,}: pack it again")
            stated = stated._replace(size=int(value))
        content = content[end:]
    return stated


def _check_tail(path: Path, file: BinaryIO, offset: int, length: int) -> None:
    """Check that nothing comes after the end mark: ``cat`` of two tars shows the first alone."""
    file.seek(offset)
    if length - offset > _MAX_TAIL or file.read(_MAX_TAIL).strip(b"\0"):
        _refuse(
            path,
            f"goes on after its end mark at byte {offset - _BLOCK:,}, as tars that were joined do: "
            "give them one by one",
        )


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _shown(name: str) -> str:
    return repr(name[:80].encode("utf-8", "replace").decode())


def _refuse(path: Path, complaint: str) -> NoReturn:
    raise UnreadableFile(f"the shard {path} {complaint}")
