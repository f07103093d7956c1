from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.study.array_file import (
    array,
    array_table,
    arrays_from,
    describe_arrays,
    read_any_npz,
    read_array_file,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeddings:
    """Embeddings of public images and crops by two models."""

    public: FloatArray = array("M d", "embeddings of public images")
    labels: IntArray = array("N", "classes of the crops", kind="label")
    public_reference: FloatArray = array("M e", "by the reference", default="public")
    crops: FloatArray = array("N d", "embeddings of crops", dtype="float32")
    crops_reference: FloatArray = array("N e", "by the reference model")
    seen: BoolArray | None = array("N", "trained on", kind="flag", optional=True)
    index: IntArray | None = array("N", "names", kind="whole", optional=True, needs=("seen",))
    probabilities: Mapping[str, FloatArray] = array(
        "N C", "of the classes", name="probs_*", optional=True, largest=1.0
    )


def example(**changes: object) -> dict[str, np.ndarray]:
    arrays: dict[str, object] = {
        "public": np.zeros((5, 3)),
        "labels": np.array([0.0, 2.0]),
        "crops": np.ones((2, 3)),
        "crops_reference": np.ones((2, 3), dtype=np.int8),
    }
    return {
        name: np.asarray(values)
        for name, values in (arrays | changes).items()
        if values is not None
    }


def test_arrays_come_back_typed_with_defaults() -> None:
    made = arrays_from(Embeddings, example())
    assert made.labels.dtype == np.int64
    assert made.labels.tolist() == [0, 2]
    assert made.crops.dtype == np.float32
    assert made.crops_reference.dtype == np.float64
    assert made.public_reference.tolist() == made.public.tolist()
    assert made.seen is None
    assert made.probabilities == {}


def test_open_ended_names_become_a_mapping() -> None:
    made = arrays_from(Embeddings, example(probs_a=np.full((2, 4), 0.25), probs_b=np.eye(2, 4)))
    assert list(made.probabilities) == ["a", "b"]
    assert made.probabilities["a"].shape == (2, 4)


def test_the_stand_in_sets_the_size_of_its_letter() -> None:
    with pytest.raises(
        ImprintError, match=r"crops_reference has shape \[2, 4\], expected \[2, 3\]"
    ):
        arrays_from(Embeddings, example(crops_reference=np.ones((2, 4))))
    made = arrays_from(
        Embeddings, example(crops_reference=np.ones((2, 4)), public_reference=np.ones((5, 4)))
    )
    assert made.public_reference.shape == (5, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"public": None}, r"has no array 'public'; it needs public, labels, crops"),
        ({"colour": [1]}, r"unknown array 'colour'; known are public, labels"),
        ({"probs_": np.ones((2, 2))}, r"unknown array 'probs_'"),
        ({"index": [1, 2]}, r"index needs seen beside it"),
        ({"crops": np.ones((2, 4))}, r"crops has shape \[2, 4\], expected \[2, 3\] \(N = 2 in lab"),
        ({"crops": np.ones(2)}, r"crops has shape \[2\], expected \[2, 3\]"),
        ({"public": np.ones((0, 3))}, r"public is empty, its shape is \[0, 3\]"),
        ({"crops": [[np.nan, 0, 0], [0, 0, 0]]}, r"crops\[0, 0\] is nan"),
        ({"crops": np.full((2, 3), 1e300)}, r"crops holds numbers beyond float32"),
        ({"crops": np.full((2, 3), "a")}, r"crops must hold numbers, not <U1"),
        ({"labels": [0, -1]}, r"labels\[1\] is -1: labels must hold whole numbers from 0"),
        ({"labels": [0, 0.5]}, r"labels\[1\] is 0\.5: labels must hold whole numbers from 0"),
        ({"labels": [0, 2.0**53]}, r"labels\[1\] is 9007199254740992\.0"),
        ({"labels": np.array([0, 2**63], dtype=np.uint64)}, r"labels\[1\] is 9223372036854775808"),
        ({"seen": [0, 2]}, r"seen must be bool, or 0 and 1"),
        ({"probs_a": [[2.0], [0.0]]}, r"probs_a\[0, 0\] is 2, beyond 1: clip it"),
    ],
)
def test_other_arrays_are_rejected(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        arrays_from(Embeddings, example(**changes))


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """Records of any shape, pairs, and layers of any width."""

    x: FloatArray = array("n ...", "inputs", kind="float", remedy="divide pixels by 255")
    layers: Mapping[str, FloatArray] = array("n _", "activations", name="train/*")
    pair: FloatArray | None = array("2", "two numbers", optional=True, dtype=None)


def test_further_axes_and_free_sizes() -> None:
    arrays = {"x": np.ones((3, 2, 2)), "train/a": np.ones((3, 5)), "train/b": np.ones((3, 1))}
    made = arrays_from(Records, arrays)
    assert {name: values.shape[1] for name, values in made.layers.items()} == {"a": 5, "b": 1}
    kept = arrays_from(Records, arrays | {"pair": np.ones(2, dtype=np.uint8)})
    assert kept.pair is not None
    assert kept.pair.dtype == np.uint8
    for changes, message in (
        ({"x": np.ones(3)}, r"x has shape \[3\], expected \[n, \.\.\.\]"),
        ({"x": np.ones((3, 2), dtype=np.uint8)}, r"x holds uint8: divide pixels by 255"),
        ({"pair": np.ones(3)}, r"pair has shape \[3\], expected \[2\]"),
    ):
        with pytest.raises(ImprintError, match=message):
            arrays_from(Records, arrays | changes)
    with pytest.raises(ImprintError, match=r"has no array 'train/\*'"):
        arrays_from(Records, {"x": np.ones((3, 2))})


def test_a_file_is_read_and_named_in_errors(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", **example())
    assert read_array_file(Embeddings, tmp_path / "a.npz").crops.shape == (2, 3)
    np.savez(tmp_path / "b.npz", **example(labels=[[0, 1]]))
    with pytest.raises(ImprintError, match=r"b\.npz: labels has shape \[1, 2\], expected \[N\]"):
        read_array_file(Embeddings, tmp_path / "b.npz")
    with pytest.raises(ImprintError, match=r"no arrays at .*none\.npz"):
        read_array_file(Embeddings, tmp_path / "none.npz")


def test_the_declaration_documents_the_file() -> None:
    lines = describe_arrays(Embeddings).splitlines()
    assert lines[0] == "public [M, d]: embeddings of public images"
    assert lines[2] == "public_reference [M, e]: by the reference; optional"
    assert lines[7] == "probs_* [N, C]: of the classes; optional"
    table = array_table(Embeddings).splitlines()
    assert len(table) == 2 + 8
    assert table[3] == "| `labels` | [N] | classes of the crops; whole numbers from 0 | required |"


def test_named_arrays_come_back(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=[0.5])
    found = read_any_npz(tmp_path / "a.npz")
    assert found["x"].tolist() == [0, 1, 2]
    assert found["y"].tolist() == [0.5]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_cut_short_is_rejected(tmp_path, save):
    file = tmp_path / "a.npz"
    save(file, x=np.random.default_rng(0).random(1000))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ImprintError, match=r"a\.npz is not an \.npz file of plain arrays"):
        read_any_npz(file)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bytes_are_rejected(tmp_path, save):
    file = tmp_path / "a.npz"
    save(file, x=np.random.default_rng(0).random(1000))
    content = bytearray(file.read_bytes())
    for place in range(1000, 1020):
        content[place] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(ImprintError, match=r"a\.npz is not an \.npz file of plain arrays"):
        read_any_npz(file)


def test_one_array_or_a_text_is_rejected_with_how_to_save_it(tmp_path):
    np.save(tmp_path / "one.npy", np.arange(3))
    (tmp_path / "text.npz").write_text("no arrays")
    for name in ("one.npy", "text.npz"):
        with pytest.raises(ImprintError, match=r"save them with np\.savez"):
            read_any_npz(tmp_path / name)
