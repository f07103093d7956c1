from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, read_finding, to_json, write_finding


@dataclass(frozen=True)
class Attack:
    auc: Estimate | Missing
    tpr: Mapping[str, Estimate | Missing]
    ends: tuple[float, float]
    names: tuple[str, ...]
    count: int | None
    passed: bool = True
    note: str | None = None


ATTACK = Attack(
    Estimate(0.5, (0.4, 0.6), 9), {"0.01": Missing("too few")}, (0, 1.5), ("a", "b"), None
)
JSON = {
    "auc": {"value": 0.5, "ci95": [0.4, 0.6], "n": 9},
    "tpr": {"0.01": {"missing": "too few"}},
    "ends": [0, 1.5],
    "names": ["a", "b"],
    "count": None,
    "passed": True,
}


def test_fields_are_the_keys_and_tuples_are_lists():
    assert to_json(ATTACK) == JSON
    assert to_json(ATTACK)["ends"].__class__ is list


def test_json_becomes_the_same_finding_again():
    assert from_json(Attack, JSON, "file") == ATTACK


def test_files_hold_findings(tmp_path):
    write_finding(tmp_path / "a.json", ATTACK)
    assert read_finding(Attack, tmp_path / "a.json") == ATTACK


def test_collections_of_findings_are_read():
    assert from_json(Mapping[str, Attack], {"x": JSON}, "file") == {"x": ATTACK}
    assert from_json(tuple[Attack, ...], [JSON, JSON], "file") == (ATTACK, ATTACK)


@dataclass(frozen=True)
class Mixed:
    number: float | Missing
    rows: tuple[int, ...] | Missing | None
    text: str | int | bool


@pytest.mark.parametrize("number", [3, 0.5, Missing("no")])
@pytest.mark.parametrize("rows", [(1, 2), Missing("no"), None])
@pytest.mark.parametrize("text", ["a", 1, True])
def test_unions_are_distinguished(number, rows, text):
    finding = Mixed(number, rows, text)
    read = from_json(Mixed, to_json(finding), "file")
    assert read == finding
    assert type(read.text) is type(text)


@pytest.mark.parametrize("wrong", [{"number": "x"}, {"rows": 3}, {"text": 0.5}, {"number": None}])
def test_what_no_member_of_a_union_fits_is_refused(wrong):
    good = {"number": 1, "rows": [], "text": ""}
    with pytest.raises(ImprintError, match=f" at {next(iter(wrong))}"):
        from_json(Mixed, {**good, **wrong}, "file")


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**63])
@pytest.mark.parametrize("place", ["count", "ends"])
def test_whole_numbers_beyond_64_bits_are_refused(value, place):
    changed = {**JSON, place: value if place == "count" else [0, value]}
    with pytest.raises(ImprintError, match=r"is beyond 64 bits"):
        from_json(Attack, changed, "f.json")


def test_unknown_keys_are_passed_over():
    assert from_json(Attack, {**JSON, "later": 1}, "file") == ATTACK


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"passed": 1}, "1 is not true or false at passed"),
        ({"names": ["a", 3]}, "3 is not a text at names[1]"),
        ({"names": "ab"}, "'ab' is not a list at names"),
        ({"ends": [1]}, "1 values where 2 are expected at ends"),
        ({"ends": [True, 1]}, "True is not a number at ends[0]"),
        ({"count": 1.5}, "1.5 is not a whole number at count"),
        ({"tpr": []}, "[] is not an object at tpr"),
        ({"auc": {"value": "1", "ci95": [0, 1], "n": 3}}, "'1' is not a number at auc.value"),
        ({"tpr": {"x": {"missing": 3}}}, "3 is not a text at tpr['x'].missing"),
    ],
)
def test_an_error_names_the_place_of_what_is_wrong(change, reason):
    with pytest.raises(ImprintError) as error:
        from_json(Attack, {**JSON, **change}, "summary.json")
    assert str(error.value) == (
        f"summary.json cannot be used ({reason}): run the command again that made it"
    )


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, {"auc": {}}, {**JSON, "auc": None}])
def test_other_json_is_refused(value):
    with pytest.raises(ImprintError, match=r"summary\.json cannot be used"):
        from_json(Attack, value, "summary.json")


@settings(max_examples=100)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*JSON, "value", "ci95", "n", "missing"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(value):
    with suppress(ImprintError):
        from_json(Attack, value, "file")


def test_a_file_that_is_not_there_is_rejected(tmp_path):
    with pytest.raises(ImprintError, match=r"no a\.json in"):
        read_finding(Attack, tmp_path / "a.json")
