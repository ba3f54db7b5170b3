"""Pictures on pages: dropped, taken by a webcam, shown with boxes, and cropped to what the network sees."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from nicegui import events, ui
from PIL import Image

from lookalike.embedder import Embedder
from lookalike.errors import ImageError
from lookalike.face_drawing import Mark, draw_marks
from lookalike.images import RGBArray
from lookalike.service.problems import Refused

__all__ = ["Shown", "crop", "drop_zone", "marked", "webcam"]

#: Pixels of the long side of a picture on a page.
_LONGEST = 1000
Use = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Shown:
    """A picture for a page: an address that holds it, and words for those who do not see it."""

    address: str
    words: str


def _address(picture: Image.Image) -> str:
    picture.thumbnail((_LONGEST, _LONGEST))
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def marked(rgb: RGBArray, marks: Sequence[Mark], words: str) -> Shown:
    """A picture with boxes and names."""
    return Shown(_address(draw_marks(rgb, marks)), words)


def crop(embedder: Embedder, rgb: RGBArray, words: str) -> Shown | None:
    """What the network sees of a picture; None where it cannot be used."""
    try:
        pixels = embedder.prepare(rgb).pixels
    except ImageError:
        return None
    channels = pixels if pixels.shape[2] == 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    return Shown(_address(Image.fromarray(channels)), words)


def drop_zone(words: str, use: Use, most: int, multiple: bool = False) -> ui.upload:
    """A place for a picture file: dropped, or chosen by the keyboard."""

    async def taken(event: events.UploadEventArguments) -> None:
        content = await event.file.read()
        zone.reset()
        await use(content)

    def refused(event: events.GenericEventArguments) -> None:
        why = {
            "max-file-size": f"The picture is larger than {most:,} bytes; give a smaller one.",
            "accept": "This is no picture; give a JPEG, PNG or other picture file.",
        }
        ui.notify(why.get(event.args, "One picture at a time; give it again."), type="negative")

    def failed() -> None:
        zone.reset()
        ui.notify(
            f"The picture did not arrive: the service takes at most {most:,} bytes, with what browsers send around a "
            "picture. Give a smaller one, or try again.",
            type="negative",
        )

    zone = ui.upload(label=words, on_upload=taken, auto_upload=True, multiple=multiple, max_file_size=most)
    zone.on("rejected", refused, js_handler="(given) => emit(given[0].failedPropValidation)")
    zone.on("failed", failed, args=[])
    zone.props('accept="image/*" flat bordered no-thumbnails').classes("w-full")
    # Quasar's own header is a button around an input, which no screen reader can name.
    zone.add_slot(
        "header",
        f'''<div class="drop"><q-btn outline no-caps label="{escape(words)}" @click="props.pickFiles" />
        <q-uploader-add-trigger /></div>''',
    )
    return zone


_CAMERA = """
const video = document.createElement('video');
try {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1280}}, audio: false});
  video.srcObject = stream; video.muted = true; await video.play();
  await new Promise(done => setTimeout(done, 700));
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  stream.getTracks().forEach(track => track.stop());
  return canvas.toDataURL('image/jpeg', 0.9);
} catch (error) { return 'refused: ' + error.message; }
"""


def webcam(use: Use) -> None:
    """A button that takes a picture by the browser's camera."""

    async def take() -> None:
        answer = str(await ui.run_javascript(_CAMERA, timeout=30))
        if not answer.startswith("data:image/jpeg;base64,"):
            ui.notify(f"The camera gave no picture ({answer.removeprefix('refused: ')}).", type="warning")
            return
        try:
            await use(base64.b64decode(answer.partition(",")[2], validate=True))
        except binascii.Error:
            raise Refused(422, "unusable_picture", "the browser sent no picture") from None

    ui.button("Take a picture with the camera", on_click=take).props("outline no-caps")
