from imprint.core.missing import Missing
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    CriterionFinding,
    MissingCriterion,
    MonitorFindings,
    NoveltyFindings,
    NoveltyLevels,
)
from imprint.lenses.coverage.page.front import coverage_verdicts
from imprint.stats.estimate import Estimate
from imprint.study.finding import to_json


def findings(**criteria):
    return CoverageFindings(
        layers=(), neurons=3, train=None, test=9, correct_only="none", criteria=criteria, cells={}
    )


def verdict(found):
    (line,) = coverage_verdicts({"coverage": to_json(found)})
    return line


def test_without_cells_the_first_criterion_is_shown_as_a_share_of_its_ceiling():
    nc = CriterionFinding(2.0, 4.0, 0.5, (1.0, 3.0), 9, 0.5, {})
    line = verdict(findings(nc=nc))
    assert line.statement == "1 criterion was measured"
    assert line.value == Estimate(0.5, (0.25, 0.75), 9)
    assert line.number == "NC, of its ceiling"


def test_a_criterion_without_ceiling_or_interval_is_a_bare_number():
    nlc = CriterionFinding(1234.5, None, None, Missing("too few"), 9, 0.5, {})
    line = verdict(findings(nlc=nlc))
    assert line.value == 1234.5
    assert line.write(1234.5) == "1,234"
    assert line.number == "NLC"
    assert verdict(findings(nc=MissingCriterion("no", {}))).value is None


def test_a_monitor_finds_more_new_inputs_than_are_expected_or_not():
    def monitor(low):
        new = Estimate(0.3, (low, 0.4), 50)
        return MonitorFindings(NoveltyFindings(5, "lrp", "8", 4, 99, new, 0.1, NoveltyLevels(1, 1)))

    assert verdict(monitor(0.2)).found
    assert not verdict(monitor(0.05)).found
    assert "expected of inputs like those in training: 10.0%" in verdict(monitor(0.2)).number
