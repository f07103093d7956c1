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

    def draw(self, numbers: IntArray, moved: BoolArray) -> Changes:
        """Return mutations, those of a number a function of it and the seed alone.

        Args:
            numbers: int64 ``[n]``, of the children, no two alike.
            moved: bool ``[n]``, which parents have a geometric mutation already.
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
        amounts = np.zeros((len(numbers), AMOUNTS))
        order, stretches = by_kind(kinds, self.mutations)
        for mutation, stretch in stretches:
            rows = order[stretch]
            factor = self.strength if mutation.is_gradual else 1.0
            amounts[rows] = factor * mutation.amounts(uniform[rows, 1:])
        return Changes(kinds, amounts, numbers)

    def breed(self, parents: Entries, numbers: IntArray) -> tuple[Entries, Tensor]:
        """Return valid children.

        Args:
            parents: of each child, n of them, which may have one more mutation.
            numbers: int64 ``[n]``, of the children, no two alike.

        Returns:
            the children, and their pixels again, float32 ``[k, channels, H, W]`` on the device.
        """
        changes = self.draw(numbers, parents.moved)
        images, references = (self._float(part) for part in (parents.pixels, parents.references))
        moves = self.moves(changes.kinds)
        mutants = self.mutate(images, changes)
        full = self._move_references(parents, references, mutants, changes, moves)
        amounts = changes.amounts.copy()
        valid, room = self._judge(mutants, references, full)
        gradual = self._gradual(changes.kinds) & ~moves
        for _ in range(HALVINGS):
            rows = np.flatnonzero(~valid & gradual)
            if not len(rows):
                break
            amounts[rows] /= 2
            at = torch.from_numpy(rows).to(self.device)
            again = Changes(changes.kinds[rows], amounts[rows], changes.keys[rows])
            smaller = self.mutate(images.index_select(0, at), again)
            mutants.index_copy_(0, at, smaller)
            own = references.index_select(0, at)
            valid[rows], room[rows] = self._judge(smaller, own, full[at])
        pixels = as_pixels(mutants)
        changed = (pixels != parents.pixels).reshape(len(pixels), -1).any(1)
        kept = np.flatnonzero(valid & changed)
        if len(kept) < len(valid):
            at = torch.from_numpy(kept).to(self.device)
            mutants, pixels = mutants.index_select(0, at), pixels[kept]
        lineage = parents.lineage.rows(kept)
        children = Entries(
            pixels,
            self._reference_pixels(parents, references, moves, kept),
            full.cpu().numpy()[kept],
            room[kept],
            (parents.moved | moves)[kept],
            lineage.extended(changes.kinds[kept], amounts[kept], changes.keys[kept]),
        )
        return children, mutants

    def mutate(self, images: Tensor, changes: Changes) -> Tensor:
        """Return images with one more mutation each; see :func:`apply`."""
        return apply(self.mutations, images, changes, self._sources)

    @property
    def _sources(self) -> Tensor:
        return torch.from_numpy(self.sources)

    def _move_references(
        self,
        parents: Entries,
        references: Tensor,
        mutants: Tensor,
        changes: Changes,
        moves: BoolArray,
    ) -> Tensor:
        """Move what children are compared with by their geometric mutations, in place.

        Returns:
            :func:`filled` of the references, float32 ``[n]``.
        """
        full = torch.from_numpy(parents.filled).to(self.device)
        mutated = parents.lineage.kinds[:, 0] != NO_MUTATION
        # A child of a seed by a geometric mutation is its own reference.
        for rows, is_own in ((moves & ~mutated, True), (moves & mutated, False)):
            if rows.any():
                at = torch.from_numpy(np.flatnonzero(rows)).to(self.device)
                some = changes.rows(np.flatnonzero(rows))
                moved = mutants[at] if is_own else self.mutate(references[at], some)
                references[at], full[at] = moved, filled(moved)
        return full

    def _reference_pixels(
        self, parents: Entries, references: Tensor, moves: BoolArray, kept: IntArray
    ) -> Pixels:
        """Return what children are compared with, which is what their parents are unless it moved.

        Returns:
            uint8 ``[k, channels, H, W]``.
        """
        pixels = parents.references[kept]
        moved = np.flatnonzero(moves[kept])
        if len(moved):
            at = torch.from_numpy(kept[moved]).to(self.device)
            pixels[moved] = as_pixels(references.index_select(0, at))
        return pixels

    def _judge(
        self, mutants: Tensor, references: Tensor, full: Tensor
    ) -> tuple[BoolArray, NDArray[np.float32]]:
        """Return which mutants are within the bounds, and their room."""
        valid, room = self.bounds.judge(mutants, references, full)
        return valid.cpu().numpy(), room.cpu().numpy()

    def moves(self, kinds: IntArray) -> BoolArray:
        """Return which mutations are geometric, bool ``[n]``."""
        # The last entry is that of no mutation, −1.
        return np.array([*(each.is_geometric for each in self.mutations), False])[kinds]

    def _gradual(self, kinds: IntArray) -> BoolArray:
        return np.array([*(each.is_gradual for each in self.mutations), False])[kinds]

    def _float(self, pixels: Pixels) -> Tensor:
        return torch.from_numpy(pixels).to(self.device).float()


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
