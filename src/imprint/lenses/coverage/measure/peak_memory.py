"""How many bytes of tensors and arrays a call holds at most at once."""

from __future__ import annotations

import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.timing import wait_for


def peak_bytes(call: Callable[[], object], device: torch.device) -> int:
    """Return the most bytes that a call holds at once beyond what was there before.

    On a CUDA device those of its allocator; elsewhere those of tensors that operations return plus
    those of NumPy arrays and Python objects, each at its own peak: no less than the joint one.
    Resident memory would say little, for a process keeps what it once had.

    Args:
        call: what is measured.
        device: where it works.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before: int = torch.cuda.memory_allocated(device)
        call()
        wait_for(device)
        most: int = torch.cuda.max_memory_allocated(device)
        return max(0, most - before)
    # The first operation under such a mode imports the compiler: 60 MiB that are not the call's.
    with LiveTensors():
        torch.zeros(1).add(1)
    tensors = LiveTensors()
    with _traced() as arrays, tensors:
        call()
        held = arrays()
    return tensors.peak + held


def state_bytes(criterion: Criterion) -> int:
    """Return the size of what a criterion learned and saw."""
    return sum(value.numel() * value.element_size() for value in criterion.state_dict().values())


@contextmanager
def _traced() -> Iterator[Callable[[], int]]:
    """Trace Python's allocations; yield what tells by how much they grew at most."""
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: max(0, tracemalloc.get_traced_memory()[1] - before)
    finally:
        if not was_on:
            tracemalloc.stop()


class LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Counts the bytes of tensors that operations return and that live.

    Attributes:
        now: bytes that live.
        peak: the most of them at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for tensor in _tensors((args, kwargs)):
            self._note(tensor, 0)
        result = func(*args, **kwargs)
        for tensor in _tensors(result):
            self._note(tensor, tensor.untyped_storage().nbytes())
        return result

    def _note(self, tensor: torch.Tensor, size: int) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    yield from (leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
