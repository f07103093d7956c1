import pytest

from imprint.lenses.dejavu.page.section import failed_controls
from imprint.lenses.dejavu.page.section import sentence as sentence_of
from imprint.report.blocks import ControlResult
from imprint.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "half", "ending"),
    [
        (0.124, 0.1, "of about 12 more under the target model than under the reference model."),
        (
            -0.02,
            0.1,
            "of about 2 fewer under the target model than under the reference model; ",
        ),
        (0.004, 0.1, "of about as many under the target model as under the reference model; "),
    ],
)
def test_sentence_counts_of_a_hundred(value: float, half: float, ending: str) -> None:
    sentence = sentence_of("20", Estimate(value, (value - half, value + half), 48))
    images = "Of 100 training images among the 20% each model is most confident of"
    assert sentence.startswith(images)
    assert ending in sentence
    assert ("zero lies within" in sentence) == (half > abs(value))


def test_a_failed_control_is_named_with_a_link() -> None:
    passed = ControlResult("identical", "", True, "0.0", "0.0")
    assert failed_controls([passed], "controls") == []
    (warning,) = failed_controls([passed, ControlResult("<x>", "", False, "1", "0")], "controls")
    assert "A control failed: &lt;x&gt;." in warning
    assert 'href="#controls"' in warning
