"""JPEGs of every kind: the very pixels of Pillow, and its refusals."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from simplejpeg import decode_jpeg, encode_jpeg

from imprint.core.errors import ImprintError
from imprint.data.encoded import jpeg
from imprint.data.encoded.decode import MAX_PIXELS, decode_by_pillow, decode_image, to_array
from imprint.data.encoded.jpeg import Frame, decode_exactly, plain_frame

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def texture(width=53, height=38, seed=0):
    """Return a picture of edges, waves and noise, uint8 ``[H, W, 3]``."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([127 + 90 * np.sin(x / (3 + c) + y / (5 - c)) for c in range(3)], axis=2)
    noise = np.random.default_rng(seed).normal(0, 25, waves.shape)
    return np.clip(waves + noise + 60 * (x > width // 2)[:, :, None], 0, 255).astype(np.uint8)


def encoded(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", **options)
    return stream.getvalue()


def colour(**options):
    return encoded(Image.fromarray(texture(**options.pop("of", {}))), **options)


def with_segment(content, marker, payload):
    return (
        content[:2] + bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2) + payload + content[2:]
    )


def rotated_exif():
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    return exif


def kinds():
    plain = colour()
    yield from (
        (f"sampling {name}", colour(subsampling=number)) for name, number in SAMPLINGS.items()
    )
    yield "sampling 4:4:0", encode_jpeg(texture(), colorsubsampling="440")
    yield "sampling 4:1:1", encode_jpeg(texture(), colorsubsampling="411")
    yield from ((f"quality {number}", colour(quality=number)) for number in (1, 50, 100))
    yield "gray", encoded(Image.fromarray(texture()).convert("L"))
    yield "progressive", colour(progressive=True)
    yield "progressive gray", encoded(Image.fromarray(texture()).convert("L"), progressive=True)
    yield "optimised", colour(optimize=True)
    yield "restart markers", colour(restart_marker_blocks=2)
    yield "red, green and blue", colour(keep_rgb=True)
    yield from (
        (f"{width} × {height}", colour(of={"width": width, "height": height}))
        for width, height in ((1, 1), (7, 9), (8, 8), (16, 17), (33, 2), (200, 3))
    )
    yield "exif", colour(exif=rotated_exif())
    yield "profile", colour(icc_profile=b"no profile at all" * 9)
    yield "comment", colour(comment=b"made by hand")
    yield "resolution", colour(dpi=(300, 300))
    yield (
        "photoshop",
        with_segment(plain, 0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\0\x10" + b"\0" * 16),
    )
    yield "photoshop, cut short", with_segment(plain, 0xED, b"Photoshop 3.0\x008BIM\x03\xed")
    yield "short JFIF header", with_segment(plain[:2] + plain[20:], 0xE0, b"JFIF\0")
    yield "adobe", with_segment(plain, 0xEE, b"Adobe\0\x64\0\0\0\0\x01")
    yield "adobe without a transform", with_segment(plain, 0xEE, b"Adobe\0\x64\0\0\0\0\0")
    yield "trailing bytes", plain + b"and more" * 50
    yield "a second picture behind", plain + colour(quality=20)
    yield "inks", encoded(Image.fromarray(texture()).convert("CMYK"))
    yield "bytes between segments", plain[:20] + b"\0\0" + plain[20:]
    yield "no end", plain[:-2]
    yield "cut in the scan", plain[: int(0.7 * len(plain))]
    yield "cut in the header", plain[:100]
    yield "damaged scan", plain[:-300] + bytes(200) + plain[-100:]
    yield "scans missing", _without_scans(colour(progressive=True))
    yield "two pictures", encoded_together()
    yield "12 bits", plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")
    yield "no height", _with_height(plain, 0)
    yield "more height than rows", _with_height(plain, 60)
    yield "less height than rows", _with_height(plain, 30)


def _without_scans(content):
    scans = [at for at in range(len(content) - 1) if content[at : at + 2] == b"\xff\xda"]
    return content[: scans[4]] + b"\xff\xd9"


def _with_height(content, height):
    frame = content.index(b"\xff\xc0")
    return content[: frame + 5] + height.to_bytes(2) + content[frame + 7 :]


def encoded_together():
    stream = io.BytesIO()
    first, second = Image.fromarray(texture()), Image.fromarray(texture(seed=1))
    first.save(stream, "MPO", save_all=True, append_images=[second])
    return stream.getvalue()


KINDS = dict(kinds())


def outcome(read, content, channels):
    """Return the pixels, or what was said of the content."""
    try:
        return to_array(read(content, "x.jpg", channels))
    except ImprintError as error:
        return str(error)


def assert_as_pillow(content, channels):
    expected = outcome(decode_by_pillow, content, channels)
    found = outcome(decode_image, content, channels)
    if isinstance(expected, str):
        assert found == expected
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_pixels_of_pillow_or_its_refusal(kind, channels):
    assert_as_pillow(KINDS[kind], channels)


@pytest.mark.parametrize("kind", ["sampling 4:2:0", "gray", "exif", "inks", "cut in the scan"])
def test_pillow_decodes_where_simplejpeg_cannot_be_imported(kind, monkeypatch):
    with_simplejpeg = outcome(decode_image, KINDS[kind], 3)
    monkeypatch.setattr(jpeg, "decoder", lambda: None)
    assert decode_exactly(KINDS[kind], 3, MAX_PIXELS) is None
    np.testing.assert_array_equal(outcome(decode_image, KINDS[kind], 3), with_simplejpeg)


@pytest.mark.parametrize(
    "kind", ["sampling 4:2:0", "sampling 4:4:0", "gray", "progressive", "exif", "photoshop"]
)
def test_common_kinds_need_no_pillow(kind):
    pixels = decode_exactly(KINDS[kind], 3, MAX_PIXELS)
    assert pixels is not None
    assert pixels.shape == (38, 53, 3)


def test_gray_of_colour_is_not_the_luma_in_the_file():
    found = decode_exactly(KINDS["sampling 4:2:0"], 1, MAX_PIXELS)
    assert found is not None
    assert (found != decode_jpeg(KINDS["sampling 4:2:0"], "GRAY")).any()


def test_pictures_of_too_many_pixels_are_not_decoded():
    assert decode_exactly(KINDS["gray"], 3, 53 * 38) is not None
    assert decode_exactly(KINDS["gray"], 3, 53 * 38 - 1) is None
    huge = KINDS["sampling 4:2:0"]
    frame = huge.index(b"\xff\xc0")
    huge = huge[: frame + 5] + 2 * (11_000).to_bytes(2) + huge[frame + 9 :]
    with pytest.raises(ImprintError, match="11000 × 11000 pixels, more than"):
        decode_image(huge, "x.jpg")


def test_the_frame_of_a_plain_header():
    assert plain_frame(KINDS["sampling 4:2:0"]) == Frame(53, 38, 3)
    assert plain_frame(KINDS["gray"]) == Frame(53, 38, 1)
    assert plain_frame(KINDS["exif"]) is None
    assert plain_frame(b"") is None
    content = KINDS["sampling 4:2:0"]
    assert all(plain_frame(content[:size]) is None for size in range(content.index(b"\xff\xda")))


BASES = ["sampling 4:2:0", "gray", "progressive", "exif", "restart markers", "adobe"]


@pytest.mark.filterwarnings("ignore:.*EXIF.*", "ignore:Tag data")
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_hostile_bytes_have_the_pixels_of_pillow_or_its_refusal(data):
    content = bytearray(KINDS[data.draw(st.sampled_from(BASES))])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(2, len(content) - 1))
        change = data.draw(st.sampled_from(["set", "cut", "drop", "insert"]))
        if change == "set":
            content[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del content[max(at, 4) :]
        elif change == "drop":
            del content[at : at + data.draw(st.integers(1, 40))]
        else:
            content[at:at] = data.draw(st.binary(max_size=20))
        if len(content) < 4:
            break
    assert_as_pillow(bytes(content), data.draw(st.sampled_from([1, 3])))
