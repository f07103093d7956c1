import dataclasses

import pytest

from imprint.cli import main
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.page.front import leave_one_out_verdicts
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, to_json
from imprint.study.json_io import read_json


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> FitFindings:
    out = tmp_path_factory.mktemp("front")
    few = ["--composite-count", "20", "--input-size", "4", "--json"]
    main(["leave-one-out", "fit", *few, "--out", str(out)])
    lens = read_json(out / "summary.json")["lenses"]["leave_one_out"]
    return from_json(FitFindings, lens, "summary.json")


@pytest.mark.parametrize(
    ("typical", "share", "statement"),
    [
        (0.6, 0.7, "The prediction for a typical record reveals"),
        (0.04, 0.02, "Predictions for some records reveal"),
        (0.04, 0.0, "No record's membership is revealed"),
    ],
)
def test_the_statement_follows_the_true_positive_rates(
    findings: FitFindings, typical: float, share: float, statement: str
) -> None:
    tpr = dataclasses.replace(findings.tpr, median=Estimate(typical, (0, 1), 100))
    given_away = dataclasses.replace(findings.given_away, value=share, tpr=0.5, fpr=0.001)
    changed = dataclasses.replace(findings, tpr=tpr, given_away=given_away)
    (verdict,) = leave_one_out_verdicts({"leave_one_out": to_json(changed)})
    assert str(verdict.statement).startswith(statement)
    assert verdict.value == given_away
    assert verdict.number == "of the records with TPR 50% or more at 0.1% FPR"
    assert verdict.found == (share > 0)


def test_the_statement_is_of_the_fitted_model_and_not_of_the_one_under_audit(
    findings: FitFindings,
) -> None:
    words = "penultimate features of the model, each with mean 0 and variance 1"
    features = dataclasses.replace(findings, kernel={"name": "features"}, inputs=words)
    (of_features,) = leave_one_out_verdicts({"leave_one_out": to_json(features)})
    process = "a Gaussian process on the penultimate features of the model"
    assert str(of_features.statement).endswith(f", to the strongest observer of {process}")
    (of_limit,) = leave_one_out_verdicts({"leave_one_out": to_json(findings)})
    assert str(of_limit.statement).endswith(
        ", to the strongest observer of a model of infinite width"
    )


def test_a_fit_that_was_only_queried_has_no_number() -> None:
    (verdict,) = leave_one_out_verdicts({"leave_one_out": {"queries": {"missing": "none given"}}})
    assert verdict.statement == "A finished fit was queried"
    assert verdict.value is None
