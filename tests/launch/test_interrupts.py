import signal
from concurrent.futures import ThreadPoolExecutor

from imprint.launch.interrupts import ignoring_interrupts


def handler_within():
    with ignoring_interrupts():
        return signal.getsignal(signal.SIGINT)


def test_interrupts_are_ignored_within_the_block_alone():
    before = signal.getsignal(signal.SIGINT)
    assert handler_within() is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_changes_nothing():
    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handler_within).result() is before
