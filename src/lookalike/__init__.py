"""Lookalike: train an embedding network, prove it, and find the same thing again.

The names most programs need are here; they load their libraries when first used, so that
``import lookalike`` takes no torch and no faiss:

>>> from lookalike import Recognizer
>>> with Recognizer("dlib", "people.gallery") as recognizer:    # doctest: +SKIP
...     recognizer.enroll("Ada", "ada.jpg")
...     recognizer.identify("somebody.jpg")
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lookalike.lazy_names import lazy_names

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.gallery import open_gallery
    from lookalike.landmark_recognizer import LandmarkRecognizer
    from lookalike.recognizer import Recognizer

__all__ = ["Embedder", "LandmarkRecognizer", "Recognizer", "__version__", "open_gallery"]

__version__ = "0.1.0"

#: Whoever wants debug lines sets a level and a handler; without one, Python would print warnings to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Embedder": "lookalike.embedder",
        "LandmarkRecognizer": "lookalike.landmark_recognizer",
        "Recognizer": "lookalike.recognizer",
        "open_gallery": "lookalike.gallery",
    },
)
