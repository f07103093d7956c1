"""Small ONNX files, written field by field, so that tests need no package that writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOAT, INT64 = 1, 7
LENGTH_DELIMITED, VARINT = 2, 0


def field(number: int, value: bytes | str | int) -> bytes:
    """Return one field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Return a number, seven bits a byte."""
    head = value & 0x7F
    return bytes([head]) if value < 0x80 else bytes([head | 0x80]) + varint(value >> 7)


def node(operator: str, inputs: Sequence[str], output: str) -> bytes:
    """Return an operator of a graph."""
    named = b"".join(field(1, name) for name in inputs)
    return field(1, named + field(2, output) + field(4, operator))


def weights(name: str, values: np.ndarray) -> bytes:
    """Return an initialiser of floats."""
    shape = b"".join(field(1, side) for side in values.shape)
    return field(5, shape + field(2, FLOAT) + field(8, name) + field(9, values.tobytes()))


def external(name: str, count: int, location: str) -> bytes:
    """Return an initialiser whose values lie in another file."""
    place = field(13, field(1, "location") + field(2, location))
    return field(5, field(1, count) + field(2, FLOAT) + field(8, name) + place + field(14, 1))


def port(number: int, name: str, shape: Sequence[int | str], kind: int = FLOAT) -> bytes:
    """Return an input (11) or an output (12) of a graph."""
    sides = b"".join(
        field(1, field(1, side) if isinstance(side, int) else field(2, side)) for side in shape
    )
    tensor = field(1, kind) + field(2, sides)
    return field(number, field(1, name) + field(2, field(1, tensor)))


def model(*parts: bytes) -> bytes:
    """Return a file with a graph of these parts."""
    graph = b"".join(parts) + field(2, "graph")
    return field(1, 9) + field(7, graph) + field(8, field(2, 17))


def linear(matrix: np.ndarray, batch: int | str = "b", output: str = "logits") -> bytes:
    """Return a file of a network with one matrix ``[d, c]``."""
    inner, outer = matrix.shape
    return model(
        node("MatMul", ["x", "w"], output),
        weights("w", matrix.astype(np.float32)),
        port(11, "x", [batch, inner]),
        port(12, output, [batch, outer]),
    )
