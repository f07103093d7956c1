from dataclasses import replace

from imprint.lenses.membership.study.series.epsilon import with_budget
from imprint.train.cohort.options import CohortOptions


def test_without_a_budget_the_network_has_the_same_layers():
    train = CohortOptions(architecture="mlp", architecture_options=(("widths", "8"),))
    free = with_budget(train, None)
    assert not free.private
    assert dict(free.architecture_options) == {"of": "mlp", "widths": "8"}
    assert with_budget(train, 3.0) == replace(train, epsilon=3.0)
