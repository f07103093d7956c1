"""Norms of the loss gradient, by the input and by the last layer's parameters.

The second needs no backward pass: for logits z = W a + b the gradient by W is (p − y) aᵀ and by b
p − y, so its norm is ‖p − y‖ √(‖a‖² + 1), the 1 for the bias where there is one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imprint.errors import ImprintError
from imprint.nets.subject import Subject
from imprint.probe.confidence import loss_of, margin
from imprint.probe.curvature import Forward
from imprint.probe.hessian import differentiable


def input_gradient_norm(
    forward: Forward, images: Tensor, labels: Tensor, scale: Tensor | float = 1.0
) -> Tensor:
    """Return ‖∇ₓℓ‖₂ of the cross-entropy of each image; one forward and one backward pass.

    Args:
        forward: the network, in evaluation mode: each image by itself.
        images: float ``[b, channels, H, W]``.
        labels: int64 ``[b]``.
        scale: one unit of a pixel in the units of ``images``: the standard deviations
            ``[channels, 1, 1]`` for normalised pixels, 1 for pixels in [0, 1].

    Returns:
        ``[b]`` in the dtype of ``images``, in nats per unit.

    Raises:
        ImprintError: the model gives no gradients, or labels that do not fit.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        losses = loss_of(margin(differentiable(forward(images)), labels))
    (slope,) = torch.autograd.grad(losses.sum(), images)
    return (slope * scale).flatten(1).square().sum(1).sqrt()


@torch.inference_mode()
def last_layer_gradient_norm(subject: Subject, images: Tensor, labels: Tensor) -> Tensor:
    """Return the norm of the loss gradient by the last linear layer's weight and bias.

    Args:
        subject: a network whose classifier is, or ends in, a linear layer.
        images: float ``[b, channels, H, W]`` in [0, 1].
        labels: int64 ``[b]``.

    Returns:
        ``[b]`` in the dtype of ``images``.

    Raises:
        ImprintError: the logits do not come from a linear layer, or labels that do not fit.
    """
    layer = _last_linear(subject)
    seen: list[tuple[Tensor, Tensor]] = []
    handle = layer.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    try:
        logits = subject(images)
    finally:
        handle.remove()
    if len(seen) != 1 or seen[0][1] is not logits:
        raise ImprintError(_NOT_LINEAR)
    features = seen[0][0].flatten(1)
    return _miss(logits, labels) * (features.square().sum(1) + (layer.bias is not None)).sqrt()


_NOT_LINEAR = (
    "the network's logits do not come from one linear layer, so its last-layer gradient is not at "
    "hand: ask for input_gradient instead"
)


def _last_linear(subject: Subject) -> nn.Linear:
    classifier = subject.head if subject.head is not None else subject.network.classifier
    layers = [] if classifier is None else list(classifier.modules())
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if not linear:
        raise ImprintError(_NOT_LINEAR)
    return linear[-1]


def _miss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return ‖p − y‖, with 1 − p_y to the last digit."""
    column = labels[:, None]
    rest = -torch.sigmoid(-margin(logits, labels))
    errors = logits.softmax(1).scatter(1, column, rest[:, None])
    return errors.square().sum(1).sqrt()
