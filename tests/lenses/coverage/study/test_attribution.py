import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.study.attribution import (
    NotAttributable,
    check_attributions,
    refusing_attribution,
)


def test_errors_of_an_attribution_become_reasons() -> None:
    with pytest.raises(NotAttributable, match="no classifier"), refusing_attribution():
        raise ImprintError("no classifier")
    with pytest.raises(ValueError, match="a fault"), refusing_attribution():
        raise ValueError("a fault")


def test_unknown_and_no_attributions_are_refused() -> None:
    check_attributions(["lrp", "random"], "--attributions")
    with pytest.raises(ImprintError, match=r"unknown .* 'guess'"):
        check_attributions(["lrp", "guess"], "--attributions")
    with pytest.raises(ImprintError, match="--attributions is empty"):
        check_attributions([], "--attributions")
