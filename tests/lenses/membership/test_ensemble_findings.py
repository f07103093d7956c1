from imprint.core.missing import Missing
from imprint.lenses.membership.ensemble_findings import (
    EnsembleFindings,
    InfluencePairFindings,
    MemorizedRecord,
)
from imprint.study.finding import from_json, to_json
from tests.lenses.membership.page.test_ensemble import ensemble


def test_findings_come_back_from_their_json():
    for pairs in (Missing("no --index"), InfluencePairFindings(0, 0, 0, 0.25, 0.15, ())):
        findings = ensemble(pairs)
        assert from_json(EnsembleFindings, to_json(findings), "findings.json") == findings


def test_a_record_without_a_file_is_named_by_its_number():
    assert MemorizedRecord(3, 1.0, 0.1, "t3.JPEG").name == "t3.JPEG"
    assert MemorizedRecord(3, 1.0, 0.1).name == "record 3"
    assert "file" not in to_json(MemorizedRecord(3, 1.0, 0.1))
