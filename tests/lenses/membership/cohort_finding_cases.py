"""Findings of a cohort, and its tables, with numbers that can be read off the page."""

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.agreement import TopSetAgreement
from imprint.lenses.membership.cohort_findings import (
    AttackAgreement,
    CohortAccuracy,
    CohortFacts,
    CohortFindings,
    InfluenceFindings,
    MemorizationFindings,
)
from imprint.lenses.membership.findings import AttackFinding
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.study.tables import write_table

RATES = np.array([0.02, 0.1, 0.5, 1.0])
CURVES = {
    "lira": np.array([0.1, 0.4, 0.8, 1.0]),
    "loss": np.array([0.02, 0.1, 0.5, 1.0]),
    "mentr": np.array([0.02, 0.1, 0.5, 1.0]),
}


def attack(auc, passed=True):
    area = Estimate(auc, (auc - 0.02, auc + 0.02), 8)
    control = Control("Noise.", Estimate(0.5 if passed else 0.9, (0.48, 0.52), 96), 0.5)
    return AttackFinding(
        auc=area,
        tpr_at_fpr={"0.1": Estimate(0.4, (0.3, 0.5), 8), "0.01": Missing("too few")},
        balanced_accuracy=area,
        smallest_fpr=0.02,
        reads="phi",
        queries=1,
        controls={"permuted_membership": control},
    )


def cohort(influence=None, population=0.6):
    """Return what three attacks on 8 models of 96 records show."""
    share = Estimate(0.2, (0.15, 0.25), 96)
    return CohortFindings(
        attacks={"lira": attack(0.8), "loss": attack(0.5), "mentr": attack(0.5)},
        skipped={"rmia": "needs population records, which are not given"},
        best="lira",
        cohort=CohortFacts(8, 96, 24, CohortAccuracy(0.95, 0.5, population), 0.1),
        agreement=AttackAgreement(
            ("loss", "lira", "mentr"),
            ((1.0, 0.25, 1.0), (0.25, 1.0, 0.25), (1.0, 0.25, 1.0)),
            TopSetAgreement(
                (("lira",), ("loss", "mentr")), ((False, False), (True, True)), (90.0, 6.0), 0
            ),
        ),
        memorization=MemorizationFindings(
            mean=share,
            share_memorized=share,
            share_by_chance=0.1,
            cut=0.25,
            standard_error_bound=0.35,
            missing=0,
            correlation={
                "lira": Estimate(0.7, (0.6, 0.8), 96),
                "log_curvature_out": Estimate(-0.4, (-0.5, -0.3), 96),
                "loss": Missing("all values are the same"),
            },
            influence=influence or InfluenceFindings(3, 0.4, 4.2),
        ),
    )


def write_cohort_tables(folder):
    """Write the tables that the page reads."""
    folder.mkdir(parents=True)
    write_table(folder / "curves.parquet", {"index": np.arange(4), "fpr": RATES, **CURVES})
    scores = np.array([0.9, 0.3, 0.0, np.nan])
    write_table(folder / "records.parquet", {"index": np.arange(4), "memorization": scores})
