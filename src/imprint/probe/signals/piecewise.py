"""Whether a network is piecewise linear: read off the operations that one pass really does.

Module types do not tell: activations and products may be functions called in ``forward``. The graph
that autograd records holds every operation from the logits back to the image; an operation that is
not known to be piecewise linear makes the answer no, which costs time but never a wrong trace.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from imprint.probe.signals.scorer import Forward

# fmt: off
LINEAR = frozenset({
    "AdaptiveAvgPool2D", "Add", "AvgPool2D", "Cat", "Clone", "ConstantPadNd", "CopySlices",
    "Expand", "Flip", "Index", "IndexSelect", "Mean", "Neg", "Permute", "PixelShuffle",
    "ReflectionPad2D", "Repeat", "ReplicationPad2D", "ReshapeAlias", "Roll", "Select", "Slice",
    "Split", "SplitWithSizes", "Squeeze", "Stack", "Sub", "Sum", "T", "ToCopy", "Transpose",
    "Unbind", "UnsafeView", "Unsqueeze", "UpsampleBilinear2D", "UpsampleNearest2D", "View",
})
# fmt: on
"""Linear whatever their inputs."""

FIRST_INPUT = frozenset(
    {"Convolution", "CudnnBatchNorm", "Div", "MiopenBatchNorm", "NativeBatchNorm"}
)
"""Linear in their first input where no other comes from the image."""

# fmt: off
KINKED = frozenset({
    "Abs", "AdaptiveMaxPool2D", "Amax", "Amin", "Clamp", "ClampMax", "ClampMin", "Hardtanh",
    "LeakyRelu", "Max", "MaxPool2DWithIndices", "Maximum", "Min", "Minimum", "PreluKernel",
    "Relu", "Threshold", "Where",
})
# fmt: on
"""Linear but for kinks."""

PRODUCTS = frozenset({"Addmm", "Baddbmm", "Bmm", "Dot", "Mm", "Mul", "Mv"})
"""Linear where only one factor comes from the image."""


def is_piecewise_linear(network: nn.Module, forward: Forward, image: Tensor) -> bool:
    """Return whether every operation from this image to its logits is linear but for kinks.

    Args:
        network: its modules are looked at for batch statistics.
        forward: the same network, images to logits.
        image: float ``[1, channels, H, W]``.

    Returns:
        False also for what is not known, for networks in training mode and for batch
        normalisation without running statistics.
    """
    norms = [module for module in network.modules() if isinstance(module, _BATCH_NORMS)]
    if network.training or any(norm.training or norm.running_mean is None for norm in norms):
        return False
    with torch.enable_grad():
        image = image.detach().requires_grad_()
        output = forward(image)
    if not output.requires_grad:
        return False
    start = output.grad_fn
    from_image = _depends_on_image(start, image)
    return all(_is_linear(node, from_image) for node in from_image if from_image[node])


_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def _depends_on_image(start: Any, image: Tensor) -> dict[Any, bool]:
    """Return every node of the graph and whether the image is behind it."""
    depends: dict[Any, bool] = {}
    stack = [start]
    while stack:
        node = stack[-1]
        inputs = [after for after, _ in node.next_functions if after is not None]
        waiting = [after for after in inputs if after not in depends]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        depends[node] = getattr(node, "variable", None) is image or any(map(depends.get, inputs))
    return depends


def _is_linear(node: Any, from_image: dict[Any, bool]) -> bool:
    name = str(node.name()).removeprefix("torch::autograd::").partition("Backward")[0]
    if name == "AccumulateGrad":
        return True
    factors = [after is not None and from_image[after] for after, _ in node.next_functions]
    if name in PRODUCTS:
        return sum(factors) == 1
    if name in FIRST_INPUT:
        return factors[0] and not any(factors[1:])
    return name in LINEAR or name in KINKED
