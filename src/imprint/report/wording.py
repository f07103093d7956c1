"""Numbers as the page writes them: the same signs, digits and units everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from imprint.stats.estimate import Estimate

Writer = Callable[[float], str]
"""Writes one number, such as :func:`percent` or :func:`count`."""

MISSING = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimal(value: float, digits: int = 1, sign: bool = False) -> str:
    """Return a number with a fixed count of digits, a true minus sign and no negative zero.

    >>> decimal(-0.04), decimal(-3.25, 2), decimal(3, 1, sign=True), decimal(float("nan"))
    ('0.0', '−3.25', '+3.0', '–')
    """
    if not math.isfinite(value):
        return MISSING
    rounded = round(value, digits) + 0.0
    text = f"{rounded:+,.{digits}f}" if sign and rounded else f"{rounded:,.{digits}f}"
    return text.replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage.

    >>> percent(0.6128)
    '61.3%'
    """
    text = decimal(100 * share, digits)
    return text if text == MISSING else f"{text}%"


def fixed(digits: int, sign: bool = False) -> Writer:
    """Return a writer of numbers with so many digits behind the point.

    >>> fixed(2)(0.5), fixed(2, sign=True)(0.5)
    ('0.50', '+0.50')
    """
    return partial(decimal, digits=digits, sign=sign)


def interval(estimate: Estimate, write: Writer = percent) -> str:
    """Return the ends of an estimate's 95 % interval, as they stand under its value.

    >>> interval(Estimate(0.613, (0.58, 0.641), 900))
    '58.0% to 64.1%'
    """
    low, high = estimate.ci95
    return f"{write(low)} to {write(high)}"


def narrow_interval(estimate: Estimate, write: Writer = percent) -> str:
    """Return the ends of an interval in as few letters as can be read, for a terminal.

    >>> narrow_interval(Estimate(0.613, (0.58, 0.641), 900))
    '58.0–64.1%'
    >>> narrow_interval(Estimate(0.1, (-0.1, 0.3), 900), points)
    '−10.0…+30.0'
    """
    low, high = map(write, estimate.ci95)
    if low.startswith(("−", "+")) or high.startswith(("−", "+")):
        return f"{low}…{high}"
    return f"{low.removesuffix('%') if high.endswith('%') else low}–{high}"


def with_interval(estimate: Estimate, write: Writer = percent) -> str:
    """Return an estimate and its 95 % interval on one line.

    >>> with_interval(Estimate(0.613, (0.58, 0.641), 900))
    '61.3% [58.0%, 64.1%]'
    """
    low, high = estimate.ci95
    return f"{write(estimate.value)} [{write(low)}, {write(high)}]"


def short_percent(share: float) -> str:
    """Return a share as a percentage without zeros at its end, as beside an axis.

    >>> short_percent(0.001), short_percent(0.625), short_percent(1)
    ('0.1%', '62.5%', '100%')
    """
    return f"{float(f'{100 * share:.3g}'):g}%".replace("-", "−")


def short_points(share: float) -> str:
    """Return a difference of shares in percentage points, as beside an axis.

    >>> short_points(-0.2), short_points(0.025)
    ('−20', '2.5')
    """
    return short_percent(share).removesuffix("%")


def points(share: float, sign: bool = True) -> str:
    """Return a difference of shares in percentage points, without the unit.

    >>> points(0.1234), points(-0.001)
    ('+12.3', '−0.1')
    """
    return decimal(100 * share, 1, sign)


def small_percent(share: float) -> str:
    """Return a share as a percentage that is never rounded to none.

    >>> small_percent(1 / 60_000), small_percent(1 / 3000), small_percent(0.25), small_percent(0)
    ('<0.01%', '0.03%', '25.0%', '0.0%')
    """
    if 0 < share < 5e-5:
        return "<0.01%"
    return percent(share, 2 if 0 < share < 0.001 else 1)


def quantity(value: float) -> str:
    """Return a number that may count things: three digits, and every digit before the point.

    >>> quantity(16913.0), quantity(16913.4), quantity(12.345), quantity(0.29113), quantity(24)
    ('16,913', '16,913', '12.3', '0.291', '24')
    """
    return count(value) if 1000 <= abs(value) < 1e15 else significant(value)


def nats(value: float) -> str:
    """Return an entropy or a difference of entropies in nats, without the unit."""
    return decimal(value, 2)


def count(value: float) -> str:
    """Return a whole number with separators of thousands.

    >>> count(139183)
    '139,183'
    """
    return f"{round(value):,}"


def superscript(number: int) -> str:
    """Return a whole number raised.

    >>> superscript(-12)
    '⁻¹²'
    """
    return str(number).translate(_SUPERSCRIPTS)


def p_value(value: float) -> str:
    """Return a p-value with its relation sign.

    >>> p_value(0.0312), p_value(3.24e-9), p_value(1.0), p_value(0.0)
    ('p = 0.031', 'p = 3.2 × 10⁻⁹', 'p = 1.0', 'p < 10⁻³⁰⁰')
    """
    if not math.isfinite(value):
        return f"p = {MISSING}"
    if value < 1e-300:
        return "p < 10⁻³⁰⁰"
    if value >= 0.001:
        return f"p = {float(f'{value:.2g}')}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"p = {mantissa} × 10{superscript(int(exponent))}"


def bare_p_value(value: float) -> str:
    """Return a p-value for a column of them, without its relation sign where it is =.

    >>> bare_p_value(0.0312), bare_p_value(3.24e-9)
    ('0.031', '3.2 × 10⁻⁹')
    """
    return p_value(value).removeprefix("p = ").removeprefix("p ")


def scientific(value: float) -> str:
    """Return a number as written by hand: as it is, or with a power of ten where it is small.

    >>> scientific(1e-5), scientific(2.5e-6), scientific(0.01)
    ('10⁻⁵', '2.5 × 10⁻⁶', '0.01')
    """
    if value == 0 or abs(value) >= 0.001:
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = f"10{superscript(int(exponent))}"
    factor = f"{float(mantissa):g}"
    return power if factor == "1" else f"{factor} × {power}"


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, without a power of ten where that reads.

    >>> significant(0.29113), significant(1234.5), significant(0.1), significant(2.5e-7)
    ('0.291', '1,230', '0.1', '2.5 × 10⁻⁷')
    """
    if not math.isfinite(value):
        return MISSING
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0 or 1e-3 <= abs(rounded) < 1e6:
        places = max(0, digits - 1 - math.floor(math.log10(abs(rounded)))) if rounded else 0
        text = f"{rounded:,.{places}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    power = f"10{superscript(int(exponent))}"
    factor = f"{float(mantissa):g}".replace("-", "−")
    return power if factor == "1" else f"{factor} × {power}"


def plural(number: float, one: str, many: str = "") -> str:
    """Return a counted noun.

    >>> plural(1, "image"), plural(2, "class", "classes")
    ('1 image', '2 classes')
    """
    return f"{count(number)} {one if round(number) == 1 else many or one + 's'}"
