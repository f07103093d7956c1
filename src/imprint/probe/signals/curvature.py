"""Input-loss curvature from losses alone, by second differences in random directions.

With Rademacher directions r_u, r_v, u = h r_u and v = h r_v, one probe is

    D = ℓ(x + v + u) − ℓ(x − v + u) − ℓ(x + v − u) + ℓ(x − v − u) = 4h² r_uᵀ H r_v + O(h⁴)

and the score is the mean of |D| / 4h over probes, so about h · E|r_uᵀ H r_v|. That is h times 0.64
(rank one) to 0.80 (high rank) of the Frobenius norm of the input Hessian H, not its trace; the
division is by 4h, as in the attack's publication. For networks with kinks the value depends on h
beyond that factor (ReLU networks have no curvature but at kinks and in the softmax), so h belongs
to the score: never mix scores of different h.

Losses are formed in float64 from the margins of float32 logits: where a float32 cross-entropy of
confident records is 0 in all four places, here only the rounding of logits is left.
Cost of a query: 4 forward passes per probe, and the model must take real-valued pixels and answer
in full precision. At h = 10⁻³ in normalised units the steps are some 0.06 grey levels of 255, which
no service that takes image files can see; in units of [0, 1] with h ≥ 2/255 one might.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.probe.signals.confidence import check_labels, loss_of, margin
from imprint.probe.signals.scorer import Forward
from imprint.probe.signals.signal import RecordBatch, signal


@torch.inference_mode()
def zeroth_order_curvature(
    forward: Forward,
    images: Tensor,
    labels: Tensor,
    directions: Iterable[Tensor],
    step: float = 1e-3,
    scale: Tensor | float = 1.0,
    rows: int = 32,
) -> Tensor:
    """Return the mean of |D| / 4h over the directions, for each image.

    Args:
        forward: the model; call under :func:`imprint.probe.signals.precision.full_float32`.
        images: float ``[b, channels, H, W]``, on the device of the model, best channels last.
        labels: int64 ``[b]``, same device.
        directions: one tensor of signs a probe, ``[b, 2·H·W·channels]``: r_u then r_v, channels
            fastest.
        step: h, in units of ``scale``.
        scale: how much one unit of a step is in the units of ``images``, one number or
            ``[channels, 1, 1]``: the standard deviations for steps in normalised pixels.
        rows: perturbed images a forward pass, at least 4.

    Returns:
        float64 ``[b]`` on the CPU, at least 0. Perturbed pixels may leave [0, 1]: clipping them
        would measure the clipping.

    Raises:
        ImprintError: no directions, a step that is not positive, or labels that do not fit.
    """
    if not step > 0:
        raise ImprintError(f"the step of curvature must be positive, got {step}")
    count, channels, height, width = images.shape
    parts = _parts(count, max(1, rows // 4))
    size = torch.as_tensor(step * scale, dtype=images.dtype, device=images.device).view(-1, 1, 1)
    total = torch.zeros(count, dtype=torch.float64)
    probes = 0
    for signs in directions:
        grids = signs.to(images.device).view(count, 2, height, width, channels)
        u, v = grids.permute(1, 0, 4, 2, 3)
        corners = (_corners(images[part], u[part], v[part], size) for part in parts)
        logits = torch.cat([torch.stack(forward(four).chunk(4)) for four in corners], dim=1)
        total += second_difference(logits, labels).abs()
        probes += 1
    if not probes:
        raise ImprintError("curvature needs at least one probe")
    return total / (4 * step * probes)


def second_difference(logits: Tensor, labels: Tensor) -> Tensor:
    """Return D, the losses of the first two corners less those of the last two.

    Args:
        logits: ``[4, b, classes]``: at x + s, x − s, x + d and x − d with s = v + u, d = v − u.
        labels: int64 ``[b]``.

    Returns:
        float64 ``[b]`` on the CPU.
    """
    precise, labels = logits.cpu().double(), labels.cpu()
    losses = loss_of(margin(precise.flatten(0, 1), labels.repeat(4))).view(4, -1)
    return losses[0] + losses[1] - losses[2] - losses[3]


def resolution(logits: Tensor, labels: Tensor, step: float) -> Tensor:
    """Return the curvature that rounding one logit of the unperturbed image makes of nothing.

    Half a unit in the last place of the largest logit changes the loss by at most 1 − p_y times as
    much. A score below this is rounding, and 0 is no smaller than it: the floor before a logarithm.

    Args:
        logits: ``[b, classes]`` in the dtype the model computes in.
        labels: int64 ``[b]``.
        step: h.

    Returns:
        float64 ``[b]`` on the CPU, positive.
    """
    check_labels(logits, labels)
    half_unit = torch.finfo(logits.dtype).eps / 2
    precise = logits.detach().cpu().double()
    miss = torch.sigmoid(-margin(precise, labels.cpu()))
    largest = precise.abs().amax(1)
    return (miss * half_unit * largest / (4 * step)).clamp(min=torch.finfo(torch.float32).tiny)


def _corners(images: Tensor, u: Tensor, v: Tensor, size: Tensor) -> Tensor:
    along, across = (v + u) * size, (v - u) * size
    return torch.cat([images + along, images - along, images + across, images - across])


def _parts(count: int, group: int) -> list[slice]:
    return [slice(start, start + group) for start in range(0, count, group)]


@signal(
    "log_curvature",
    "input-loss curvature",
    kind="log_curvature",
    table="curvature",
    queries=lambda probes: 1 + 4 * probes,
    has_pixel_unit=True,
    storage="chosen",
)
def score_log_curvature(batch: RecordBatch) -> Tensor:
    """Return the natural logarithm of each record's curvature, at least that of rounding."""
    curvature = zeroth_order_curvature(
        batch.classifier.forward,
        batch.images,
        batch.labels,
        batch.signs("curvature", 2 * batch.images[0].numel()),
        batch.options.step,
        batch.classifier.scale,
        batch.rows,
    )
    floor = resolution(batch.logits, batch.labels.cpu(), batch.options.step)
    return torch.maximum(curvature, floor).log()


@signal("log_floor", "curvature due to rounding alone", storage="chosen")
def score_log_floor(batch: RecordBatch) -> Tensor:
    """Return the least value that ``log_curvature`` takes for each record."""
    return resolution(batch.logits, batch.labels.cpu(), batch.options.step).log()
