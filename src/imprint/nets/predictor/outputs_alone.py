"""Networks that can be asked for outputs and nothing else.

Scripted and exported networks take no hooks, a network that detaches its outputs or rounds them
gives no gradients, one without a linear layer or convolution has no penultimate features. Analyses
of a network need all three, so such a one is audited by its outputs, like a function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError, reason_of
from imprint.nets.predictor.module import run
from imprint.nets.predictor.penultimate import Penultimate
from imprint.nets.predictor.predictor import NetworkPredictor, OutputKind, Predictor, classes_of


@dataclass(frozen=True, eq=False)
class OutputsAlone:
    """A network of which only outputs are asked.

    Attributes:
        predictor: the network.
    """

    predictor: Predictor

    @property
    def name(self) -> str:
        """What it is called."""
        return self.predictor.name

    @property
    def kind(self) -> OutputKind:
        """What it returns."""
        return self.predictor.kind

    @property
    def classes(self) -> tuple[str, ...]:
        """What the outputs stand for; empty where it does not say."""
        return classes_of(self.predictor)

    def fingerprint(self) -> str:
        """Return the hash of the network."""
        return self.predictor.fingerprint()

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float32 ``[b, outputs]``."""
        return self.predictor.predict(inputs, targets)


def why_outputs_alone(network: NetworkPredictor, inputs: NDArray[Any]) -> str | None:
    """Return why a network can be asked for outputs alone, None where hooks and gradients work.

    A network of frozen weights counts as one with gradients where inputs have them.

    Args:
        network: under audit.
        inputs: a few records ``[b, …]``.
    """
    tensor = network.to_inputs(inputs)
    trained: list[Tensor] = [each for each in network.module.parameters() if each.requires_grad]
    if tensor.is_floating_point():
        tensor = tensor.clone().requires_grad_()
        trained.append(tensor)
    try:
        with torch.enable_grad(), Penultimate(network.module) as penultimate:
            # A leaf must not be changed in place, as some networks do with their inputs.
            result = run(network.module, tensor * 1 if tensor.requires_grad else tensor)
            outputs = network.to_outputs(result)
            penultimate.take(outputs, len(inputs))
            if not outputs.requires_grad and trained:
                return "it gives no gradients"
            if trained:
                torch.autograd.grad(outputs.square().sum(), trained, allow_unused=True)
    except ImprintError as error:
        return str(error)
    except Exception as error:  # hooks and backward passes of a user's network may raise anything
        return f"it gives no gradients or takes no hooks, {reason_of(error)}"
    return None
