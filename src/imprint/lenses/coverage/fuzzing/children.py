"""Children of inputs of the corpus: each a copy with one more mutation, within the bounds.

A mutation that leaves the bounds is tried again at half its amounts, a few times; what then still
leaves them, or changes nothing, is no child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import BoolArray, FloatArray, IntArray, Pixels
from imprint.core.seeds import derive, uniforms
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION, Entries
from imprint.lenses.coverage.fuzzing.mutation import AMOUNTS, Changes, Mutation, apply, by_kind
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds, filled

HALVINGS = 4


@dataclass(frozen=True, eq=False)
class Breeder:
    """Makes children.

    Attributes:
        mutations: to draw from.
        bounds: of valid children.
        strength: factor of the amounts of gradual mutations.
        seed: of what is drawn.
        sources: uint8 ``[m, channels, H, W]``, images that mutations may take a look from.
        device: where images are changed.
    """

    mutations: Sequence[Mutation]
    bounds: ChangeBounds
    strength: float
    seed: int
    sources: Pixels
    device: torch.device

    def draw(self, numbers: IntArray, moved: BoolArray) -> tuple[IntArray, Changes]:
        """Return mutations, those of a number a function of it and the seed alone.

        Args:
            numbers: int64 ``[n]``, of the children, no two alike.
            moved: bool ``[n]``, which parents have a geometric mutation already.

        Returns:
            the rows in an order in which mutations of one kind lie side by side, int64 ``[n]``, and
            the mutations in this order.
        """
        uniform = uniforms(derive(self.seed, "fuzzing mutations"), numbers, 1 + AMOUNTS)
        kinds = np.full(len(numbers), NO_MUTATION, dtype=np.int64)
        for once in (False, True):
            allowed = [
                kind
                for kind, mutation in enumerate(self.mutations)
                if not (once and mutation.is_geometric)
            ]
            if allowed:
                rows = moved == once
                places = (uniform[rows, 0] * len(allowed)).astype(np.int64)
                kinds[rows] = np.array(allowed)[places]
        order, stretches = by_kind(kinds, self.mutations)
        uniform, amounts = uniform[order, 1:], np.zeros((len(numbers), AMOUNTS))
        for mutation, stretch in stretches:
            factor = self.strength if mutation.is_gradual else 1.0
            amounts[stretch] = factor * mutation.amounts(uniform[stretch])
        return order, Changes(kinds[order], amounts, numbers[order])

    @torch.inference_mode()
    def breed(self, parents: Entries, changes: Changes) -> tuple[Entries, Tensor]:
        """Return valid children.

        Args:
            parents: of each child, n of them, which may have one more mutation.
            changes: what is changed of each.

        Returns:
            the children, and their pixels again, float32 ``[k, channels, H, W]`` on the device.
        """
        images = self._float(parents.pixels)
        mutants = self.mutate(images, changes)
        moves = self.moves(changes.kinds)
        # A child of a seed by a geometric mutation is its own reference.
        is_own = moves & (parents.lineage.kinds[:, 0] == NO_MUTATION)
        own, others = np.flatnonzero(is_own), np.flatnonzero(~is_own)
        references, moved = self._references(parents, changes, others, moves)
        judged = self._fit(images, mutants, references, changes, others)
        pixels, origins = as_pixels(mutants), parents.references.copy()
        origins[own], origins[others[moves[others]]] = pixels[own], as_pixels(moved)
        changed = (pixels != parents.pixels).reshape(len(pixels), -1).any(1)
        kept = np.flatnonzero(judged.valid & changed)
        if len(kept) < len(pixels):
            mutants, pixels = mutants.index_select(0, self._at(kept)), pixels[kept]
            origins = origins[kept]
        lineage = parents.lineage.rows(kept)
        children = Entries(
            pixels,
            origins,
            judged.room[kept],
            (parents.moved | moves)[kept],
            lineage.extended(changes.kinds[kept], judged.amounts[kept], changes.keys[kept]),
        )
        return children, mutants

    def mutate(self, images: Tensor, changes: Changes) -> Tensor:
        """Return images with one more mutation each; see :func:`apply`."""
        return apply(self.mutations, images, changes, self._sources)

    @property
    def _sources(self) -> Tensor:
        return torch.from_numpy(self.sources)

    def _references(
        self, parents: Entries, changes: Changes, rows: IntArray, moves: BoolArray
    ) -> tuple[Tensor, Tensor]:
        """Return what the bounds compare some children with, and those of it that are moved.

        Args:
            parents: of all children.
            changes: of all children.
            rows: int64 ``[k]``, which children.
            moves: bool ``[n]``, which mutations are geometric.

        Returns:
            float32 ``[k, channels, H, W]``, and ``[m, channels, H, W]``, of the children that a
            geometric mutation moves.
        """
        references = self._float(parents.references[rows])
        places = np.flatnonzero(moves[rows])
        if not len(places):
            return references, references[:0]
        at = self._at(places)
        moved = self.mutate(references.index_select(0, at), changes.rows(rows[places]))
        return references.index_copy_(0, at, moved), moved

    def _fit(
        self,
        images: Tensor,
        mutants: Tensor,
        references: Tensor,
        changes: Changes,
        rows: IntArray,
    ) -> _Judged:
        """Judge some mutants, and put in their places what smaller amounts make, where it helps.

        Args:
            images: float32 ``[n, channels, H, W]``, parents.
            mutants: likewise; changed in place.
            references: float32 ``[k, channels, H, W]``, of the mutants that are judged.
            changes: of all.
            rows: int64 ``[k]``, which mutants; all others are valid, and are their references.
        """
        judged, full = _Judged.of_references(changes.amounts), filled(references)
        compared = mutants.index_select(0, self._at(rows))
        judged.valid[rows], judged.room[rows] = self._judge(compared, references, full)
        shrinks = self._gradual(changes.kinds[rows]) & ~self.moves(changes.kinds[rows])
        places = np.flatnonzero(shrinks & ~judged.valid[rows])
        for _ in range(HALVINGS):
            if not len(places):
                break
            again = rows[places]
            at = self._at(again)
            judged.amounts[again] /= 2
            smaller = Changes(changes.kinds[again], judged.amounts[again], changes.keys[again])
            made = self.mutate(images.index_select(0, at), smaller)
            mutants.index_copy_(0, at, made)
            at = self._at(places)
            judged.valid[again], judged.room[again] = self._judge(
                made, references.index_select(0, at), full.index_select(0, at)
            )
            places = places[~judged.valid[again]]
        return judged

    def _judge(
        self, mutants: Tensor, references: Tensor, full: Tensor
    ) -> tuple[BoolArray, NDArray[np.float32]]:
        """Return which mutants are within the bounds, and their room."""
        valid, room = self.bounds.judge(mutants, references, full)
        return valid.cpu().numpy(), room.cpu().numpy()

    def _at(self, rows: IntArray) -> Tensor:
        return torch.from_numpy(rows).to(self.device)

    def moves(self, kinds: IntArray) -> BoolArray:
        """Return which mutations are geometric, bool ``[n]``."""
        # The last entry is that of no mutation, −1.
        return np.array([*(each.is_geometric for each in self.mutations), False])[kinds]

    def _gradual(self, kinds: IntArray) -> BoolArray:
        return np.array([*(each.is_gradual for each in self.mutations), False])[kinds]

    def _float(self, pixels: Pixels) -> Tensor:
        return torch.from_numpy(pixels).to(self.device).float()


@dataclass(frozen=True, eq=False)
class _Judged:
    """What the bounds say of mutants.

    Attributes:
        valid: bool ``[n]``.
        room: float32 ``[n]``, share of the allowed change that is left.
        amounts: float64 ``[n, 2]``, of their last mutations, as small as it took.
    """

    valid: BoolArray
    room: NDArray[np.float32]
    amounts: FloatArray

    @classmethod
    def of_references(cls, amounts: FloatArray) -> _Judged:
        """Return what they say of mutants that are what they are compared with."""
        count = len(amounts)
        return cls(np.ones(count, dtype=bool), np.ones(count, dtype=np.float32), amounts.copy())


def replay(
    breeder: Breeder, seeds: Pixels, kinds: IntArray, amounts: FloatArray, keys: IntArray
) -> Tensor:
    """Return images made of seeds by all their mutations, and what the bounds compare them with.

    Args:
        breeder: that made them.
        seeds: uint8 ``[n, channels, H, W]``.
        kinds: int64 ``[n, depth]``; −1 is passed over, wherever it stands.
        amounts: float64 ``[n, depth, 2]``.
        keys: int64 ``[n, depth]``.

    Returns:
        float32 ``[2, n, channels, H, W]`` in [0, 255]: images, then references.
    """
    images = torch.from_numpy(seeds).to(breeder.device).float()
    references = images
    for step in range(kinds.shape[1]):
        changes = Changes(kinds[:, step], amounts[:, step], keys[:, step])
        still = np.where(breeder.moves(changes.kinds), changes.kinds, NO_MUTATION)
        references = breeder.mutate(references, Changes(still, changes.amounts, changes.keys))
        images = breeder.mutate(images, changes)
    return torch.stack([images, references])


def as_pixels(images: Tensor) -> Pixels:
    """Return images of whole numbers in [0, 255] as bytes."""
    # From float to bytes PyTorch goes one number at a time; by way of int16 several at once.
    return images.to(torch.int16).to(torch.uint8).cpu().numpy()
