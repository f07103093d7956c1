import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.observation.budget import choose_parts, parse_duration
from imprint.observation.lens import Part

TITLES = {"a": "A", "b": "B"}


def chosen(plans, seconds):
    return {
        (each.lens, each.part.name) for each in choose_parts(plans, TITLES, seconds) if each.runs
    }


def test_what_is_essential_runs_whatever_it_costs():
    plans = {"a": [Part("base", 100, "x", essential=True)], "b": [Part("more", 1, "y")]}
    assert chosen(plans, 10) == {("A", "base")}


def test_a_lens_does_not_starve_another():
    plans = {"a": [Part("one", 5, ""), Part("two", 5, "")], "b": [Part("three", 5, "")]}
    assert chosen(plans, 10) == {("A", "one"), ("B", "three")}


def test_what_is_left_over_goes_to_the_largest_of_a_group_that_fits():
    sizes = [Part(f"{size} models", size, "", size=size, group="models") for size in (16, 8, 4)]
    assert chosen({"a": sizes, "b": [Part("x", 1, "")]}, 12) == {("A", "8 models"), ("B", "x")}
    assert chosen({"a": sizes, "b": []}, 9) == {("A", "8 models")}


def test_a_named_size_is_not_replaced():
    sizes = [
        Part("4 models", 4, "", essential=True, size=4, group="m"),
        Part("8", 8, "", size=8, group="m"),
    ]
    assert chosen({"a": sizes, "b": []}, 100) == {("A", "4 models")}


@given(
    st.lists(st.floats(0.1, 50), max_size=5),
    st.lists(st.floats(0.1, 50), max_size=5),
    st.floats(0, 100),
)
def test_optional_parts_never_exceed_the_budget(first, second, seconds):
    plans = {
        "a": [Part(str(row), cost, "") for row, cost in enumerate(first)],
        "b": [Part(str(row), cost, "") for row, cost in enumerate(second)],
    }
    planned = choose_parts(plans, TITLES, seconds)
    assert len(planned) == len(first) + len(second)
    assert sum(each.part.seconds for each in planned if each.runs) <= seconds + 1e-9


@pytest.mark.parametrize("text", ["", "ten", "-5m", "0", "5d", "1e9s", "9" * 30, "nan"])
def test_a_budget_that_is_no_time_is_refused(text):
    with pytest.raises(ImprintError, match="90s, 10m or 2h"):
        parse_duration(text)
