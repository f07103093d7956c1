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

from imprint.core.errors import ImprintError
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

    def fingerprint(self) -> str:
        """Return the hash of its type, weights and buffers."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        state = self.module.state_dict()
        arrays = [tensor.detach().float().cpu().numpy() for tensor in state.values()]
        described = np.frombuffer(repr(self.module).encode(), dtype=np.uint8)
        return hash_arrays(described, *arrays)

    def to_inputs(self, inputs: NDArray[Any]) -> Tensor:
        """Return inputs as the network takes them, on its device."""
        if not inputs.flags.writeable:
            inputs = inputs.copy()
        tensor = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        if inputs.dtype == np.uint8 and inputs.ndim == 4:
            tensor = tensor.float().div_(255)
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor.float() if tensor.is_floating_point() else tensor.long()

    def to_outputs(self, result: Any) -> Tensor:
        """Return the outputs among what the network returned."""
        outputs = self.rule.pick(result)
        return outputs[:, None] if outputs.ndim == 1 and self.kind != "losses" else outputs

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float32 ``[b, outputs]``, in one forward pass without gradients."""
        with torch.inference_mode():
            outputs = self.to_outputs(run(self.module, self.to_inputs(inputs)))
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
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise ImprintError(
            f"the network does not take inputs {list(inputs.shape)} of {inputs.dtype}: {reason}"
        ) from error


def _adapt(model: Any, settings: ModelSettings) -> ModulePredictor:
    module: nn.Module = model.to(settings.device).eval()
    rule = OutputRule(entry=settings.output)
    name = settings.name or type(module).__name__
    known = settings.kind is not None
    return ModulePredictor(module, name, settings.kind or "logits", rule, known)


ADAPTERS.register("module")(
    Adapter(lambda model: isinstance(model, nn.Module), _adapt, 10, "a torch.nn.Module")
)
