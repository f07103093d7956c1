"""Measures from solutions, tile by tile, are those of a dense fit."""

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large import large_queries
from imprint.lenses.leave_one_out.large.large_queries import (
    LargestErrors,
    measured_rows,
    record_tiles,
    solved_queries,
)
from imprint.lenses.leave_one_out.posterior.queries import query_blocks
from tests.lenses.leave_one_out.large.large_solved import large_of, solutions_of, some_queries
from tests.lenses.leave_one_out.large_problem import KERNEL, large_problem


def test_tiles_give_the_measures_of_the_dense_fit(monkeypatch):
    monkeypatch.setattr(large_queries, "TILE_VALUES", 6 * 50)
    posterior, queries = large_of(), some_queries()
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    solved = solved_queries(posterior, queries, solutions_of(posterior, queries))
    errors = LargestErrors()
    tiles = list(measured_rows(solved, labels, None, errors))
    assert [rows for rows, _ in tiles] == record_tiles(240, 6)
    assert len(tiles) == 5
    cross = KERNEL(queries, large_problem().x)
    dense = large_problem().posterior
    ((_, truth),) = query_blocks(dense, cross, KERNEL.diagonal(queries), labels)
    for name, wanted in truth.items():
        values = torch.cat([measures[name] for _, measures in tiles])
        scale = 1e-6 * wanted.abs().max()
        torch.testing.assert_close(values, wanted, atol=float(scale), rtol=0)
        if name in errors.certain:
            off = (values - wanted).abs()
            off = off.norm(dim=-1) if name == "shift" else off
            assert (off.amax(0) <= errors.certain[name] + 1e-12).all(), name


def test_chosen_measures_alone_are_computed():
    posterior, queries = large_of(), some_queries(2)
    solved = solved_queries(posterior, queries, solutions_of(posterior, queries))
    ((_, measures),) = measured_rows(solved, None, ("kl_out_in", "shift"), LargestErrors())
    assert set(measures) == {"kl_out_in", "shift"}


def test_a_variance_lost_in_rounding_is_an_error():
    posterior, queries = large_of(), some_queries(2)
    solutions = solutions_of(posterior, queries)
    solutions.facts[1, 2] = float(KERNEL.diagonal(queries)[1])
    with pytest.raises(ImprintError, match="variance of query 1 is lost in rounding"):
        solved_queries(posterior, queries, solutions)
