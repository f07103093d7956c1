"""The samples of one shard: its images, where they lie, and what is written of their classes.

The members of a tar whose paths are the same up to the first dot of the file name are one sample:
``n01/17.jpg`` with ``n01/17.cls`` and ``n01/17.json``. The class is taken from ``.cls``, else from
a field ``label``, ``cls``, ``class``, ``class_id``, ``target`` or ``fine_label`` of ``.json``,
else from ``.txt``: a whole number from 0, or a name.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.decode import MAX_ENCODED_BYTES, SUFFIXES
from imprint.reading.regular import UnreadableFile, open_regular
from imprint.reading.tar_files import Member, tar_members

LABEL_FIELDS = ("label", "cls", "class", "class_id", "target", "fine_label")
NAME_FIELDS = ("class_name", "classname", "label_name", "synset", "wnid")
MAX_LABEL_BYTES = 1 << 10
MAX_JSON_BYTES = 1 << 20
_SAMPLE = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]+)", re.DOTALL)
_LABELS = ("cls", "json", "txt")


@dataclass(frozen=True)
class Samples:
    """The images of one shard in the order in which they lie there.

    Attributes:
        names: path of each image within the shard.
        offsets: int64 ``[n]``, of its first byte.
        lengths: int64 ``[n]``, in bytes.
        labels: the class as written: a number, or a name; empty where nothing is.
        class_names: the name of the class where a number and a name are written; else empty.
        label_kind: the kind of member that the classes are from: ``cls``, ``json``, ``txt``, or
            empty where there is none.
    """

    names: list[str]
    offsets: IntArray
    lengths: IntArray
    labels: list[str]
    class_names: list[str]
    label_kind: str


class _Label(NamedTuple):
    label: str = ""
    class_name: str = ""


def read_samples(shard: Path) -> Samples:
    """Return the samples of a shard that have an image; others are passed over.

    Raises:
        ImprintError: the shard is missing, damaged or no tar, two members have one name, a sample
            has several images, or a label cannot be read.
    """
    try:
        samples = _group(shard)
        images = {key: member for key, kinds in samples.items() if (member := _image(shard, kinds))}
        kind = next((kind for kind in _LABELS if any(kind in samples[key] for key in images)), "")
        with open_regular(shard) as file:
            labels = [_label(shard, file.fileno(), samples[key].get(kind), kind) for key in images]
    except OSError as error:
        raise ImprintError(f"cannot read the shard {shard}: {error.strerror}") from error
    members = list(images.values())
    return Samples(
        [member.name for member in members],
        np.array([member.offset for member in members], dtype=np.int64),
        np.array([member.size for member in members], dtype=np.int64),
        [entry.label for entry in labels],
        [entry.class_name for entry in labels],
        kind,
    )


def _group(shard: Path) -> dict[str, dict[str, Member]]:
    """Return the members of each sample by their kind, the name after its first dot."""
    samples: dict[str, dict[str, Member]] = {}
    for member in tar_members(shard):
        parts = _SAMPLE.fullmatch(member.name)
        if parts is None:
            continue
        kinds = samples.setdefault(parts[1], {})
        kind = parts[2].lower()
        if kind in kinds:
            _refuse(shard, f"holds {_shown(member.name)} more than once")
        kinds[kind] = member
    return samples


def _image(shard: Path, kinds: dict[str, Member]) -> Member | None:
    plain = [kind for kind in kinds if f".{kind}" in SUFFIXES]
    chosen = plain or [kind for kind in kinds if os.path.splitext(f"x.{kind}")[1] in SUFFIXES]
    if not chosen:
        return None
    image = kinds[chosen[0]]
    if len(chosen) > 1:
        others = " and ".join(f".{kind}" for kind in sorted(chosen)[:3])
        _refuse(shard, f"has several images of one sample, {_shown(image.name)}: {others}")
    if not _is_text(image.name):
        _refuse(shard, f"holds {_shown(image.name)}, whose name is not UTF-8")
    if image.size > MAX_ENCODED_BYTES:
        _refuse(shard, f"holds {_shown(image.name)} of {image.size:,} bytes, too large an image")
    return image


def _label(shard: Path, descriptor: int, member: Member | None, kind: str) -> _Label:
    if member is None:
        return _Label()
    limit = MAX_JSON_BYTES if kind == "json" else MAX_LABEL_BYTES
    if member.size > limit:
        if kind == "txt":
            return _Label()
        _refuse(shard, f"holds {_shown(member.name)} of {member.size:,} bytes, too long a label")
    content = os.pread(descriptor, member.size, member.offset)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        _refuse(shard, f"holds {_shown(member.name)}, which is not UTF-8 text")
    entry = _of_json(shard, member, text) if kind == "json" else _Label(text)
    if any("\0" in part for part in entry):
        _refuse(shard, f"holds {_shown(member.name)}, whose label has a zero byte")
    return entry


def _of_json(shard: Path, member: Member, text: str) -> _Label:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(shard, f"holds {_shown(member.name)}, which is not JSON")
    if not isinstance(fields, dict):
        return _Label()
    label = next((_word(fields[name]) for name in LABEL_FIELDS if name in fields), "")
    name = next((_word(fields[name]) for name in NAME_FIELDS if name in fields), "")
    return _Label(label, name if label else "") if label else _Label(name)


def _word(value: Any) -> str:
    """Return a number or a name as text, empty for anything else."""
    if isinstance(value, str):
        return value.strip()[:MAX_LABEL_BYTES] if _is_text(value) else ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _shown(name: str) -> str:
    return repr(name[:80].encode("utf-8", "replace").decode())


def _refuse(shard: Path, complaint: str) -> NoReturn:
    raise UnreadableFile(f"the shard {shard} {complaint}: repair or pack it again")
