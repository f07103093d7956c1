from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.fuzzing.guide import AcceptAll, AcceptNone
from imprint.lenses.coverage.fuzzing.search import MAX_BARREN_ROUNDS, Search
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds
from tests.lenses.coverage.fuzzing.made_search import Labels, Mean, new_search


def ran(search: Search, subject: Mean | None = None) -> Search:
    for _ in search.rounds(subject or Mean(), Labels()):
        pass
    return search


@pytest.mark.parametrize("budget", [1, 7, 100])
def test_the_budget_is_spent_to_the_last_pass(budget: int) -> None:
    subject = Mean()
    search = ran(new_search(budget=budget), subject)
    assert subject.passes == search.passes == budget == sum(search.tried)


def test_faults_are_mutants_that_the_network_gets_wrong() -> None:
    search = ran(new_search(budget=400))
    assert len(search.by_fault["number"]) == sum(search.by_round["faults"]) > 5
    assert (search.kept.pixels.mean((1, 2, 3)) > 125).all()
    assert len(search.kept) == len(search.unique) == search.by_round["unique"][-1] > 1
    joined = search.corpus.arrays()["pixels"]
    assert (joined.mean((1, 2, 3)) <= 125).all()
    assert search.by_fault["number"] == sorted(set(search.by_fault["number"]))


def test_a_criterion_that_nothing_adds_to_accepts_nothing() -> None:
    search = ran(new_search(AcceptNone()))
    assert len(search.corpus) == 6
    assert sum(search.accepted) == 0


def test_without_guidance_every_right_mutant_joins() -> None:
    search = ran(new_search(AcceptAll()))
    assert len(search.corpus) == 6 + 100 - len(search.by_fault["number"])


def test_bounds_that_allow_no_change_end_the_search() -> None:
    search = new_search(bounds=ChangeBounds(0.0, 0.0))
    search.breeder.mutations[:2] = []  # type: ignore[index]  # geometric ones stay within any
    ran(search)
    assert search.passes == 0
    assert search.round == MAX_BARREN_ROUNDS


@pytest.mark.parametrize("seed", [0, 1])
def test_a_search_that_was_interrupted_ends_as_one_that_was_not(seed: int) -> None:
    whole = ran(new_search(budget=200, seed=seed))
    kept = new_search(budget=200, seed=seed)
    rounds = kept.rounds(Mean(), Labels())
    for _ in range(5):
        next(rounds)
    state = {name: tensor.clone() for name, tensor in kept.state().items()}
    resumed = new_search(budget=200, seed=seed)
    resumed.restore(state)
    ran(resumed)
    first, second = whole.state(), resumed.state()
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name].nan_to_num(), second[name].nan_to_num()), name


def test_another_seed_makes_other_mutants() -> None:
    numbers = [ran(new_search(budget=200, seed=seed)).corpus.arrays()["keys"] for seed in (0, 1)]
    assert not np.array_equal(*numbers)
