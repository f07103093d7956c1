from __future__ import annotations

from dataclasses import dataclass

import pytest
import tyro

from imprint.study.option_types import Integers, Names, Numbers, Parameters, Settings


@dataclass(frozen=True)
class Options:
    """Options of every type."""

    numbers: Numbers = (0.5,)
    integers: Integers = ()
    names: Names = ()
    settings: Settings = ()
    param: Parameters = ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--numbers", "1e-3,2"], Options(numbers=(1e-3, 2.0))),
        (["--integers", "3"], Options(integers=(3,))),
        (["--names", "a,b,"], Options(names=("a", "b"))),
        (["--settings", "a=1,b=x=y"], Options(settings=(("a", "1"), ("b", "x=y")))),
        (
            ["--param", "a=1", "b=2", "--param", "c=3"],
            Options(param=((("a", "1"), ("b", "2")), (("c", "3"),))),
        ),
        (["--numbers", ""], Options(numbers=())),
    ],
)
def test_words_become_tuples(words, expected):
    assert tyro.cli(Options, args=words) == expected


@pytest.mark.parametrize("words", [["--integers", "1.5"], ["--settings", "a"], ["--numbers", "x"]])
def test_other_words_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        tyro.cli(Options, args=words)
    assert "expected" in capsys.readouterr().err
