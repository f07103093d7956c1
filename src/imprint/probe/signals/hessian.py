"""Trace of the input Hessian of the loss, with gradients: exact, by logit probes, by Hutchinson.

With J the Jacobian of the logits ``[classes, d]`` and p their softmax, the Hessian of the
cross-entropy by the input is Jᵀ(diag p − ppᵀ)J + Σ_c (p_c − y_c) ∇²z_c. The second part vanishes
almost everywhere for piecewise-linear networks; the first, the Gauss–Newton part, knows no label:

    trace = Σ_c p_c ‖J_c − J̄‖²,  J̄ = Σ_c p_c J_c           exact, classes − 1 backward passes
          = E_r ‖Jᵀ L r‖²,        L = diag √p − p √pᵀ        one backward pass a probe, unbiased
    trace of all of it = E_v vᵀHv                            a double backward pass a probe

with r and v Rademacher (Hutchinson 1990). Ten logit probes come nearer than ten of Hutchinson's,
for less; for networks that are not piecewise linear only the last is right.

All are written by differences from the class of the largest probability, so that confident records
lose no digits: p_c of the others is known to the last digit where 1 − p_y rounds to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from imprint.core.errors import ImprintError
from imprint.probe.signals.confidence import loss_of, margin
from imprint.probe.signals.piecewise import is_piecewise_linear
from imprint.probe.signals.scorer import Forward
from imprint.probe.signals.signal import RecordBatch, signal

MOST_CLASSES_EXACT = 20
"""Classes up to which the exact trace is cheaper than ten probes of logits are noisy."""


def exact_trace(forward: Forward, images: Tensor, scale: Tensor | float = 1.0) -> Tensor:
    """Return Σ_c p_c ‖J_c − J̄‖², the trace of a piecewise-linear network's input Hessian.

    Args:
        forward: the network, in evaluation mode: each image by itself.
        images: float ``[b, channels, H, W]``.
        scale: one unit of a pixel in the units of ``images``: the standard deviations
            ``[channels, 1, 1]`` for normalised pixels, 1 for pixels in [0, 1].

    Returns:
        ``[b]`` in the dtype of ``images``, at least 0, per squared unit.

    Raises:
        ImprintError: the model gives no gradients.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        logits = differentiable(forward(images))
        p = logits.detach().softmax(1)
        gaps = logits - logits.gather(1, p.argmax(1, keepdim=True))
    # ΣpD² − |ΣpD|² with D_c = J_c − J_top: the difference is at least p_top · ΣpD², so it loses
    # no more than a factor of 1 / p_top ≤ classes of relative precision.
    squares = torch.zeros_like(p[:, 0])
    centre = torch.zeros_like(images)
    for row in range(p.shape[1]):
        (slope,) = torch.autograd.grad(gaps[:, row].sum(), images, retain_graph=True)
        slope = slope * scale
        weight = p[:, row]
        squares += weight * _square(slope)
        centre += weight.view(-1, *[1] * (images.ndim - 1)) * slope
    return squares - _square(centre)


def logit_probe_trace(
    forward: Forward, images: Tensor, signs: Iterable[Tensor], scale: Tensor | float = 1.0
) -> Tensor:
    """Return the mean of ‖Jᵀ L r‖² over probes: an unbiased estimate of :func:`exact_trace`.

    Args:
        forward: the network, in evaluation mode: each image by itself.
        images: float ``[b, channels, H, W]``.
        signs: one tensor of −1 and 1 a probe, ``[b, classes]``.
        scale: see :func:`exact_trace`.

    Returns:
        ``[b]`` in the dtype of ``images``, at least 0.

    Raises:
        ImprintError: no probes, or the model gives no gradients.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        logits = differentiable(forward(images))
    p = logits.detach().softmax(1)
    root, top = p.sqrt(), p.argmax(1, keepdim=True)

    def squared(r: Tensor) -> Tensor:
        r = r.to(p)
        others = root * r - p * (root * r).sum(1, keepdim=True)
        others = others.scatter(1, top, 0)
        weights = others.scatter(1, top, -others.sum(1, keepdim=True))
        (slope,) = torch.autograd.grad(logits, images, weights, retain_graph=True)
        return _square(slope * scale)

    return _mean_over_probes(squared, signs)


def hutchinson_trace(
    forward: Forward,
    images: Tensor,
    labels: Tensor,
    signs: Iterable[Tensor],
    scale: Tensor | float = 1.0,
) -> Tensor:
    """Return the mean of vᵀHv over probes: unbiased for every twice differentiable network.

    Args:
        forward: the network, in evaluation mode: each image by itself.
        images: float ``[b, channels, H, W]``.
        labels: int64 ``[b]``.
        signs: one tensor of −1 and 1 a probe, ``[b, channels · H · W]``.
        scale: see :func:`exact_trace`.

    Returns:
        ``[b]`` in the dtype of ``images``; negative where the loss bends down.

    Raises:
        ImprintError: no probes, labels that do not fit, or the model gives no gradients.
    """
    # Fused attention has no second derivative, its plain form has.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        images = images.detach().requires_grad_()
        losses = loss_of(margin(differentiable(forward(images)), labels))
        (slope,) = torch.autograd.grad(losses.sum(), images, create_graph=True)

    def form(v: Tensor) -> Tensor:
        direction = v.view(images.shape).to(images) * scale
        if not slope.requires_grad:
            return torch.zeros_like(losses.detach())
        (product,) = torch.autograd.grad(slope, images, direction, retain_graph=True)
        return (product * direction).flatten(1).sum(1)

    return _mean_over_probes(form, signs)


def differentiable(logits: Tensor) -> Tensor:
    """Return logits that gradients can flow back from.

    Raises:
        ImprintError: none can.
    """
    if not logits.requires_grad:
        raise ImprintError(
            "the model gives no gradients, so it has only scores of losses: "
            "ask for log_curvature rather than trace"
        )
    return logits


def _mean_over_probes(score: Callable[[Tensor], Tensor], signs: Iterable[Tensor]) -> Tensor:
    scores = [score(probe) for probe in signs]
    if not scores:
        raise ImprintError("a trace needs at least one probe")
    return torch.stack(scores).mean(0)


def _square(slopes: Tensor) -> Tensor:
    return slopes.flatten(1).square().sum(1)


@signal(
    "trace",
    "trace of the input Hessian",
    kind="trace",
    table="white_box",
    is_white_box=True,
    has_pixel_unit=True,
)
def score_trace(batch: RecordBatch) -> Tensor:
    """Return the trace of each record's input Hessian, by the method of the options."""
    classes, scale = batch.logits.shape[1], batch.classifier.scale
    method = batch.options.trace
    if method == "auto":
        method = _choose_method(batch, classes)
    traces = []
    for part in batch.parts():
        forward = part.classifier.forward
        if method == "exact":
            values = exact_trace(forward, part.images, scale)
        elif method == "logits":
            values = logit_probe_trace(forward, part.images, part.signs("logits", classes), scale)
        else:
            signs = part.signs("hutchinson", part.images[0].numel())
            values = hutchinson_trace(forward, part.images, part.labels, signs, scale)
        traces.append(values)
    return torch.cat(traces)


def _choose_method(batch: RecordBatch, classes: int) -> Literal["exact", "logits", "hutchinson"]:
    network = batch.classifier.network
    if not is_piecewise_linear(network, batch.classifier.forward, batch.images[:1]):
        return "hutchinson"
    return "exact" if classes <= MOST_CLASSES_EXACT else "logits"
