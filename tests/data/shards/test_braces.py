"""Patterns with braces, by hand and against one expansion at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.shards.braces import MAX_NAMES, expand_braces, has_braces


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{0..2}.tar", ["a-0.tar", "a-1.tar", "a-2.tar"]),
        ("a-{08..10}.tar", ["a-08.tar", "a-09.tar", "a-10.tar"]),
        ("a-{8..10}.tar", ["a-8.tar", "a-9.tar", "a-10.tar"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{000..000}", ["000"]),
        ("{a,b}{x,}", ["ax", "a", "bx", "b"]),
    ],
)
def test_patterns_expand_as_in_bash(pattern, names):
    assert expand_braces(pattern) == names


@pytest.mark.parametrize(
    "pattern",
    ["a{0..9", "a}", "{{0..9},a}", "a{b}", "a{}", "{0..}", "{-1..3}", "{0..9}{"],
)
def test_other_braces_are_refused(pattern):
    with pytest.raises(ImprintError, match=r"braces do not match|no range such as"):
        expand_braces(pattern)


@pytest.mark.parametrize("pattern", ["{0..999999999999}", "{0..999}{0..999}", "{0..100000}"])
def test_too_many_names_are_refused_at_once(pattern):
    with pytest.raises(ImprintError, match="more than 100,000 files"):
        expand_braces(pattern)
    assert MAX_NAMES == 100_000


@given(st.text("ab{},.0123456789-", max_size=30))
def test_any_text_expands_or_is_refused(pattern):
    try:
        names = expand_braces(pattern)
    except ImprintError:
        return
    assert len(names) <= MAX_NAMES
    assert not any(has_braces(name) for name in names)
    if not has_braces(pattern):
        assert names == [pattern]


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 5))
def test_ranges_hold_every_number_once(first, last, digits):
    names = expand_braces(f"s-{{{first:0{digits}d}..{last:0{digits}d}}}.tar")
    numbers = [int(name[2:-4]) for name in names]
    assert sorted(numbers) == list(range(min(first, last), max(first, last) + 1))
    assert (numbers[0], numbers[-1]) == (first, last)


def test_names_that_are_long_together_are_refused():
    with pytest.raises(ImprintError, match="of more than 67,108,864 letters"):
        expand_braces("{0..99999}" + "a" * 5000)


def test_digits_of_other_scripts_are_no_range():
    with pytest.raises(ImprintError, match="no range such as"):
        expand_braces("{\u0660..\u0663}")
