import numpy as np

from imprint.lenses.membership.attack_kit.slices import collect_groupings, slice_attack
from imprint.lenses.membership.page.slices import claims, slice_part, slice_tables


def found(shift=3.0, kinds=2):
    draw = np.random.default_rng(0)
    count = 400
    members, groups = np.arange(count) % 2 == 0, np.arange(count) // 2 % kinds
    scores = draw.standard_normal(count) + shift * (members & (groups == 0))
    groupings = collect_groupings(count, labels=groups, correct=groups == 0)
    return slice_attack(scores, members, groupings, "loss")


def test_claims_name_the_slices_that_stand_out():
    above, differing = claims(found())
    assert above == "loss is above chance in class 0, prediction right"
    assert differing.startswith("AUC differs from that of the other records in class 0 (AUC 98")
    nothing = claims(found(shift=0.0))
    assert "in no slice for certain" in nothing[0]
    assert nothing[1] == "no slice is shown to differ from the other records"


def test_tables_put_the_most_exposed_first():
    by_class, by_prediction = slice_tables(found())
    assert by_class.title == "loss by class"
    first = by_class.records()[0]
    assert first["slice"] == "0"
    assert first["number_exposed"] > 50
    assert first["above_chance"] < 1e-6
    assert [row["slice"] for row in by_prediction.records()] == ["right", "wrong"]


def test_page_folds_more_than_thirty_slices_and_says_what_is_too_small():
    (part,) = slice_part(found(kinds=40))
    assert part.title == "By slice"
    assert "41 slices of too few records not judged" in str(part.blocks[0].text)
    assert len(part.blocks[2].blocks[0].rows) == 30
    assert len(part.blocks[3].blocks[0].rows) == 10
    assert list(slice_part(None)) == []
