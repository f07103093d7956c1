"""A live PyTorch network as a predictor.

Float inputs go in as float32, whole numbers (token ids) as int64, images in uint8 as floats in
[0, 1]; an :class:`ImageModel` normalises them itself, any other network gets them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.errors import ImprintError, reason_of
from imprint.nets.outputs import OutputRule
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings, OutputKind
from imprint.study.hashing import hash_arrays


@dataclass(frozen=True, eq=False)
class ModulePredictor:
    """A network on its device, in evaluation mode.

    Attributes:
        module: the network.
        name: what it is called.
        kind: what it returns.
        rule: how the output is picked from what it returns.
        kind_is_known: whether the user said what it returns.
    """

    module: nn.Module
    name: str
    kind: OutputKind = "logits"
    rule: OutputRule = OutputRule()  # noqa: RUF009  # immutable
    kind_is_known: bool = True

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        tensors = [*self.module.parameters(), *self.module.buffers()]
        return tensors[0].device if tensors else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """What real inputs go in as: the type of the weights."""
        parts = self.module.parameters()
        types = (part.dtype for part in parts if part.is_floating_point())
        return next(types, torch.float32)

    def fingerprint(self) -> str:
        """Return the hash of its type, weights and buffers."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        try:
            state = self.module.state_dict()  # may hold other things than tensors
            tensors = [each for each in state.values() if isinstance(each, Tensor)]
            arrays = [_plain(tensor).float().cpu().numpy() for tensor in tensors]
        except Exception as error:  # a user's network may say by itself what its weights are
            raise ImprintError(
                f"cannot read the weights of {self.name} ({reason_of(error)}): give a function "
                "that calls it"
            ) from error
        described = np.frombuffer(text_of(self.module).encode("utf-8", "replace"), dtype=np.uint8)
        return hash_arrays(described, *arrays)

    def to_inputs(self, inputs: NDArray[Any]) -> Tensor:
        """Return inputs as the network takes them, on its device."""
        if not inputs.flags.writeable:
            inputs = inputs.copy()
        tensor = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        if inputs.dtype == np.uint8 and inputs.ndim == 4:
            tensor = tensor.float().div_(255).to(self.dtype)
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor.long()

    def to_outputs(self, result: Any) -> Tensor:
        """Return the outputs among what the network returned.

        Raises:
            ImprintError: they are no numbers, or have more than two dimensions.
        """
        outputs = as_real(self.rule.pick(result))
        return outputs[:, None] if outputs.ndim == 1 and self.kind != "losses" else outputs

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float32 ``[b, outputs]``, in one forward pass without gradients."""
        with torch.no_grad():  # inference mode would mark what lazy layers make on a first pass
            outputs = self.to_outputs(run(self.module, self.to_inputs(inputs)))
        require_rows(outputs, len(inputs))
        return np.asarray(outputs.float().cpu().numpy())


def run(module: nn.Module, inputs: Tensor) -> Any:
    """Return what a network returns.

    Raises:
        ImprintError: it does not take these inputs.
    """
    try:
        return module(inputs)
    except ImprintError:
        raise
    except Exception as error:  # a user's network may raise anything
        reason = reason_of(error)
        raise ImprintError(
            f"the network does not take inputs {list(inputs.shape)} of {inputs.dtype}: {reason}"
        ) from error


def text_of(module: nn.Module) -> str:
    """Return what a network is made of, as it prints; its type where it does not print."""
    try:
        return repr(module)
    except Exception:  # code of the user
        return type(module).__qualname__


def _plain(tensor: Tensor) -> Tensor:
    """Return a tensor as dense numbers."""
    tensor = tensor.detach()
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def as_real(outputs: Tensor) -> Tensor:
    """Return outputs as a dense tensor of real numbers, ``[b]`` or ``[b, outputs]``.

    >>> as_real(torch.tensor([[True, False]]))
    tensor([[1., 0.]])

    Raises:
        ImprintError: complex numbers, numbers that are not there, or another shape.
    """
    if outputs.is_complex() or outputs.is_quantized or outputs.is_meta:
        what = "the meta device" if outputs.is_meta else str(outputs.dtype)
        raise ImprintError(
            f"the network returns a tensor of {what}: return real numbers [b, outputs]"
        )
    if outputs.ndim not in (1, 2):
        raise ImprintError(
            f"the network returns outputs {list(outputs.shape)}: return one row a record, "
            "[b, outputs]"
        )
    dense = outputs if outputs.layout == torch.strided else outputs.to_dense()
    return dense if dense.is_floating_point() else dense.float()


def require_rows(outputs: Tensor, count: int) -> None:
    """Refuse outputs that are not one row a record.

    Raises:
        ImprintError: they are not.
    """
    if len(outputs) != count:
        raise ImprintError(
            f"the network returns outputs {list(outputs.shape)} for {count} records: return one "
            "row a record, [b, outputs]"
        )


def _adapt(model: Any, settings: ModelSettings) -> ModulePredictor:
    model = getattr(model, "_orig_mod", model)  # of torch.compile, whose hooks do not run
    try:
        module: nn.Module = model.to(settings.device).eval()
    except Exception as error:  # on the meta device, of torch.export, of a user
        raise ImprintError(
            f"cannot bring {type(model).__name__} to {settings.device} in evaluation mode "
            f"({reason_of(error)}): give a network with weights, or a function that calls it"
        ) from error
    rule = OutputRule(entry=settings.output)
    name = settings.name or type(module).__name__
    known = settings.kind is not None
    return ModulePredictor(module, name, settings.kind or "logits", rule, known)


ADAPTERS.register("module")(
    Adapter(lambda model: isinstance(model, nn.Module), _adapt, 10, "a torch.nn.Module")
)
