"""ONNX files, run by onnxruntime on the CPU.

Such a file is a program. It gets no operators but those of onnxruntime, reads external data from
its own folder alone (onnxruntime checks that), and may take :data:`MEMORY_BYTES` of memory and
:data:`RUN_SECONDS` a batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings, OutputKind
from imprint.reading.regular import check_regular
from imprint.study.hashing import hash_file, hash_json

MEMORY_BYTES = 8 << 30
RUN_SECONDS = 300.0
MAX_FILE_BYTES = 2 << 30
"""No ONNX file is larger: protocol buffers end there, and weights beyond lie in external data."""
NUMBERS: Mapping[str, type[Any]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")
LEVELS = 255
KNOWN_OUTPUTS: Mapping[str, OutputKind] = {
    "logits": "logits",
    "probabilities": "probabilities",
    "output_probability": "probabilities",
}
"""Outputs whose names say what they are."""


@dataclass(frozen=True)
class OnnxInput:
    """What a model takes.

    Attributes:
        name: of the input.
        type: of its numbers, as onnxruntime calls it.
        batch: records that it takes at once; None for any number.
    """

    name: str
    type: str
    batch: int | None


@dataclass(frozen=True, eq=False)
class OnnxPredictor:
    """A model in an ONNX file.

    Attributes:
        session: of onnxruntime.
        takes: name, type and shape of its input.
        name: what it is called.
        kind: what it returns.
        output: name of the output that counts.
        digest: hash of the file.
        kind_is_known: whether the user or the name of the output said what it returns.
    """

    session: Any = field(repr=False)
    takes: OnnxInput
    name: str
    kind: OutputKind
    output: str
    digest: str
    kind_is_known: bool

    def fingerprint(self) -> str:
        """Return the hash of the file and the output that counts."""
        return hash_json(["onnx", self.digest, self.output])

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float64 ``[b, outputs]``."""
        values = as_taken(inputs, self.takes.type, self.name)
        size = self.takes.batch or max(len(values), 1)
        parts = []
        for start in range(0, len(values), size):
            part = values[start : start + size]
            rows = np.minimum(np.arange(size), len(part) - 1)  # a fixed batch is filled up
            parts.append(self._run(part[rows])[: len(part)])
        outputs = np.concatenate(parts)
        return outputs[:, None] if outputs.ndim == 1 else outputs

    def _run(self, values: NDArray[Any]) -> NDArray[np.float64]:
        options = _onnxruntime().RunOptions()
        options.log_severity_level = 4
        timer = threading.Timer(RUN_SECONDS, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            (result,) = self.session.run([self.output], {self.takes.name: values}, options)
        except Exception as error:  # onnxruntime raises nearly anything
            raise ImprintError(
                f"model {self.name} failed on inputs {list(values.shape)}: {_reason(error)}"
            ) from error
        finally:
            timer.cancel()
        outputs = as_numbers(result, f"what model {self.name} returns")
        if outputs.ndim not in (1, 2) or len(outputs) != len(values):
            raise ImprintError(
                f"model {self.name} must return outputs [b, outputs], its {self.output} has shape "
                f"{list(outputs.shape)} for {len(values)} records: name another with output="
            )
        return outputs


def as_taken(inputs: NDArray[Any], kind: str, name: str) -> NDArray[Any]:
    """Return inputs in the type that a model takes; pixels of 0…255 as floats in [0, 1].

    Raises:
        ImprintError: the model takes no numbers.
    """
    if kind not in NUMBERS:
        raise ImprintError(f"model {name} takes {kind}, not numbers: give a function that calls it")
    wanted = NUMBERS[kind]
    if inputs.dtype == np.uint8 and inputs.ndim == 4 and np.dtype(wanted).kind == "f":
        return np.asarray(inputs / np.asarray(LEVELS, dtype=wanted), dtype=wanted)
    return np.ascontiguousarray(inputs.astype(wanted, copy=False))


def _input(described: Any) -> OnnxInput:
    shape = described.shape
    fixed = bool(shape) and isinstance(shape[0], int) and shape[0] > 0
    return OnnxInput(described.name, str(described.type), shape[0] if fixed else None)


def _choose_output(outputs: Mapping[str, str], wanted: str, name: str) -> str:
    """Return the output that is named, called logits or probabilities, or the only one of floats.

    Raises:
        ImprintError: none, or several.
    """
    shown = ", ".join(f"{key}: {kind}" for key, kind in outputs.items())
    if wanted:
        if wanted not in outputs:
            raise ImprintError(f"model {name} has no output {wanted!r}: it has {shown}")
        return wanted
    floats = [key for key, kind in outputs.items() if kind in FLOATS]
    known = [key for key in KNOWN_OUTPUTS if key in floats]
    if known or len(floats) == 1:
        return (known or floats)[0]
    if any(kind.startswith("seq(map") for kind in outputs.values()):
        raise ImprintError(
            f"model {name} returns its probabilities as maps ({shown}): export it with "
            "options={'zipmap': False}"
        )
    raise ImprintError(
        f"model {name} has {len(floats)} outputs of floats ({shown}): name one with output="
    )


def _load(source: Any, settings: ModelSettings) -> OnnxPredictor:
    path = Path(source)
    name = settings.name or path.name
    try:
        size = check_regular(path).st_size
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_FILE_BYTES:
        raise ImprintError(f"{path} has {size:,} bytes, too many for an ONNX file: check the path")
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        session = runtime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        inputs = [_input(each) for each in session.get_inputs()]
        outputs = {each.name: str(each.type) for each in session.get_outputs()}
    except Exception as error:  # onnxruntime raises nearly anything on a damaged file
        raise ImprintError(
            f"{path} is damaged or not an ONNX file that onnxruntime {runtime.__version__} runs: "
            f"{_reason(error)}"
        ) from error
    if len(inputs) != 1:
        shown = ", ".join(each.name for each in inputs)
        raise ImprintError(
            f"model {name} takes {len(inputs)} inputs ({shown}), not one: give a function that "
            "calls it"
        )
    output = _choose_output(outputs, settings.output, name)
    known = settings.kind or KNOWN_OUTPUTS.get(output)
    return OnnxPredictor(
        session, inputs[0], name, known or "logits", output, hash_file(path), known is not None
    )


@cache
def _onnxruntime() -> Any:
    """Return the module onnxruntime, with the bound on the memory of all its sessions.

    Raises:
        ImprintError: it is not installed.
    """
    try:
        import onnxruntime as runtime
    except ImportError as error:
        raise ImprintError(
            f"onnxruntime cannot be imported ({error}): pip install 'imprint[onnx]'"
        ) from error
    place = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    arena = runtime.OrtArenaCfg({"max_mem": MEMORY_BYTES})
    runtime.create_and_register_allocator(place, arena)
    return runtime


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split()).replace("[ONNXRuntimeError] : ", "")
    return words[:300] or type(error).__name__


ADAPTERS.register("onnx")(
    Adapter(
        lambda model: isinstance(model, str | os.PathLike) and Path(model).suffix == ".onnx",
        _load,
        25,
        "an ONNX file",
    )
)
