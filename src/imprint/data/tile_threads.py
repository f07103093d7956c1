"""Tiles of a batch shared among threads, each of which keeps its operations to itself.

The operations of torch would share every pass over a tile of a megabyte among the cores and wait
for the slowest each time: on two busy cores that took ten times as long as one. Here a thread takes
a whole tile through all passes, in memory of its own, so results do not depend on the number of
threads either. How many there are is what ``torch.get_num_threads`` says where the batch is made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from threadpoolctl import threadpool_limits

from imprint.data.colour_steps import Buffers

_OWN = threading.local()


def on_tiles(
    work: Callable[[slice, Buffers], None], tiles: list[slice], device: torch.device
) -> None:
    """Do ``work`` on every tile, on the CPU in as many threads as torch would use.

    Raises:
        ImprintError: the first that ``work`` raises; tiles that were begun end before.
    """
    threads = min(torch.get_num_threads(), len(tiles)) if device.type == "cpu" else 1
    if threads < 2:
        # Of another device a tile is the batch, and its memory is not kept from others.
        buffers = _buffers() if device.type == "cpu" else Buffers()
        for tile in tiles:
            work(tile, buffers)
        return

    def run(tile: slice) -> None:
        with torch.no_grad():
            work(tile, _buffers())

    futures = [_pool(threads).submit(run, tile) for tile in tiles]
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error


def _buffers() -> Buffers:
    buffers: Buffers | None = getattr(_OWN, "buffers", None)
    if buffers is None:
        buffers = _OWN.buffers = Buffers()
    return buffers


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "imprint-views", _keep_to_itself)


def _keep_to_itself() -> None:
    # torch.set_num_threads would change the threads of the whole process, which may be training.
    torch.get_num_threads()  # a thread takes over the number of the process when it first asks
    threadpool_limits(1, "openmp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
