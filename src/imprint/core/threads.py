"""How many threads arithmetic takes: sums round differently on other numbers of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Compute with so many threads within the block, in this process and in those it starts.

    What is imported within the block heeds the environment, so nothing is imported for its sake.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")

    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    saved = {name: os.environ.get(name) for name in variables}
    threads = torch.get_num_threads() if torch is not None else 0
    os.environ.update(dict.fromkeys(variables, str(count)))
    if torch is not None:
        torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(threads)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
