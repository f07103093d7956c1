"""XML of annotations: no document type, so no entities; bounded length, nesting and elements."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from imprint.reading.regular import UnreadableFile, read_bytes

MAX_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 50_000


def read_xml(path: Path) -> ElementTree.Element:
    """Return the root of an XML file.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is not XML, has a document type, or is nested too deeply or too long.
    """
    content = read_bytes(path, MAX_BYTES)
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    depth = elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
            raise UnreadableFile(
                f"{path} has more than {MAX_ELEMENTS:,} elements or nests them more than "
                f"{MAX_DEPTH} deep: check that it is an annotation"
            )
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse_document_type(name: str, *_: object) -> None:
        raise UnreadableFile(f"{path} has a document type {name!r}, which is not read: remove it")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse_document_type
    parser.buffer_text = True
    try:
        parser.Parse(content, True)
        return builder.close()
    except UnreadableFile:
        raise
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise UnreadableFile(
            f"{path} is not well-formed XML ({error}): correct or remove it"
        ) from error
