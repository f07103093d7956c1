"""A function of the user as a predictor: anything that answers a batch of inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_arrays import as_numbers
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings, OutputKind
from imprint.study.hashing import hash_json


@dataclass(frozen=True, eq=False)
class FunctionPredictor:
    """A black-box model.

    Attributes:
        function: takes inputs ``[b, …]`` (and targets, if it returns losses), returns outputs.
        name: what it is called.
        kind: what it returns.
        kind_is_known: whether the user said so.
    """

    function: Callable[..., Any]
    name: str
    kind: OutputKind = "logits"
    kind_is_known: bool = True

    def fingerprint(self) -> str:
        """Return the hash of its name: what a function computes cannot be known from outside."""
        return hash_json(["function", self.name, self.kind])

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float64 ``[b, outputs]``, or ``[b]`` of losses."""
        arguments = (inputs, targets) if self.kind == "losses" else (inputs,)
        try:
            result = self.function(*arguments)
        except ImprintError:
            raise
        except Exception as error:  # a user's function may raise anything
            raise ImprintError(
                f"model {self.name} failed on inputs {list(inputs.shape)} with "
                f"{named_reason(error)}"
            ) from error
        outputs = as_numbers(result, f"what model {self.name} returns")
        wanted = (1,) if self.kind == "losses" else (1, 2)
        if outputs.ndim not in wanted or len(outputs) != len(inputs):
            shape = "[b]" if self.kind == "losses" else "[b, outputs]"
            raise ImprintError(
                f"model {self.name} must return {self.kind} {shape}, got shape "
                f"{list(outputs.shape)} for {len(inputs)} records"
            )
        return outputs[:, None] if outputs.ndim == 1 and self.kind != "losses" else outputs


def _adapt(model: Any, settings: ModelSettings) -> FunctionPredictor:
    name = settings.name or getattr(model, "__name__", type(model).__name__)
    kind = settings.kind or ("losses" if _needs_targets(model) else None)
    return FunctionPredictor(model, name, kind or "logits", kind is not None)


def _needs_targets(function: Callable[..., Any]) -> bool:
    """Return whether a function cannot be called with inputs alone, as only one of losses is."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built-in functions may have none
        return False
    return _takes(signature, 2) and not _takes(signature, 1)


def needs_inputs(function: Callable[..., Any]) -> bool:
    """Return whether a function is itself a model of inputs, and none that returns a model."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built-in functions may have none
        return False
    return not _takes(signature, 0)


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


ADAPTERS.register("function")(Adapter(callable, _adapt, 90, "a function of a batch of inputs"))
