import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.report.gallery import (
    Answer,
    Card,
    CardPicture,
    Gallery,
    Line,
    Range,
    RangeStrip,
    read_gallery,
    write_gallery,
)

HOSTILE = "\"><script>alert('x')</script>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("whole.png", "crop.png", "near.png"):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def card(title: str = "cat", index: int = 3, **options: Any) -> Card:
    return Card(
        title,
        f"cats/{index}.png · index {index}",
        (
            CardPicture(
                "whole.png", f"The image: {title}", "the image", width=80,
                boxes=((10.0, 20.0, 30.0, 60.0),), crop=(40.0, 0.0, 80.0, 40.0),
            ),
            CardPicture("crop.png", "The crop", "the crop\nof it"),
        ),
        **options,
    )  # fmt: skip


def read(folder: Path, *cards: Card) -> Gallery:
    write_gallery(folder, cards)
    gallery = read_gallery(folder, "key", "Filter the cards")
    assert gallery is not None
    return gallery


def test_cards_are_read_as_they_were_written(folder: Path) -> None:
    near = CardPicture("near.png", "cat", ring=True)
    full = card(
        subtitle="neuron 3", badge="memorized", highlight="memorized",
        answers=(Answer("trained on it", "cat", True, "−0.1 nats", pictures=(near,)),),
        strip=RangeStrip(Range(0, 1), Range(0.1, 0.5), Range(0.6, 0.7), "spoken"),
        lines=(Line("words", "bold", (near,)),),
        facets={"Category": "memorized"}, numbers={"strength": 2.5},
    )  # fmt: skip
    assert read(folder, full).cards == (full,)


def test_outlines_follow_a_picture_that_was_reduced(folder: Path) -> None:
    html = read(folder, card()).html()
    assert '<rect class="box" x="5.0" y="10.0" width="10.0" height="20.0"/>' in html
    assert '<rect class="crop" x="20.0" y="0.0" width="20.0" height="20.0"/>' in html


def test_every_picture_is_embedded_once(folder: Path) -> None:
    html = read(folder, card(), card(index=4)).html()
    assert html.count("data:image/png;base64,") == 2
    assert html.count('href="#key-0"') == 2


def test_facets_are_counted_and_the_first_has_buttons(folder: Path) -> None:
    cards = [
        card(label, index, facets={"Kind": kind, "Class": label}, numbers={"strength": index})
        for index, (kind, label) in enumerate([("a", "cat"), ("b", "dog"), ("a", "owl")])
    ]
    gallery = read(folder, *cards)
    assert gallery.facets == {"Kind": {"a": 2, "b": 1}, "Class": {"cat": 1, "dog": 1, "owl": 1}}
    html = gallery.html()
    assert '<input type="radio" name="f0" value="a"><span>a <small>2</small></span>' in html
    assert '<option value="owl">owl (1)</option>' in html
    assert '<option value="n0">strength</option><option value="label">class</option>' in html
    assert 'data-f0="b" data-f1="dog" data-n0="1"' in html


def test_many_values_of_the_first_facet_are_a_menu(folder: Path) -> None:
    cards = [card(str(i), i, facets={"Class": str(i)}) for i in range(7)]
    gallery = read(folder, *cards)
    assert gallery.with_buttons is None
    assert 'type="radio"' not in gallery.html()


def test_a_facet_of_one_value_is_no_choice(folder: Path) -> None:
    cards = [card("cat", index, facets={"Class": "cat", "Set": str(index)}) for index in range(2)]
    assert list(read(folder, *cards).facets) == ["Set"]


def test_without_facets_and_numbers_there_is_no_form(folder: Path) -> None:
    assert "<form" not in read(folder, card()).html()


def test_rings_and_answers_are_drawn_and_spoken(folder: Path) -> None:
    near = [CardPicture("near.png", "cat", ring=ring) for ring in (True, False)]
    answers = (
        Answer("trained on it", "cat", True, "−0.1 nats", pictures=tuple(near)),
        Answer("never saw it", "dog", False, reference=True),
    )
    html = read(folder, card(answers=answers)).html()
    assert html.count('class="picture same"') == html.count('class="picture other"') == 1
    assert '<div class="guess target right">' in html
    assert '<span class="unseen">wrong</span>' in html


