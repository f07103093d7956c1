"""How similar the query of a search is to the removed record.

A kernel homogeneous in its inputs leaves the length of a query free: every positive multiple is as
good. So errors are those after the best positive scaling, t = max(0, ⟨q, s⟩ / |q|²), in the units
in which the kernel takes its inputs; for other kernels the plain error is given too. A record is
*reconstructed* when of all records, itself among them, it is the one at the smallest angle to the
query: then the query shows this record and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from imprint.core.errors import ImprintError


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The best query of each removed record, one row per record.

    Attributes:
        query: which of the queries of its search is nearest by angle, int64 ``[m]``.
        scaled: that query after the best positive scaling, float64 ``[m, ...]``.
        cosine: of the angle to the record, ``[m]``.
        scaled_error: |tq − s| / |s|, ``[m]``, in [0, 1].
        error: |q − s| / |s|, ``[m]``.
        nearest: row of the record at the smallest angle to the query, int64 ``[m]``.
        identified: whether that is the removed record, or one equal to it, bool ``[m]``.
    """

    query: Tensor
    scaled: Tensor
    cosine: Tensor
    scaled_error: Tensor
    error: Tensor
    nearest: Tensor
    identified: Tensor


def reconstructions(queries: Tensor, records: Tensor, removed: Tensor) -> Reconstruction:
    """Compare queries of searches with the records.

    >>> records = torch.eye(3).double()
    >>> result = reconstructions(torch.tensor([[[4.0, 3.0, 0.0]]]), records, torch.tensor([0]))
    >>> result.cosine.tolist(), result.nearest.tolist(), round(float(result.scaled_error), 3)
    ([0.8], [0], 0.6)

    Args:
        queries: ``[m, q, ...]``, those of the search that removed each record.
        records: all inputs, ``[n, ...]``, in the same units.
        removed: row of the removed record, int64 ``[m]``; for a group give the queries of the
            search once a record.

    Raises:
        ImprintError: shapes that do not fit.
    """
    if queries.ndim < 3 or queries.shape[2:] != records.shape[1:] or len(queries) != len(removed):
        raise ImprintError(
            f"queries of shape {list(queries.shape)} do not fit records {list(records.shape)}: "
            "give [m, q, ...], one row per removed record"
        )
    flat, all_records = queries.double().flatten(2), records.double().flatten(1)
    truth = all_records[removed]
    length = torch.linalg.vector_norm(truth, dim=1)
    cosines = torch.einsum("mqd,md->mq", _unit(flat), _unit(truth))
    cosine, query = cosines.max(1)
    chosen = flat[torch.arange(len(flat), device=flat.device), query]
    scale = (chosen * truth).sum(1).clamp(min=0) / chosen.square().sum(1).clamp(min=1e-300)
    scaled = scale[:, None] * chosen
    similarity = _unit(chosen) @ _unit(all_records).T
    nearest = similarity.argmax(1)
    same = (all_records[nearest] == truth).all(1)
    return Reconstruction(
        query,
        scaled.view(len(flat), *queries.shape[2:]),
        cosine,
        torch.linalg.vector_norm(scaled - truth, dim=1) / length,
        torch.linalg.vector_norm(chosen - truth, dim=1) / length,
        nearest,
        same,
    )


def psnr(images: Tensor, truth: Tensor, peak: float) -> Tensor:
    """Return the peak signal-to-noise ratio of images in decibel, float64 ``[m]``; ∞ if equal.

    >>> psnr(torch.zeros(1, 4), torch.full((1, 4), 0.1), 1.0).round().tolist()
    [20.0]

    Args:
        images: in pixel units, ``[m, ...]``; what lies out of [0, ``peak``] counts as its edge.
        truth: likewise.
        peak: the brightest pixel, 1 or 255.
    """
    apart = images.double().clamp(0, peak) - truth.double()
    return 10 * torch.log10(peak**2 / apart.square().flatten(1).mean(1))


def pixel_correlation(images: Tensor, truth: Tensor) -> Tensor:
    """Return the correlation over all numbers of an image, float64 ``[m]``; NaN for a flat one."""
    one, other = (
        values.double().flatten(1) - values.double().flatten(1).mean(1, keepdim=True)
        for values in (images, truth)
    )
    norms = torch.linalg.vector_norm(one, dim=1) * torch.linalg.vector_norm(other, dim=1)
    correlation: Tensor = (one * other).sum(1) / norms
    return correlation


def _unit(vectors: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(length > 0, length, 1.0)


def joined_reconstructions(parts: Sequence[Reconstruction]) -> Reconstruction:
    """Return records of several fits one after another; rows are those of their own fit."""
    names = [field.name for field in fields(Reconstruction)]
    return Reconstruction(
        **{name: torch.cat([getattr(each, name) for each in parts]) for name in names}
    )
