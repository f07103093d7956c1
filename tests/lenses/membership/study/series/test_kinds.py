from typing import get_args

from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import Over


def test_everything_that_can_be_varied_has_a_module():
    assert STUDIES.names() == sorted(get_args(Over))
