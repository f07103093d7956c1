import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.dejavu.page import plots
from imprint.stats.estimate import Estimate

PERCENTS = np.arange(10.0, 101.0)


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(svg).iter("text")]


def confidence_plot() -> str:
    target, reference = 1 - PERCENTS / 200, 0.5 - PERCENTS / 500
    marks = {100.0: (Estimate(0.5, (0.45, 0.55), 9), Estimate(0.3, (0.25, 0.35), 9))}
    return plots.accuracy_by_confidence(PERCENTS, target, reference, marks, chance=0.1)


def shares(*values: float) -> dict[str, float]:
    return dict(zip(plots.CATEGORY_LABELS, values, strict=True))


def test_colours_and_fonts_come_from_the_page() -> None:
    svg = confidence_plot()
    assert "var(--target)" in svg
    assert "var(--reference)" in svg
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert "<style" not in svg
    assert "metadata" not in svg
    assert "http" not in svg


def test_lines_are_labelled_directly_and_axes_named() -> None:
    assert {
        "saw them",
        "did not",
        "guessing",
        "accuracy",
        "most confident share of the images (%)",
    } <= set(texts(confidence_plot()))


def test_the_description_says_what_the_plot_shows() -> None:
    label = ElementTree.fromstring(confidence_plot()).get("aria-label")
    assert label is not None
    assert "50.0%" in label
    assert "30.0%" in label
    assert "+20.0 points" in label


def test_bytes_do_not_depend_on_the_user_s_matplotlib_settings() -> None:
    wanted = confidence_plot()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        assert confidence_plot() == wanted
        assert mpl.rcParams["font.size"] == 30


def test_every_share_is_written() -> None:
    svg = plots.category_shares({100.0: shares(0.3, 0.01, 0.02, 0.67), 20.0: shares(0, 0, 0, 1)})
    written = texts(svg)
    for text in ("30.0%", "1.0%", "2.0%", "67.0%", "100.0%", "all", "20%", "neither"):
        assert text in written
    assert written.count("0.0%") == 3


def test_class_gaps_are_sorted_and_written() -> None:
    svg = plots.class_gaps(["a", "b", "c"], np.array([0.5, 0.9, 0.1]), np.array([0.5, 0.4, 0.3]))
    written = texts(svg)
    assert [text for text in written if text in "abc"] == ["b", "a", "c"]
    assert {"+50.0", "0.0", "−20.0"} <= set(written)


def test_of_many_classes_both_ends_are_drawn() -> None:
    gaps = np.linspace(1, -0.9, 100)
    names = [f"class {row}" for row in range(100)]
    written = texts(plots.class_gaps(names, gaps, np.zeros(100)))
    drawn = [text for text in written if re.fullmatch(r"class \d+", text)]
    assert drawn == names[:20] + names[-20:]
    assert "… 60 classes between …" in written


@pytest.mark.parametrize("name", ["$x^2", "<b>&amp;\x00", "two\nlines", "鱼", "#000001", "-->"])
def test_any_class_name_is_drawn_as_it_is(name: str) -> None:
    svg = plots.class_gaps([name], np.array([0.5]), np.array([0.25]))
    assert "<b>" not in svg
    assert len(ElementTree.fromstring(svg).findall(".//text")) > 3


def test_ids_of_two_plots_do_not_meet() -> None:
    first = set(re.findall(r' id="([^"]+)"', confidence_plot()))
    second = set(
        re.findall(
            r' id="([^"]+)"', plots.strength_histogram(np.array([0.1, 0.2]), np.array([0.3]))
        )
    )
    assert first
    assert second
    assert not first & second


def test_histogram_counts_both_sides() -> None:
    svg = plots.strength_histogram(np.array([0.1, 0.2, 0.2]), np.array([]))
    assert {"3 memorized", "0 forgotten (noise)"} <= set(texts(svg))
    assert "0 memorized" in texts(plots.strength_histogram(np.array([]), np.array([])))


@pytest.mark.parametrize("count", [1, 2, 12])
def test_epochs(count: int) -> None:
    epochs = 10.0 * np.arange(1, count + 1)
    rising = epochs / 200
    svg = plots.accuracy_by_epoch(
        epochs, rising + 0.1, np.full(count, 0.1), (rising, rising - 0.02, rising + 0.02)
    )
    assert {"epoch of training", "déjà vu", "saw them"} <= set(texts(svg))


@given(st.lists(st.floats(0, 1), max_size=6))
@settings(max_examples=60, deadline=None)
def test_labels_are_spread_in_order(places: list[float]) -> None:
    moved = plots._spread(places, 0.1, 0.0, 1.0)
    order = np.argsort(places, kind="stable")
    assert np.all(np.diff(np.array(moved)[order]) >= 0.1 - 1e-9)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)
    if len(places) and np.all(np.diff(np.sort(places)) >= 0.1):
        assert moved == pytest.approx(places)


def test_two_near_labels_move_apart_alike() -> None:
    assert plots._spread([0.52, 0.5], 0.1, 0, 1) == pytest.approx([0.56, 0.46])
