"""Hashes of images that a study keeps, so that a refusal names the images that have changed.

They lie in ``fingerprints/HASH.npz``, 16 bytes an image and the names.
"""

from __future__ import annotations

import io
import zlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from imprint.reading.array_files import read_npz
from imprint.study.fingerprint import Fingerprint

FOLDER = "fingerprints"
MAX_NAMES_BYTES = 1 << 28
_NAMED_AT_MOST = 3


def fingerprint_file(root: Path, value: str) -> Path:
    """Return where a study keeps the hashes of the images behind a fingerprint."""
    return root / FOLDER / f"{value[:16]}.npz"


def write_fingerprint(path: Path, fingerprint: Fingerprint) -> None:
    """Write names and hashes, to the same bytes whenever it is done."""
    names = "\0".join(fingerprint.names).encode("utf-8", "surrogateescape")
    content = io.BytesIO()
    np.savez(
        content,
        names=np.frombuffer(zlib.compress(names), dtype=np.uint8),
        contents=fingerprint.contents,
        annotations=fingerprint.annotations,
    )
    path.write_bytes(content.getvalue())


def changed_images(root: Path, earlier: str, now: Fingerprint) -> str:
    """Say which images make one set differ from an earlier one; empty where unknown.

    Args:
        root: of the study that was made with the earlier set.
        earlier: its fingerprint.
        now: the fingerprint of the set as it is.
    """
    with suppress(OSError, ValueError, LookupError, zlib.error):
        file = read_npz(fingerprint_file(root, earlier))
        packed = zlib.decompressobj().decompress(file["names"].tobytes(), MAX_NAMES_BYTES)
        names = packed.decode("utf-8", "surrogateescape").split("\0")
        before = Fingerprint(earlier, names, file["contents"], file["annotations"])
        return _difference(before, now)
    return ""


def _difference(before: Fingerprint, now: Fingerprint) -> str:
    earlier, current = _by_name(before), _by_name(now)
    both = [name for name in current if name in earlier]
    kinds = {
        "changed": [name for name in both if current[name][0] != earlier[name][0]],
        "removed": [name for name in earlier if name not in current],
        "added": [name for name in current if name not in earlier],
        "given another label or other boxes": [
            name for name in both if current[name][1] != earlier[name][1]
        ],
    }
    sentences = [_named(names, what) for what, names in kinds.items()]
    return ", ".join(part for part in sentences if part)


def _by_name(fingerprint: Fingerprint) -> dict[tuple[str, int], tuple[bytes, bytes]]:
    """Return both hashes of every image by its name and how often the name came before."""
    uses: Counter[str] = Counter()
    hashes = {}
    rows = zip(fingerprint.contents, fingerprint.annotations, strict=True)
    for name, (content, annotation) in zip(fingerprint.names, rows, strict=True):
        hashes[name, uses[name]] = (content.tobytes(), annotation.tobytes())
        uses[name] += 1
    return hashes


def _named(images: Sequence[tuple[str, int]], what: str) -> str:
    if not images:
        return ""
    names = ", ".join(name for name, _ in images[:_NAMED_AT_MOST])
    more = f" and {len(images) - _NAMED_AT_MOST} more" if len(images) > _NAMED_AT_MOST else ""
    return f"{names}{more} {'was' if len(images) == 1 else 'were'} {what}"
