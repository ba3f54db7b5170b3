"""Pretrained models are told from their packages alone; whether that is true, `workflows/test_models.py` checks."""

import subprocess
import sys

from lookalike.embedder.loading import PRETRAINED
from lookalike.embedder.pretrained_models import PRETRAINED_MODELS


def test_what_is_described_is_what_can_be_loaded():
    assert [one.name for one in PRETRAINED_MODELS] == list(PRETRAINED)


def test_nothing_is_imported():
    code = (
        "import sys; from lookalike.embedder.pretrained_models import PRETRAINED_MODELS; "
        "print([one.installed for one in PRETRAINED_MODELS] and [m for m in ('torch', 'dlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
