from __future__ import annotations

import pytest

from imprint.core.errors import ImprintError
from imprint.probe.neurons.tap_options import TapOptions, choose_layers


def test_choices_narrow_one_another_down() -> None:
    names = ("stem", "a.0", "a.1", "b", "b#1", "head")
    assert choose_layers(names, TapOptions(final=False, third="last")) == [4]
    assert choose_layers(names, TapOptions(names=("a", "b"), indices=(0, 3))) == [1, 4]
    assert choose_layers(names, TapOptions(excluded=("b",))) == [0, 1, 2, 5]
    for wrong in (
        TapOptions(names=("c",)),
        TapOptions(indices=(6,)),
        TapOptions(names=("head",), final=False),
    ):
        with pytest.raises(ImprintError):
            choose_layers(names, wrong)
