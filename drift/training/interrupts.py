"""Interrupts that wait for a safe moment, so that what is stored is whole."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# a queue's and a closed terminal's
ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
HELD = [signal.SIGINT, *ENDINGS]


class Ended(KeyboardInterrupt):
    """The process was told to end; a run stores its state first."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``Ended`` in the block; behind it the process ends of the signal
    as it would have at once.

    Who has arranged something else for these signals keeps it, and so does a thread that is not the
    main one.
    """
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in ENDINGS if is_main and signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    except Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Hold Ctrl-C, and signals that end a run in order, back until the block has ended; outside the
    main thread there is none to hold."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in HELD} if is_main else {}
    held = {number: handler for number, handler in before.items() if callable(handler)}
    arrived: list[int] = []
    for number in held:
        signal.signal(number, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    if signal.SIGINT in arrived:
        raise KeyboardInterrupt
    if arrived:
        held[arrived[0]](arrived[0], None)
