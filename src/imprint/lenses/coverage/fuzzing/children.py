"""Children of inputs of the corpus: each a copy with one more mutation, within the bounds.

A mutation that leaves the bounds is tried again at half its amounts, a few times; what then still
leaves them, or changes nothing, is no child.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, FloatArray, IntArray, Pixels
from imprint.core.seeds import derive, uniforms
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION, Entries
from imprint.lenses.coverage.fuzzing.mutation import AMOUNTS, Changes, Mutation, apply
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds

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
        for kind, mutation in enumerate(self.mutations):
            rows = kinds == kind
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
        images, before = (self._float(part) for part in (parents.pixels, parents.references))
        moves = self.moves(changes.kinds)
        references = self._references(parents, before, changes, moves)
        mutants = self.mutate(images, changes)
        amounts = changes.amounts.copy()
        valid = self._valid(mutants, images, references)
        gradual = self._gradual(changes.kinds)
        for _ in range(HALVINGS):
            rows = np.flatnonzero(~valid & gradual & ~moves)
            if not len(rows):
                break
            amounts[rows] /= 2
            at = torch.from_numpy(rows).to(self.device)
            again = Changes(changes.kinds[rows], amounts[rows], changes.keys[rows])
            mutants[at] = self.mutate(images[at], again)
            valid[rows] = self._valid(mutants[at], images[at], references[at])
        kept = np.flatnonzero(valid)
        at = torch.from_numpy(kept).to(self.device)
        lineage = parents.lineage.rows(kept)
        children = Entries(
            _pixels(mutants[at]),
            _pixels(references[at]),
            self.bounds.room(mutants[at], references[at]).cpu().numpy(),
            (parents.moved | moves)[kept],
            lineage.extended(changes.kinds[kept], amounts[kept], changes.keys[kept]),
        )
        return children, mutants[at]

    def mutate(self, images: Tensor, changes: Changes) -> Tensor:
        """Return images with one more mutation each; see :func:`apply`."""
        return apply(self.mutations, images, changes, self._sources)

    @property
    def _sources(self) -> Tensor:
        return torch.from_numpy(self.sources)

    def _references(
        self, parents: Entries, before: Tensor, changes: Changes, moves: BoolArray
    ) -> Tensor:
        """Return what children are compared with: a geometric mutation moves that as well."""
        rows = np.flatnonzero(moves)
        if not len(rows):
            return before
        at = torch.from_numpy(rows).to(self.device)
        moved = before.clone()
        moved[at] = self.mutate(before[at], changes.rows(rows))
        return moved

    def _valid(self, mutants: Tensor, images: Tensor, references: Tensor) -> BoolArray:
        changed = (mutants != images).flatten(1).any(1)
        return np.asarray((changed & self.bounds.allow(mutants, references)).cpu().numpy())

    def moves(self, kinds: IntArray) -> BoolArray:
        """Return which mutations are geometric, bool ``[n]``."""
        return np.isin(kinds, [k for k, each in enumerate(self.mutations) if each.is_geometric])

    def _gradual(self, kinds: IntArray) -> BoolArray:
        return np.isin(kinds, [k for k, each in enumerate(self.mutations) if each.is_gradual])

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


def _pixels(images: Tensor) -> Pixels:
    return images.to(torch.uint8).cpu().numpy()
