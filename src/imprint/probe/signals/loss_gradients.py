"""Norms of the loss gradient, by the input and by the last layer's parameters.

The second needs no backward pass where logits come from a linear layer: for z = W a + b the
gradient by W is (p − y) aᵀ and by b p − y, so its norm is ‖p − y‖ √(‖a‖² + 1), the 1 for the bias
where there is one. Of other networks, such as one that averages a last convolution over places, it
is that of the last layer that runs and has parameters, from one backward pass an image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.confidence import loss_of, margin
from imprint.probe.signals.hessian import differentiable
from imprint.probe.signals.scorer import Forward
from imprint.probe.signals.signal import RecordBatch, signal


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


def last_layer_gradient_norm(model: ImageModel, images: Tensor, labels: Tensor) -> Tensor:
    """Return the norm of the loss gradient by the last layer's parameters.

    Args:
        model: a classifier in evaluation mode: each image by itself.
        images: float ``[b, channels, H, W]`` in [0, 1].
        labels: int64 ``[b]``.

    Returns:
        ``[b]`` in the dtype of ``images``.

    Raises:
        ImprintError: no layer of the network has parameters, or labels that do not fit.
    """
    norms = _of_linear_logits(model, images, labels)
    return _by_backward_passes(model, images, labels) if norms is None else norms


@signal(
    "input_gradient",
    "gradient on the input",
    kind="input_gradient",
    table="white_box",
    is_white_box=True,
    has_pixel_unit=True,
)
def score_input_gradient(batch: RecordBatch) -> Tensor:
    """Return the norm of each record's loss gradient by the input."""
    classifier = batch.classifier
    return torch.cat(
        [
            input_gradient_norm(classifier.forward, part.images, part.labels, classifier.scale)
            for part in batch.parts()
        ]
    )


@signal(
    "parameter_gradient",
    "gradient on the last layer",
    kind="parameter_gradient",
    table="white_box",
    is_white_box=True,
)
def score_parameter_gradient(batch: RecordBatch) -> Tensor:
    """Return the norm of each record's loss gradient by the last layer's parameters."""
    return last_layer_gradient_norm(batch.classifier.network, batch.images, batch.labels)


@torch.inference_mode()
def _of_linear_logits(model: ImageModel, images: Tensor, labels: Tensor) -> Tensor | None:
    """Return the norms in closed form, None where logits are not what one linear layer gives."""
    layer = _last_linear(model)
    if layer is None:
        return None
    seen: list[tuple[Tensor, Tensor]] = []
    handle = layer.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    try:
        logits = model(images)
    finally:
        handle.remove()
    if len(seen) != 1 or seen[0][1] is not logits or logits.ndim != 2:
        return None
    features = seen[0][0].flatten(1)
    return _miss(logits, labels) * (features.square().sum(1) + (layer.bias is not None)).sqrt()


def _by_backward_passes(model: ImageModel, images: Tensor, labels: Tensor) -> Tensor:
    ran: list[nn.Module] = []
    layers = [part for part in model.modules() if any(True for _ in part.parameters(False))]
    handles = [part.register_forward_hook(lambda part, *_: ran.append(part)) for part in layers]
    norms = []
    try:
        for image, label in zip(torch.split(images, 1), torch.split(labels, 1), strict=True):
            ran.clear()
            with torch.enable_grad():
                loss = loss_of(margin(model(image), label)).sum()
                norms.append(_norm_at_last(loss, ran))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(norms).to(images.dtype)


def _norm_at_last(loss: Tensor, layers: list[nn.Module]) -> Tensor:
    """Return the norm of the gradient by the parameters of the last layer that leads to a loss."""
    for layer in reversed(layers if loss.requires_grad else []):
        slopes = torch.autograd.grad(
            loss, list(layer.parameters(False)), retain_graph=True, allow_unused=True
        )
        squares = [slope.square().sum() for slope in slopes if slope is not None]
        if squares:
            return torch.stack(squares).sum().sqrt()
    raise ImprintError(_NO_LAYER)


_NO_LAYER = (
    "no layer of the network with parameters leads to its logits, so there is no last-layer "
    "gradient: ask for input_gradient instead"
)


def _last_linear(model: ImageModel) -> nn.Linear | None:
    classifier = model.head if model.head is not None else model.network.classifier
    layers = [] if classifier is None else list(classifier.modules())
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    return linear[-1] if linear else None


def _miss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return ‖p − y‖, with 1 − p_y to the last digit."""
    column = labels[:, None]
    rest = -torch.sigmoid(-margin(logits, labels))
    errors = logits.softmax(1).scatter(1, column, rest[:, None])
    return errors.square().sum(1).sqrt()
