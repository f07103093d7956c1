import pytest

from imprint.audits.seed_options import SeedsChoice
from imprint.core.bounds import OptionError


def test_a_seed_that_is_named_twice_is_refused():
    with pytest.raises(OptionError, match="names 2 twice"):
        SeedsChoice(seeds=(1, 2, 2))
