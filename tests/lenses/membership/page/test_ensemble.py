from imprint.core.missing import Missing
from imprint.lenses.membership.ensemble_findings import (
    EnsembleAccuracy,
    EnsembleFindings,
    ErrorSpread,
    InfluencePairFindings,
    InfluentialPair,
    MemorizedCount,
    MemorizedRecord,
    ScoreSpread,
)
from imprint.lenses.membership.page.ensemble import list_ensemble
from imprint.report.terminal import to_text
from imprint.stats.estimate import Estimate


def ensemble(pairs):
    share = Estimate(0.75, (0.7, 0.8), 64)
    return EnsembleFindings(
        runs=64,
        records=40,
        test_examples=8,
        inclusion=0.7,
        accuracy=EnsembleAccuracy(share, share, share, Missing("0 of 64 models have one")),
        scores=ScoreSpread(39, 0.1, {"0.5": 0.0}, ErrorSpread(0.061, 0.2)),
        memorized=MemorizedCount(0.25, 1, 39, 0.002),
        missing={"in the training set of every model": 1},
        most_memorized=(MemorizedRecord(3, 1.0, 0.05, "t3.JPEG"), MemorizedRecord(7, 0.5, 0.1)),
        pairs=pairs,
    )


def test_every_quantity_has_a_line():
    pair = InfluentialPair(3, 2, 0.9, 0.04, "t3.JPEG", "v2.JPEG")
    text = to_text(list_ensemble(ensemble(InfluencePairFindings(1, 1, 1, 0.25, 0.15, (pair,)))))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Memorization: 64 models, 40 records" in lines
    assert "records of 0.25 and more 1 of 39" in lines
    assert "median standard error 0.061" in lines
    assert "1 records have no score: in the training set of every model" in lines
    assert "t3.JPEG 1.000 0.050" in lines
    assert "record 7 0.500 0.100" in lines
    assert "1 pair with an influence of 0.15 and more (1 records, 1 test examples)" in lines
    assert "t3.JPEG v2.JPEG 0.900 0.040" in lines


def test_missing_pairs_are_named_with_the_reason():
    assert list_ensemble(ensemble(Missing("no --index")))[-1] == "no pairs: no --index"
