"""ONNX files: which output counts, and what a hostile file cannot do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.nets.predictor import onnx_file
from imprint.nets.predictor.onnx_file import as_taken
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.nets.predictor.settle_kind import settle_kind
from tests.nets.predictor import onnx_bytes as written

MATRIX = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
X = np.eye(3)

pytest.importorskip("onnxruntime", reason="needs the extra onnx")


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], Path]:
    def to_file(content: bytes) -> Path:
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        return path

    return to_file


@pytest.mark.parametrize("batch", ["b", 1, 2, 5])
def test_outputs_do_not_depend_on_the_batch_of_the_file(
    save: Callable[[bytes], Path], batch: int | str
) -> None:
    predictor = as_predictor(save(written.linear(MATRIX, batch)))
    assert predictor.name == "model.onnx"
    assert predictor.predict(X, None).tolist() == MATRIX.tolist()


def test_kind_is_told_by_the_name_of_the_output_or_its_values(
    save: Callable[[bytes], Path],
) -> None:
    assert as_predictor(save(written.linear(MATRIX, output="probabilities"))).kind == (
        "probabilities"
    )
    unnamed = as_predictor(save(written.linear(np.full((3, 2), 0.5), output="y")))
    assert settle_kind(unnamed, X, None, "classification").kind == "probabilities"


def test_fingerprint_is_that_of_the_file(save: Callable[[bytes], Path]) -> None:
    one = as_predictor(save(written.linear(MATRIX))).fingerprint()
    assert one == as_predictor(save(written.linear(MATRIX))).fingerprint()
    assert one != as_predictor(save(written.linear(MATRIX + 1))).fingerprint()


def test_output_is_named_where_there_are_several(save: Callable[[bytes], Path]) -> None:
    two = written.model(
        written.node("Relu", ["x"], "a"),
        written.node("Neg", ["x"], "b"),
        written.port(11, "x", ["n", 3]),
        written.port(12, "a", ["n", 3]),
        written.port(12, "b", ["n", 3]),
    )
    with pytest.raises(ImprintError, match=r"2 outputs of floats .* name one with output="):
        as_predictor(save(two))
    predictor = as_predictor(save(two), ModelSettings(output="b"))
    assert predictor.predict(X, None).tolist() == (-X).tolist()
    with pytest.raises(ImprintError, match="no output 'c'"):
        as_predictor(save(two), ModelSettings(output="c"))


def test_two_inputs_are_refused(save: Callable[[bytes], Path]) -> None:
    two = written.model(
        written.node("Add", ["x", "z"], "a"),
        written.port(11, "x", ["n", 3]),
        written.port(11, "z", ["n", 3]),
        written.port(12, "a", ["n", 3]),
    )
    with pytest.raises(ImprintError, match=r"takes 2 inputs \(x, z\), not one"):
        as_predictor(save(two))


@pytest.mark.parametrize("location", ["../secret.bin", "link.bin", "absolute"])
def test_external_data_outside_the_folder_is_refused(tmp_path: Path, location: str) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(3, dtype=np.float32).tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(secret)
    (folder / "own.bin").write_bytes(secret.read_bytes())

    def add(place: str) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(
            written.model(
                written.node("Add", ["x", "w"], "y"),
                written.external("w", 3, place),
                written.port(11, "x", ["b", 3]),
                written.port(12, "y", ["b", 3]),
            )
        )
        return path

    assert as_predictor(add("own.bin")).predict(X, None).tolist() == (X + 1).tolist()
    with pytest.raises(ImprintError, match="xternal data"):
        as_predictor(add(str(secret) if location == "absolute" else location))


def test_memory_of_a_hostile_file_is_bounded(save: Callable[[bytes], Path]) -> None:
    bomb = written.model(
        written.node("ConstantOfShape", ["x"], "y"),
        written.port(11, "x", [2], written.INT64),
        written.port(12, "y", ["a", "b"]),
    )
    predictor = as_predictor(save(bomb))
    with pytest.raises(ImprintError, match="Available memory"):
        predictor.predict(np.array([1 << 20, 1 << 20]), None)


def test_time_of_a_run_is_bounded(
    save: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "RUN_SECONDS", 0.0)
    slow = [written.node("Tanh", [f"v{row}"], f"v{row + 1}") for row in range(2000)]
    path = save(
        written.model(*slow, written.port(11, "v0", ["b", 3]), written.port(12, "v2000", ["b", 3]))
    )
    predictor = as_predictor(path)
    with pytest.raises(ImprintError, match="terminate"):
        predictor.predict(np.tile(X, (20000, 1)), None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an ONNX file"),
        (b"\x80\x04\x95 pickled", "not an ONNX file"),
        (written.model(written.node("MyOwn", ["x"], "y"), written.port(11, "x", [1])), "MyOwn"),
    ],
)
def test_other_files_are_one_sentence(
    save: Callable[[bytes], Path], content: bytes, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ImprintError, match=said) as caught:
        as_predictor(save(content))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_missing_file_is_one_sentence() -> None:
    with pytest.raises(ImprintError, match=r"cannot read nowhere\.onnx"):
        as_predictor("nowhere.onnx")


def test_pixels_become_floats_and_whole_numbers_stay() -> None:
    pixels = np.full((1, 3, 2, 2), 255, dtype=np.uint8)
    assert as_taken(pixels, "tensor(float)", "m").max() == 1
    assert as_taken(pixels, "tensor(uint8)", "m").max() == 255
    assert as_taken(np.array([[3]], dtype=np.int32), "tensor(int64)", "m").dtype == np.int64
    with pytest.raises(ImprintError, match=r"takes tensor\(string\), not numbers"):
        as_taken(pixels, "tensor(string)", "m")
