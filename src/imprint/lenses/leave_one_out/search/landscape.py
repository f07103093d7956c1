"""Distinguishability along lines through removed records, in one batched product.

Queries are s + t · u for every record s, some directions u of each and all steps t; one product of
their kernel with R gives all of them. No query reveals more than the record itself, so under the
Gaussian process both divergences and the AUC are greatest at t = 0 along every line: anything else
is an error of computation, or an effect of networks of finite width. The mean distance is no
divergence and may grow.

Directions are random, to the most similar record, principal, or of brightness, each with a root
mean square of 1 over the numbers of an input, so that lines of one kind compare with another's.

Time is one kernel row and n² for each query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.full_model import with_all
from imprint.lenses.leave_one_out.posterior.posterior import Posterior

QUERIES = 1024
"""Queries at a time."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """m records, l lines through each, t steps along each; float64.

    Attributes:
        steps: ``[t]``, in units of the directions; one of them is 0.
        kl_out_in: KL(out ‖ in) in nats, ``[m, l, t]``.
        kl_in_out: likewise.
        auc: exact area under the ROC curve, ``[m, l, t]``.
        mean_distance: ``[m, l, t]``, in squared units of the targets.
    """

    steps: Tensor
    kl_out_in: Tensor
    kl_in_out: Tensor
    auc: Tensor
    mean_distance: Tensor

    @property
    def origin(self) -> int:
        """Which step is 0."""
        return int(torch.nonzero(self.steps == 0)[0])

    def relative(self, values: Tensor) -> Tensor:
        """Return values ``[m, l, t]`` over those at the record, NaN where these are 0."""
        return values / values[:, :, self.origin, None]


def joined_landscapes(parts: Sequence[Landscape]) -> Landscape:
    """Return landscapes of the same steps one after another, by record."""
    measures = ("kl_out_in", "kl_in_out", "auc", "mean_distance")
    joined = {name: torch.cat([getattr(each, name) for each in parts]) for name in measures}
    return Landscape(parts[0].steps, **joined)


def symmetric_steps(reach: float, count: int) -> Tensor:
    """Return ``count`` equal steps to either side of an exact 0, float64 ``[2 count + 1]``.

    >>> symmetric_steps(0.5, 2).tolist()
    [-0.5, -0.25, 0.0, 0.25, 0.5]
    """
    return reach * torch.arange(-count, count + 1).double() / count


def line_queries(records: Tensor, directions: Tensor, steps: Tensor) -> Tensor:
    """Return s + t · u, float64 ``[m, l, t, ...]``.

    Args:
        records: s, ``[m, ...]``.
        directions: u, ``[m, l, ...]``.
        steps: t, ``[t]``.
    """
    place = (len(steps),) + (1,) * (records.ndim - 1)
    along = directions.double()[:, :, None] * steps.double().view(place)
    return records.double()[:, None, None] + along


def landscape(
    kernel: Kernel,
    records: Tensor,
    posterior: Posterior,
    removed: Tensor,
    directions: Tensor,
    steps: Tensor,
    ready: PreparedInputs | None = None,
) -> Landscape:
    """Return the distinguishability of removed records along lines through them.

    Args:
        kernel: of the posterior.
        records: the n inputs that were fitted, ``[n, ...]``.
        posterior: their fit.
        removed: rows of the removed records, int64 ``[m]``.
        directions: ``[m, l, ...]``.
        steps: ``[t]``, 0 among them.
        ready: what the kernel prepared of the records, if it has.

    Raises:
        ImprintError: directions or steps that do not fit.
    """
    _check(records, removed, directions, steps)
    ready = kernel.prepare(records) if ready is None else ready
    queries = line_queries(records[removed], directions, steps)
    shape = queries.shape[:3]
    flat = queries.flatten(0, 2)
    owner = removed.repeat_interleave(shape[1] * shape[2])
    parts = zip(torch.split(flat, QUERIES), torch.split(owner, QUERIES), strict=True)
    spreads, distances = zip(
        *(_along(kernel, ready, posterior, *part) for part in parts), strict=True
    )
    spread = torch.cat(spreads).view(*shape, 1)
    own = posterior.inverse_diagonal[removed]
    surprise = (posterior.weights[removed].square().sum(1) / own).view(-1, 1, 1, 1)
    directions_in_out = Directions(spread, surprise, posterior.outputs)
    return Landscape(
        steps.double(),
        directions_in_out.kl_out_in(),
        directions_in_out.kl_in_out(),
        directions_in_out.auc(),
        torch.cat(distances).view(shape),
    )


def _along(
    kernel: Kernel, ready: PreparedInputs, posterior: Posterior, queries: Tensor, owner: Tensor
) -> tuple[Tensor, Tensor]:
    """Return z and the mean distance of queries, each for its own removed record, ``[q]``."""
    prepared = kernel.prepare(queries)
    product, variance = with_all(posterior, kernel(prepared, ready), kernel.diagonal(prepared))
    own = posterior.inverse_diagonal[owner]
    reach = product.gather(1, owner[:, None])[:, 0]
    gain = reach.square() / own
    spread = torch.where(variance > 0, gain / variance, 0)
    shift = (reach / own)[:, None] * posterior.weights[owner]
    return spread, 0.5 * shift.square().mean(1)


def _check(records: Tensor, removed: Tensor, directions: Tensor, steps: Tensor) -> None:
    if directions.shape[2:] != records.shape[1:] or len(directions) != len(removed):
        raise ImprintError(
            f"directions of shape {list(directions.shape)} do not fit {len(removed)} of the "
            f"records {list(records.shape)}: give [m, l, ...], at least one line per removed "
            "record"
        )
    if not (steps == 0).any():
        raise ImprintError(
            "a landscape needs the step 0, the record itself, among its steps: "
            "make them by symmetric_steps"
        )


def random_directions(shape: Sequence[int], names: Sequence[int], lines: int, seed: int) -> Tensor:
    """Return directions of uniform noise, ``[m, lines, *shape]``.

    Args:
        shape: of an input.
        names: of the records, such as their rows: each has directions of its own.
        lines: how many a record.
        seed: of the study.
    """
    drawn = [
        generator(seed, "landscape direction", name).uniform(-1, 1, size=(lines, *shape))
        for name in names
    ]
    return unit(torch.from_numpy(np.stack(drawn)))


def neighbour_directions(records: Tensor, kernel_matrix: Tensor, removed: Tensor) -> Tensor:
    """Return directions towards the record of the greatest kernel correlation, ``[m, 1, ...]``.

    A record equal to the removed one gives no direction, and the next one is taken.
    """
    deviation = kernel_matrix.diagonal().sqrt()
    correlation = kernel_matrix[removed] / (deviation[removed, None] * deviation)
    flat = records.flatten(1)
    for row, record in enumerate(removed.tolist()):
        correlation[row, (flat == flat[record]).all(1)] = -torch.inf
    towards = records[correlation.argmax(1)].double() - records[removed].double()
    return unit(towards[:, None])


def eigenvector_directions(records: Tensor, lines: int, removed: Tensor) -> Tensor:
    """Return the first eigenvectors of the covariance of the inputs, ``[m, lines, ...]``.

    Signs are such that the numbers of an eigenvector sum to at least 0.
    """
    flat = records.double().flatten(1)
    centred = flat - flat.mean(0)
    if len(flat) > flat.shape[1]:
        vectors = torch.linalg.eigh(centred.T @ centred)[1][:, -lines:].flip(1).T
    else:
        left = torch.linalg.eigh(centred @ centred.T)[1][:, -lines:].flip(1)
        vectors = left.T @ centred
    vectors = torch.where(vectors.sum(1, keepdim=True) < 0, -vectors, vectors)
    shaped = unit(vectors.view(-1, *records.shape[1:]), 1)
    return shaped.expand(len(removed), *shaped.shape)


def brightness_directions(records: Tensor, black: Tensor, removed: Tensor) -> Tensor:
    """Return the directions that scale the brightness of images, s − black, ``[m, 1, ...]``.

    Args:
        records: all inputs, ``[n, ...]``.
        black: a black image in the units of the inputs, broadcasts against one. Zero for pixels
            that were not shifted: scaling is then the direction of the record itself, along which
            homogeneous kernels see no difference.
        removed: rows, int64 ``[m]``.
    """
    return unit((records[removed].double() - black)[:, None])


def unit(directions: Tensor, leading: int = 2) -> Tensor:
    """Return directions of root mean square 1; those of length 0 stay.

    Args:
        directions: ``[..., *shape]``.
        leading: how many dimensions come before those of an input.
    """
    size = directions.double().flatten(leading).square().mean(-1).sqrt()
    size = size.view(size.shape + (1,) * (directions.ndim - leading))
    return directions.double() / torch.where(size > 0, size, 1.0)
