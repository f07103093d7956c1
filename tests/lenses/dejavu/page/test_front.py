from dataclasses import replace

from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    AgainstReference,
    Claims,
    OneModelFindings,
    Significance,
    SweepFindings,
    SweepPoint,
    TwoModelFindings,
)
from imprint.lenses.dejavu.page.front import dejavu_verdicts
from imprint.report.prose import plain as text_of
from imprint.stats.control import Control
from imprint.study.finding import to_json
from tests.lenses.dejavu.page.cases import NOTHING, estimates, plain

TEST = {"100": estimates(score=plain(0.1, 0.3)), "20": estimates(score=plain(0.2, 0.4))}


def test_two_models_say_score_and_controls() -> None:
    controls = {"permuted_labels": Control("Shuffled.", NOTHING, 0.0)}
    findings = TwoModelFindings(TEST, Significance(9, 1, 0.01), controls=controls)
    (verdict,) = dejavu_verdicts({"dejavu": to_json(findings)})
    assert verdict.statement == "The models memorized images they were trained on"
    assert verdict.value == plain(0.1, 0.3)
    assert verdict.number == "déjà vu score on all attacked images"
    assert verdict.controls == {"permuted labels": True}
    assert verdict.found
    assert verdict.exposed is None


def test_one_model_counts_the_images_it_claims() -> None:
    against = AgainstReference(TEST, Significance(1, 1, 1.0), Missing("none"))
    findings = OneModelFindings(
        best="combined",
        against={"combined": against},
        agreement=(),
        explained=NOTHING,
        calibrated=True,
        calibration={},
        claims=Claims(12, 0, 7, 0),
        non_members=Missing("all are members"),
    )
    (verdict,) = dejavu_verdicts({"dejavu": {"one_model": to_json(findings)}})
    assert verdict.exposed is not None
    assert text_of(verdict.exposed.value) == "7"
    assert "no non-members" in text_of(verdict.exposed.note)
    assert verdict.exposed.title == "Images memorized"
    noise = replace(
        findings,
        against={"combined": replace(against, test={"100": estimates(score=plain(-0.1, 0.1))})},
    )
    (verdict,) = dejavu_verdicts({"dejavu": {"one_model": to_json(noise)}})
    assert not verdict.found
    assert verdict.exposed is not None
    assert verdict.exposed.title == "Images the model alone names"


def test_a_sweep_names_its_largest_score() -> None:
    point = SweepPoint("k", "5", 100, True, 1, TEST)
    least = SweepPoint("k", "9", 100, True, 1, {"100": estimates()})
    (verdict,) = dejavu_verdicts({"dejavu_sweep": to_json(SweepFindings((least, point)))})
    assert verdict.number == "largest déjà vu score (k 5)"
    assert verdict.value == plain(0.1, 0.3)
