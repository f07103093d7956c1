from __future__ import annotations

import numpy as np
import torch

from imprint.lenses.coverage.fuzzing.children import replay
from imprint.lenses.coverage.fuzzing.corpus import Corpus, Entries
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds
from tests.lenses.coverage.fuzzing.made_search import NAMES, SEEDS, breeder


def children_of(parents: Entries, first: int, bounds: ChangeBounds | None = None) -> Entries:
    made = breeder(bounds)
    order, changes = made.draw(first + np.arange(len(parents)), parents.moved)
    children, images = made.breed(parents.rows(order), changes)
    np.testing.assert_array_equal(children.pixels, images.numpy())
    return children


def test_a_mutation_depends_on_its_number_alone() -> None:
    made = breeder()
    moved = np.zeros(40, dtype=bool)
    order, changes = made.draw(np.arange(40), moved)
    whole = changes.rows(np.argsort(order))
    order, changes = made.draw(np.arange(25, 40), moved[25:])
    part = changes.rows(np.argsort(order))
    np.testing.assert_array_equal(whole.keys[25:], part.keys)
    np.testing.assert_array_equal(whole.kinds[25:], part.kinds)
    np.testing.assert_array_equal(whole.amounts[25:], part.amounts)
    assert set(whole.kinds.tolist()) == set(range(len(NAMES)))


def test_mutations_of_one_kind_are_drawn_side_by_side() -> None:
    order, changes = breeder().draw(np.arange(50, 90), np.zeros(40, dtype=bool))
    np.testing.assert_array_equal(np.sort(order), np.arange(40))
    np.testing.assert_array_equal(changes.keys, 50 + order)
    assert (np.diff(changes.kinds) != 0).sum() == len(NAMES) - 1


def test_a_second_geometric_mutation_is_not_drawn() -> None:
    _, changes = breeder().draw(np.arange(200), np.ones(200, dtype=bool))
    assert set(changes.kinds.tolist()) == {NAMES.index("brightness"), NAMES.index("noise")}


def test_children_differ_from_their_parents_within_the_bounds() -> None:
    bounds = ChangeBounds(max_share=0.0, max_change=0.05)
    parents = Corpus(Entries.of_seeds(SEEDS, 3)).rows(np.repeat(np.arange(6), 20))
    children = children_of(parents, 0, bounds)
    assert 60 < len(children) <= 120
    difference = np.abs(children.pixels.astype(int) - children.references.astype(int))
    assert difference.max() <= 0.05 * 255
    own = SEEDS[children.lineage.seeds]
    assert (children.pixels != own).any((1, 2, 3)).all()
    still = ~children.moved
    np.testing.assert_array_equal(children.references[still], own[still])


def test_children_can_be_made_again_from_their_seeds() -> None:
    entries = Corpus(Entries.of_seeds(SEEDS, 3)).rows(np.repeat(np.arange(6), 10))
    for generation in range(3):
        entries = children_of(entries, 100 * generation)
    lineage = entries.lineage
    assert lineage.lengths().tolist() == [3] * len(entries)
    seeds = SEEDS[lineage.seeds]
    images, references = replay(breeder(), seeds, lineage.kinds, lineage.amounts, lineage.keys)
    assert torch.equal(images.byte(), torch.from_numpy(entries.pixels))
    assert torch.equal(references.byte(), torch.from_numpy(entries.references))
