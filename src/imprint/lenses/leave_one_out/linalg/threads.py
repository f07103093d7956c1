"""The same bytes whatever the number of threads.

BLAS and sums over many threads add in an order that depends on how many there are. Within
:func:`one_thread_a_sum` every sum is one thread's, and cores share what is independent of one
another: tiles of a kernel matrix, of its Cholesky factor and of its inverse, whose size does not
depend on the cores either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_WORKERS: ContextVar[int] = ContextVar("workers of independent parts", default=1)


@contextmanager
def one_thread_a_sum() -> Iterator[None]:
    """Give every operation one thread, and as many threads as there were to :func:`in_parallel`."""
    threads = torch.get_num_threads()
    token = _WORKERS.set(max(threads, _WORKERS.get()))
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _WORKERS.reset(token)


def in_parallel(work: Callable[[int], None], parts: Iterable[int]) -> None:
    """Do independent parts of a work, each in one thread; in order outside the context."""
    workers, todo = _WORKERS.get(), list(parts)
    if workers == 1 or len(todo) == 1:
        for part in todo:
            work(part)
        return
    gradients = torch.is_grad_enabled()

    def in_mode(part: int) -> None:
        with torch.set_grad_enabled(gradients):  # new threads start with gradients
            work(part)

    # Triangular solves in a new thread take as many as OMP_NUM_THREADS or the cores say.
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in pool.map(in_mode, todo):
            pass


def blocks(count: int, size: int) -> list[slice]:
    """Return slices that cover ``range(count)``, ``size`` long but for the last."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def mirrored(square: Tensor) -> Tensor:
    """Return the upper triangle of ``[n, n]`` and its mirror image."""
    return square.triu() + square.triu(1).T
