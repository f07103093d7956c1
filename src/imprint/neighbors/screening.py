"""Float32 scores of queries against one base, tile by tile, and how far they may err.

A score is the squared Euclidean distance, or 1 − cosine, by matrix products: fast, but not exact.
:mod:`imprint.neighbors.nearest` takes from it which base vectors can be among the nearest. The
products are those of faiss, on the CPU, or of torch, on any device.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray

Vectors = NDArray[np.float32]
Precision = type[np.float32] | type[np.float64]

# Values converted at a time: as float64 they then stay in the cache of one core.
CACHED_VALUES = 1 << 17


class Screen:
    """One base, ready to be scored against tile after tile of queries.

    Queries are those that :meth:`prepare` returned.

    Args:
        base: float32 ``[M, d]``.
        norms: float64 ``[M]``, the lengths of the base vectors.
        cosine: whether scores are 1 − cosine, else squared Euclidean distances.
        device: where torch computes.
        use_faiss: whether :meth:`best` takes the products of faiss.
        base_tile: base vectors a tile.
    """

    def __init__(
        self,
        base: Vectors,
        norms: FloatArray,
        cosine: bool,
        device: torch.device,
        use_faiss: bool,
        base_tile: int,
    ) -> None:
        self.base = base
        self.cosine = cosine
        self.device = device
        self.use_faiss = use_faiss
        self.base_tile = base_tile
        self.base_norms = norms
        self.centre = None if cosine else _centre(base)
        self.as_is = not cosine and self.centre is None
        self.norms = (
            norms
            if self.as_is
            else np.concatenate([row_norms(tile) for _, tile in self._tiles(base_tile)])
        )

    def prepare(self, vectors: Vectors, norms: FloatArray) -> Vectors:
        """Return what scores are computed of: centred vectors, or unit ones under cosine."""
        if self.cosine:
            return (vectors / divisors(norms)[:, None]).astype(np.float32)
        return vectors if self.centre is None else vectors - self.centre

    def best(self, queries: Vectors, count: int) -> tuple[FloatArray, IntArray]:
        """Return the lowest scores, rising, and their base rows, ``[q, count]`` each."""
        if self.use_faiss and self.as_is:
            # faiss has tiles of its own: only what must be prepared is handed over in parts.
            scores, rows = self._best_by_faiss(queries, self.base, count)
            return scores.double().numpy(), rows.numpy()
        on_device = _tensor(queries, self.device)
        scores = torch.empty(len(queries), 0, device=self.device)
        rows = torch.empty(len(queries), 0, dtype=torch.int64, device=self.device)
        for part, tile in self._tiles(self.base_tile):
            if self.use_faiss:
                more, places = self._best_by_faiss(queries, tile, min(count, len(tile)))
            else:
                every = self._scores(on_device, part, tile)
                more, places = every.topk(min(count, len(tile)), largest=False, sorted=False)
            scores = torch.cat([scores, more], dim=1)
            rows = torch.cat([rows, places + part.start], dim=1)
            scores, kept = scores.topk(min(count, scores.shape[1]), largest=False)
            rows = rows.gather(1, kept)
        return scores.cpu().double().numpy(), rows.cpu().numpy()

    def within(self, queries: Vectors, limits: FloatArray) -> tuple[IntArray, IntArray]:
        """Return all base rows whose scores are at most the query's limit.

        Returns:
            int64 ``[q, c]``, base rows, each line filled up with 0; int64 ``[q]``, how many count.
        """
        on_device = _tensor(queries, self.device)
        highest = torch.from_numpy(limits)[:, None]
        parts = []
        for part, tile in self._tiles(self.base_tile):
            inside = self._scores(on_device, part, tile).cpu().double() <= highest
            parts.append(inside.nonzero().numpy() + np.array([0, part.start]))
        pairs = np.concatenate(parts)
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        counts = np.bincount(pairs[:, 0], minlength=len(queries))
        rows = np.zeros((len(queries), counts.max()), dtype=np.int64)
        rows[np.arange(rows.shape[1]) < counts[:, None]] = pairs[:, 1]
        return rows, counts

    def error(self, queries: Vectors, kth: FloatArray) -> FloatArray:
        """Return how far the scores that matter may lie from the true distances, ``[q]``.

        A float32 dot product of x and y is off by at most γ · |x| · |y|, γ = min(d, 8 √d) · 2⁻²⁴.
        The first is the classical bound, which always holds; the second is probabilistic (Higham
        and Mary 2019, theorem 2.4 with λ = 8): with rounding errors that are independent and of
        mean zero it fails for one product with a probability below 2 d exp(−32). The squared
        distance |x|² + |y|² − 2 x·y is then off by γ (|x| + |y|)²; 16 more roundings cover
        preparation and sums. Vectors longer than |x| plus the k-th distance are not among the k.

        Args:
            queries: float32 ``[q, d]``.
            kth: float64 ``[q]``, the k-th lowest score.
        """
        dimensions = self.base.shape[1]
        gamma = 1.05 * 2.0**-24 * (min(dimensions, 8 * dimensions**0.5) + 16)
        underflow = dimensions * 1e-44
        if self.cosine:
            return np.full(len(kth), gamma + underflow)
        norms = row_norms(queries)
        radius = 1.1 * np.sqrt(np.maximum(kth, 0)) + 3 * np.sqrt(gamma) * norms
        longest = np.minimum(self.norms.max(), norms + radius)
        return np.asarray(gamma * (norms + longest) ** 2 + underflow)

    def _tiles(self, size: int) -> Iterator[tuple[slice, Vectors]]:
        for start in range(0, len(self.base), size):
            part = slice(start, start + size)
            yield part, self.prepare(self.base[part], self.base_norms[part])

    def _best_by_faiss(
        self, queries: Vectors, tile: Vectors, count: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        import faiss

        metric = faiss.METRIC_INNER_PRODUCT if self.cosine else faiss.METRIC_L2
        scores, rows = faiss.knn(queries, tile, count, metric)
        return torch.from_numpy(1 - scores if self.cosine else scores), torch.from_numpy(rows)

    def _scores(self, queries: torch.Tensor, part: slice, tile: Vectors) -> torch.Tensor:
        """Return all scores ``[q, tile]`` of one tile."""
        vectors = _tensor(tile, self.device)
        if self.cosine:
            return torch.addmm(queries.new_ones(1), queries, vectors.T, alpha=-1)
        squares = torch.from_numpy(self.norms[part] ** 2).float().to(self.device)
        own = torch.linalg.vector_norm(queries, dim=1, keepdim=True).square()
        return torch.addmm(squares[None], queries, vectors.T, alpha=-2).add_(own)


def row_norms(vectors: Vectors, precision: Precision = np.float32) -> FloatArray:
    """Return the length of each row, float64 ``[n]``, its squares summed in ``precision``."""
    norms = np.empty(len(vectors))
    step = max(1, CACHED_VALUES // vectors.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(vectors), step):
            part = vectors[start : start + step].astype(precision, copy=False)
            norms[start : start + step] = np.sqrt(np.vecdot(part, part))
    return norms


def divisors(norms: FloatArray) -> FloatArray:
    """Return norms to divide by; a zero vector stays zero."""
    return np.where(norms > 0, norms, 1.0)


def _centre(base: Vectors) -> Vectors | None:
    """Return the mean of some 250 base vectors if it outweighs their spread, else None.

    Scores lose as many digits as |x|² exceeds the squared distances; a common offset, as of
    features behind a ReLU, need not cost any.
    """
    sample = base[:: max(1, len(base) // 250)].astype(np.float64)
    mean = sample.mean(axis=0)
    spread = np.square(sample - mean).sum(axis=1).mean()
    return mean.astype(np.float32) if mean @ mean > 4 * spread else None


def _tensor(vectors: Vectors, device: torch.device) -> torch.Tensor:
    # torch cannot share memory that must not be written, e.g. of a read-only memory map.
    return torch.from_numpy(vectors if vectors.flags.writeable else vectors.copy()).to(device)
