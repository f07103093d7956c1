from imprint.core.missing import Missing
from imprint.study.finding import from_json, to_json


def test_a_missing_number_is_its_reason_in_json() -> None:
    missing = Missing("too few images")
    assert to_json(missing) == {"missing": "too few images"}
    assert from_json(float | Missing, {"missing": "too few images"}, "here") == missing
