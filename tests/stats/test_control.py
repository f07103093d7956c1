from imprint.stats.control import Control
from imprint.stats.estimate import Estimate


def test_a_control_fails_beyond_the_interval_widened_to_99_9_percent() -> None:
    """3.29 / 1.96 = 1.679 half widths: 0.01 · 1.679 around 0.5."""
    passed = {
        value: Control("Noise.", Estimate(value, (value - 0.01, value + 0.01), 9), 0.5).passed
        for value in (0.516, 0.517, 0.484, 0.483)
    }
    assert passed == {0.516: True, 0.517: False, 0.484: True, 0.483: False}


def test_json_holds_the_estimate_and_what_was_expected() -> None:
    control = Control("Noise.", Estimate(0.5, (0.4, 0.6), 9), 0.5).to_dict()
    assert control == {
        "what": "Noise.",
        "passed": True,
        "value": {"value": 0.5, "ci95": [0.4, 0.6], "n": 9},
        "expected": 0.5,
    }
