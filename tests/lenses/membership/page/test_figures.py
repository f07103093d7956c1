import re

import numpy as np

from imprint.lenses.membership.cohort.agreement import TopSetAgreement
from imprint.lenses.membership.page.figures import (
    MAX_INTERSECTIONS,
    exact_curve,
    intersection_figures,
    membership_figures,
    overlap_figure,
)
from imprint.report.figure import Lines
from imprint.stats.roc import roc


def test_steps_are_those_of_the_curve_from_its_resolution_on() -> None:
    curve = roc([5.0, 4.0, 2.0, 0.5], [3.0, 1.0])
    drawn = exact_curve(curve)
    x, y = drawn.fpr, drawn.tpr
    assert x.tolist() == [0.5, 1.0]
    assert y.tolist() == [0.75, 1.0]


def test_attacks_of_one_order_share_a_line_and_the_loss_is_always_there() -> None:
    random = np.random.default_rng(0)
    members = np.arange(300) < 150
    loss = random.normal(size=300)
    scores = {f"a{number}": random.normal(size=300) + members for number in range(5)}
    first, second, third = membership_figures({**scores, "loss": loss, "mentr": 2 * loss}, members)
    assert "loss = mentr" in first.svg()
    assert isinstance(first, Lines)
    assert first.legend == "above"  # a curve below chance passes every corner
    assert ">a4<" not in first.svg()
    assert "Left out: 2 more attacks that order records differently" in first.caption
    assert "7 attacks" in second.svg()
    assert "among the top of 5 attacks" in third.svg()
    assert "Left out: 1 more attack with other top records" in third.caption
    alike = membership_figures({"loss": loss, "mentr": 2 * loss, "a": -loss}, members)[-1]
    assert ">loss<" in alike.svg()
    assert ">= mentr<" in alike.svg()
    assert len(membership_figures({"loss": loss, "mentr": 2 * loss}, members)) == 2


def test_the_matrix_has_every_share_once() -> None:
    figure = overlap_figure(["one", "two"], np.array([[1.0, 0.25], [0.25, 1.0]]), "caption")
    svg = figure.svg()
    assert svg.count(">25<") == 2
    assert svg.count(">100<") == 2
    assert "from 25% to 25%" in svg


def test_bars_stand_over_the_dots_of_their_attacks() -> None:
    counts = [
        ((False, False), 1000.0),
        ((True, True), 30.0),
        ((True, False), 7.0),
        ((False, True), 5.0),
    ]
    agreed = TopSetAgreement(
        (("one",), ("two", "<b>")),
        tuple(pattern for pattern, _ in counts),
        tuple(count for _, count in counts),
        0,
    )
    svg = intersection_figures(agreed, 1)[0].svg()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    # A number a bar, then each attack with the size of its set.
    assert [text for text in texts if text.isdigit()] == ["30", "7", "5", "37", "35"]
    assert "Of 42 in all, 30 by every attack, 12 by one alone" in svg
    assert "Largest: 30 by one and two = &lt;b&gt;; 7 by one; 5 by two = &lt;b&gt;." in svg
    assert "<b>" not in svg
    assert not re.search(r"#0000\w\w", svg)


def test_no_more_bars_than_there_is_room_for() -> None:
    patterns = [tuple(bool(code >> bit & 1) for bit in range(5)) for code in range(32)]
    counts = [(pattern, 40.0 - rank) for rank, pattern in enumerate(patterns)]
    agreed = TopSetAgreement(
        tuple((name,) for name in "abcde"), tuple(patterns), tuple(count for _, count in counts), 0
    )
    svg = intersection_figures(agreed, 1)[0].svg()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    drawn = [int(text) for text in texts if text.isdigit()]
    assert drawn[:MAX_INTERSECTIONS] == list(range(39, 39 - MAX_INTERSECTIONS, -1))
    # Sizes are of the whole sets, whatever is drawn of them.
    sizes = [sum(40 - rank for rank in range(32) if rank >> bit & 1) for bit in range(5)]
    assert drawn[MAX_INTERSECTIONS:] == sizes
