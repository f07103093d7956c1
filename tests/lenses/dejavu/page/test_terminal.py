from imprint.lenses.dejavu.findings import Significance, TwoModelFindings
from imprint.lenses.dejavu.page.terminal import show_dejavu, show_sweep
from imprint.report.terminal import to_text
from imprint.stats.control import Control
from imprint.study.finding import to_json
from tests.lenses.dejavu.page.cases import NOTHING, estimates, plain


def test_a_two_model_test_ends_with_controls_and_verdict():
    findings = TwoModelFindings(
        {"100": estimates(score=plain(0.1, 0.3))},
        Significance(5, 1, 0.2),
        controls={"permuted": Control("Nothing.", NOTHING, 0.5)},
    )
    text = to_text(show_dejavu(to_json(findings)))
    assert "control permuted: FAILED" in text
    assert "The models memorized images they were trained on" in text.splitlines()[-1]


def test_what_rounds_to_nothing_has_no_minus():
    tiny = plain(-1e-9, -1e-9)
    text = to_text(
        show_dejavu(
            to_json(TwoModelFindings({"100": estimates(score=tiny)}, Significance(0, 0, 1.0)))
        )
    )
    assert "−0.0" not in text


def test_a_sweep_is_one_table():
    point = {"axis": "epochs", "value": "", "epoch": 3, "last": True, "top": 1}
    point["two_model"] = {"100": to_json(estimates())}
    assert "base settings" in to_text(show_sweep({"points": [point]}))
