"""A thread that builds what a gallery's searches use, while everybody searches, enrolls and forgets."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike.gallery.records import Model

__all__ = ["WAIT", "BackgroundBuilder"]

_log = logging.getLogger(__name__)

#: Seconds that the thread waits before it builds: a program that ends soon begins nothing.
WAIT = 2.0


class BackgroundBuilder(ABC):
    """Builds what is due, in a thread of its own once `begin` was called."""

    def __init__(self) -> None:
        self._stop, self._wanted = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._model: Model | None = None

    def begin(self, model: Model) -> None:
        """See whether something is to be built, soon, in the background."""
        self._model = model
        self._wanted.set()
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._work, name="segments", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop; what was begun is given up."""
        self._stop.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    @abstractmethod
    def build_one(self, model: Model) -> bool:
        """Build what is due most; False where nothing is."""

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # Linux: of this thread alone
        while not self._stop.is_set():
            self._wanted.wait()
            self._wanted.clear()
            if self._stop.wait(WAIT):
                return
            try:
                while not self._stop.is_set() and self._model is not None and self.build_one(self._model):
                    pass
            except LookalikeError as error:
                _log.warning("a segment could not be built, its templates are compared one by one: %s", error)
