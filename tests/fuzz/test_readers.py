"""No mutant of a valid file ends in a traceback, a hang or more than a gigabyte of memory."""

import resource

import pytest

from tests.fuzz.fuzzed_readers import READERS, REFUSED, mutants, survives

MUTANTS = 400
"""A reader, here; ``benchmarks/fuzz_readers.py`` makes as many as it is asked for."""
SEED = 1


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_mutants_are_read_or_refused_in_one_sentence(reader, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = {
        number: survives(reader, path) for number, path in mutants(reader, tmp_path, MUTANTS, SEED)
    }
    failed = {
        number: told for number, told in outcomes.items() if told and not told.startswith(REFUSED)
    }
    assert not failed
    assert sum(told.startswith(REFUSED) for told in outcomes.values()) > MUTANTS // 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 1 << 20, f"{grown} KiB"