def test_a_strip_places_what_is_reached_in_percent(folder: Path) -> None:
    strip = RangeStrip(Range(-1, 3), Range(-1, 1), Range(2, 5), "Training −1 to 3")
    html = read(folder, card(strip=strip)).html()
    assert 'style="--low:75.0;--high:100.0;--first:0.0;--last:50.0"' in html
    assert strip.place(-7) == 0.0
    assert replace(strip, axis=Range(1, 1)).place(1) == 0.0


def test_hostile_text_is_escaped(folder: Path) -> None:
    full = card(
        HOSTILE, subtitle=HOSTILE, badge=HOSTILE, highlight=HOSTILE,
        answers=(Answer(HOSTILE, HOSTILE, True, HOSTILE),), lines=(Line(HOSTILE, HOSTILE),),
        strip=RangeStrip(Range(0, 1), Range(0, 1), Range(0, 1), HOSTILE),
        facets={HOSTILE: HOSTILE}, numbers={HOSTILE: 1.0},
    )  # fmt: skip
    html = read(folder, full, card(facets={HOSTILE: "other"})).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10


def test_no_folder_is_no_gallery_and_no_cards_is_a_sentence(folder: Path) -> None:
    assert read_gallery(folder / "none", "key", "Filter") is None
    assert "There are no pictures in this study." in read(folder).html()


@pytest.mark.parametrize("file", ["../whole.png", "/etc/hostname", "", "..", "whole.gif"])
def test_pictures_outside_the_folder_are_refused(folder: Path, file: str) -> None:
    write_gallery(folder, [Card("cat", "n", (CardPicture(file, "x"),))])
    with pytest.raises(ImprintError, match="must be the name of a PNG in this folder"):
        read_gallery(folder, "key", "Filter")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.pop("title"), "there is no 'title'|title"),
        (lambda card: card.update(title=7), "7 is not a text"),
        (lambda card: card["pictures"][0].update(boxes=[[1, 2, 3]]), "gallery.json"),
        (lambda card: card.update(numbers={"strength": "high"}), "'high' is not a number"),
        (lambda card: card.update(pictures=7), "gallery.json"),
        (lambda card: card["pictures"][0].update(file="gone.png"), "no picture .*gone.png"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(folder: Path, change: Any, message: str) -> None:
    write_gallery(folder, [card()])
    content = json.loads((folder / "gallery.json").read_text())
    change(content["cards"][0])
    (folder / "gallery.json").write_text(json.dumps(content))
    with pytest.raises(ImprintError, match=message) as caught:
        read_gallery(folder, "key", "Filter")
    assert "\n" not in str(caught.value)


def test_more_cards_or_facets_than_a_page_can_show_are_refused(folder: Path) -> None:
    write_gallery(folder, [Card("cat", "n", ())] * 5001)
    with pytest.raises(ImprintError, match="has 5001 cards"):
        read_gallery(folder, "key", "Filter")
    write_gallery(folder, [Card("cat", "n", (), facets={str(i): "x" for i in range(13)})])
    with pytest.raises(ImprintError, match="of up to 13 facets"):
        read_gallery(folder, "key", "Filter")


def test_the_file_of_an_older_version_is_refused(folder: Path) -> None:
    (folder / "gallery.json").write_text('{"cards": [{"index": 3, "label": "cat", "fpr": 0.0}]}')
    with pytest.raises(ImprintError, match=r"gallery\.json cannot be used .*run the command again"):
        read_gallery(folder, "key", "Filter")


def test_the_same_folder_gives_the_same_bytes(folder: Path) -> None:
    first = read(folder, card()).html()
    again = read_gallery(folder, "key", "Filter the cards")
    assert again is not None
    assert again.html() == first
