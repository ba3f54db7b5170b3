"""Videos for tests, written by PyAV: every frame is known."""

import pytest


def write_video(path, frames, rate=10, codec="libx264", **options):
    """Write `(h, w, 3)` uint8 frames of one size; options of the container, such as `movflags="faststart"`."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", options=options) as container:
        stream = None
        for rgb in frames:
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options={"crf": "18"} if codec == "libx264" else {})
                stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path
