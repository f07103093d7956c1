from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.study.parameters import parameter_texts, parse_parameters


@dataclass(frozen=True)
class Settings(Checked):
    gamma: Annotated[float, Bounds(above=0)] = 2.0
    count: int | None = None
    exact: bool = False
    mode: Literal["paper", "release"] = "paper"
    name: str = ""
    sizes: tuple[int, ...] = ()


METHODS = {"rmia": Settings, "loss": None}


def options_of(name):
    if name not in METHODS:
        raise ImprintError(f"unknown attack {name!r}")
    return METHODS[name]


def parse(*texts):
    return parse_parameters("attack", texts, options_of)


def test_later_texts_win_and_other_settings_keep_their_defaults():
    parsed = parse("rmia.gamma=3", "rmia.count = 4", "rmia.exact=True", "rmia.gamma=5")
    assert parsed == {"rmia": Settings(gamma=5.0, count=4, exact=True)}
    assert parse() == {}


def test_none_and_closed_sets_are_read():
    assert parse("rmia.count=none")["rmia"].count is None
    assert parse("rmia.mode=release", "rmia.name=a b")["rmia"] == Settings(
        mode="release", name="a b"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gamma", "--param 'gamma' must have the form attack.option=value"),
        ("gamma=3", "must have the form attack.option=value"),
        ("lira.gamma=3", "unknown attack 'lira'"),
        ("loss.gamma=3", "attack 'loss' has no option 'gamma'; it has: none"),
        ("rmia.alpha=3", "attack 'rmia' has no option 'alpha'; it has: rmia.gamma, rmia.count"),
        ("rmia.gamma=0", "--param rmia.gamma must be above 0, got 0"),
        ("rmia.gamma=many", "rmia.gamma is 'many': it must be a number"),
        ("rmia.count=1.5", "rmia.count is '1.5': it must be a whole number"),
        ("rmia.exact=2", "rmia.exact is '2': choose one of true, false"),
        ("rmia.mode=book", "rmia.mode is 'book': choose one of paper, release"),
        ("rmia.sizes=1", "rmia.sizes is a list, which --param does not take"),
    ],
)
def test_a_text_that_cannot_be_used_is_an_error(text, message):
    with pytest.raises(ImprintError, match=message):
        parse(text)


def test_groups_of_a_flag_become_texts():
    assert parameter_texts(((("a.b", "1"), ("a.c", "2")), (("d.e", "x"),))) == [
        "a.b=1",
        "a.c=2",
        "d.e=x",
    ]
