"""Tiles in threads: the same views, errors, and torch's threads left as they were."""

import os
import threading

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.data import augment as augmentation
from imprint.data.augment import augment, recolour
from imprint.data.augmentation import FIRST_VIEW, SECOND_VIEW
from imprint.data.tile_threads import on_tiles

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("setting", [FIRST_VIEW, SECOND_VIEW])
def test_views_do_not_depend_on_the_number_of_threads(setting, monkeypatch, two_threads):
    monkeypatch.setattr(augmentation, "TILE_VALUES", 4 * 3 * 32 * 32)
    pixels = torch.randint(0, 256, (30, 3, 32, 32), dtype=torch.uint8)
    many = augment(pixels, setting, 5, range(30), 32), recolour(pixels, setting, 5, range(30))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    one = augment(pixels, setting, 5, range(30), 32), recolour(pixels, setting, 5, range(30))
    assert torch.equal(many[0], one[0])
    assert torch.equal(many[1], one[1])


def test_bytes_and_floats_give_the_same_view():
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    floats = pixels.float().div_(255)
    assert torch.equal(
        recolour(pixels, FIRST_VIEW, 5, range(6)), recolour(floats, FIRST_VIEW, 5, range(6))
    )


def test_each_thread_has_memory_and_operations_of_its_own(two_threads):
    seen = []
    meeting = threading.Barrier(2, timeout=20)

    def work(tile, buffers):
        meeting.wait()
        seen.append((threading.get_ident(), id(buffers), torch.get_num_threads()))

    on_tiles(work, [slice(0, 1), slice(1, 2)], CPU)
    assert len({thread for thread, _, _ in seen}) == len({buffers for _, buffers, _ in seen}) == 2
    assert [threads for _, _, threads in seen] == [1, 1]
    assert torch.get_num_threads() == 2


def test_errors_come_through(two_threads):
    def work(tile, buffers):
        if tile.start == 3:
            raise ImprintError("the third")

    with pytest.raises(ImprintError, match="the third"):
        on_tiles(work, [slice(row, row + 1) for row in range(6)], CPU)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own(two_threads):
    pixels = torch.randint(0, 256, (4, 3, 300, 300), dtype=torch.uint8)
    expected = recolour(pixels, SECOND_VIEW, 5, range(4))
    child = os.fork()
    if child == 0:
        same = torch.equal(recolour(pixels, SECOND_VIEW, 5, range(4)), expected)
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
