import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.study.privacy.steps import canary_accuracies
from imprint.study.finding import to_json


def test_accuracies_are_of_the_records_they_name():
    members = np.array([True, True, False])
    given = np.array([True, False, False, True])
    true = np.array([False, True, True, True])
    shares = to_json(canary_accuracies(members, given, true))
    assert {name: share["value"] for name, share in shares.items()} == {
        "canaries_in": 0.5,
        "canaries_out": 0.0,
        "members": 1.0,
        "held_out": 1.0,
    }
    assert canary_accuracies(members, given[:3], true[:3]).members == Missing("there are none")
