from typing import get_args

from imprint.lenses.coverage.findings import Findings
from imprint.lenses.coverage.page.kinds import KINDS


def test_every_kind_of_findings_is_shown() -> None:
    assert set(KINDS) == set(get_args(Findings))
