"""Which columns of a table hold the images, their classes and their boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imprint.core.errors import ImprintError
from imprint.reading.arrow_files import storage_type

if TYPE_CHECKING:
    import pyarrow as pa

IMAGE_NAMES = ("image", "img", "jpg", "jpeg", "png", "pixel_values")
LABEL_NAMES = ("label", "labels", "cls", "class", "target", "fine_label", "y")
_MAX_FEATURES = 1 << 22


@dataclass(frozen=True)
class Chosen:
    """Columns that a user names; empty for those that are looked for."""

    image: str = ""
    label: str = ""


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    Attributes:
        image: of encoded bytes, or of arrays of pixels.
        content: the field of ``image`` that holds the bytes; empty where the column does itself.
        path: the field that holds the names of files; empty for none.
        is_pixels: whether the column holds arrays of pixels.
        label: the column of the classes.
        classes: their names, as far as the table knows them.
        boxes: whether a column ``objects`` has a list ``bbox`` of (x, y, width, height).
    """

    image: str
    content: str
    path: str
    is_pixels: bool
    label: str
    classes: tuple[str, ...]
    boxes: bool

    @property
    def content_leaf(self) -> str:
        """The path of the bytes, as Parquet has it."""
        return f"{self.image}.{self.content}" if self.content else self.image

    @property
    def path_leaf(self) -> str:
        """The path of the names of files, as Parquet has it; empty for none."""
        return f"{self.image}.{self.path}" if self.path else ""


def choose_columns(schema: pa.Schema, chosen: Chosen, where: str) -> Columns:
    """Return the columns to read.

    Types count, and what Hugging Face datasets writes about its features into the schema.

    Args:
        schema: of the table.
        chosen: what the user names.
        where: the file, for messages.

    Raises:
        ImprintError: no column or several may be meant, or one that is named is not there.
    """
    types = {field.name: storage_type(field.type) for field in schema}
    if len(types) < len(schema):
        raise ImprintError(f"{where} has two columns of one name: rename one")
    features = _features(schema)
    image = _image(types, features, chosen.image, where)
    label = _label(types, features, chosen.label, where)
    content, path = _fields(types[image])
    return Columns(
        image,
        content,
        path,
        _is_pixels(types[image]),
        label,
        _class_names(features.get(label), where),
        _has_boxes(types),
    )


def _features(schema: pa.Schema) -> Mapping[str, Any]:
    """Return what datasets says of its columns; nothing where that is damaged."""
    written = (schema.metadata or {}).get(b"huggingface", b"")
    if len(written) > _MAX_FEATURES:
        return {}
    try:
        features = json.loads(written)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _image(types: Mapping[str, Any], features: Mapping[str, Any], chosen: str, where: str) -> str:
    possible = [name for name, kind in types.items() if _is_encoded(kind) or _is_pixels(kind)]
    stated = [name for name in possible if _kind(features.get(name)) == "Image"]
    return _one_of("image", chosen, possible, stated or possible, IMAGE_NAMES, types, where)


def _label(types: Mapping[str, Any], features: Mapping[str, Any], chosen: str, where: str) -> str:
    import pyarrow as pa

    possible = [
        name
        for name, kind in types.items()
        if any(is_kind(kind) for is_kind in (pa.types.is_integer, pa.types.is_boolean, _is_string))
    ]
    stated = [name for name in possible if _kind(features.get(name)) == "ClassLabel"]
    named = [name for name in possible if name in LABEL_NAMES]
    return _one_of(
        "label", chosen, possible, stated or named or possible, LABEL_NAMES, types, where
    )


def _one_of(
    what: str,
    chosen: str,
    possible: Sequence[str],
    likely: Sequence[str],
    names: Sequence[str],
    types: Mapping[str, Any],
    where: str,
) -> str:
    if chosen:
        if chosen in possible:
            return chosen
        raise ImprintError(
            f"{where} has no column {chosen!r} that can be the {what}: it has {_listed(types)}"
        )
    if len(likely) == 1:
        return likely[0]
    if not likely:
        raise ImprintError(f"{where} has no column of {what}s: it has {_listed(types)}")
    usual = next((name for name in names if name in likely and _is_alone(name, likely, names)), "")
    if usual:
        return usual
    raise ImprintError(
        f"{where} has several columns that may be the {what}, {', '.join(likely[:8])}: choose one, "
        f"hf:FOLDER#{what}={likely[0]}"
    )


def _is_alone(name: str, likely: Sequence[str], names: Sequence[str]) -> bool:
    return [other for other in likely if other in names] == [name]


def _listed(types: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({str(kind)[:40]})" for name, kind in list(types.items())[:8])


def _kind(feature: Any) -> str:
    kind = feature.get("_type") if isinstance(feature, dict) else ""
    return kind if isinstance(kind, str) else ""


def _class_names(feature: Any, where: str) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, dict) else None
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ImprintError(f"{where}: the names of its classes are no texts: write it again")
    return tuple(names)


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_binary(kind: Any) -> bool:
    """Return whether a type is one of bytes of any length."""
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_encoded(kind: Any) -> bool:
    return is_binary(kind) or bool(_fields(kind)[0])


def _fields(kind: Any) -> tuple[str, str]:
    """Return the names of the fields of bytes and of paths, empty where there are none."""
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return "", ""
    fields = {field.name: field.type for field in kind}
    content = "bytes" if "bytes" in fields and is_binary(fields["bytes"]) else ""
    path = "path" if content and "path" in fields and _is_string(fields["path"]) else ""
    return content, path


def _is_pixels(kind: Any) -> bool:
    """Return whether a type is a list, 2 or 3 deep, of whole numbers of 8 bits."""
    import pyarrow as pa

    depth = 0
    while any(
        is_kind(kind)
        for is_kind in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    ):
        kind, depth = kind.value_type, depth + 1
    return depth in (2, 3) and bool(pa.types.is_uint8(kind))


def _has_boxes(types: Mapping[str, Any]) -> bool:
    import pyarrow as pa

    kind = types.get("objects")
    if kind is None or not pa.types.is_struct(kind):
        return False
    fields = {field.name: field.type for field in kind}
    return "bbox" in fields and pa.types.is_list(fields["bbox"])
