"""Pictures that are none, or want to do harm: each is refused with a clear 4xx, and the service goes on."""

import io
import os
import re
import signal
import struct
import subprocess
import zlib
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from tests.service_server import Serving

from lookalike.client import ServiceError


def encoded(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def noise(*size):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))


def png_bomb(width, height):
    """A PNG of a few kB that announces, and holds, a huge empty picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


REFUSED = {
    "text": b"hello",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "gif": encoded(noise(8, 8), "GIF"),
    "pdf": encoded(noise(8, 8), "PDF"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
    "truncated jpeg": encoded(noise(200, 200), "JPEG")[:900],
    "truncated png": encoded(noise(200, 200), "PNG")[:900],
    "png bomb": png_bomb(30_000, 30_000),
    "wide png bomb": png_bomb(2**27, 1),
    "jpeg header alone": encoded(noise(8, 8), "JPEG")[:20],
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "random": np.random.default_rng(1).bytes(5000),
    "zero pixels": b"P6 0 0 255\n",
    "tiff with a huge strip": b"II*\0\x08\0\0\0\x01\0\0\x01\x04\0\x01\0\0\0\xff\xff\xff\x7f\0\0\0\0",
}
TAKEN = {
    "1×1": encoded(noise(1, 1), "PNG"),
    "20,000×1": encoded(noise(1, 20_000), "PNG"),
    "16-bit": encoded(Image.fromarray(np.full((40, 40), 40_000, np.uint16)), "PNG"),
    "CMYK": encoded(noise(40, 40).convert("CMYK"), "JPEG"),
    "animated webp": encoded(noise(40, 40), "WEBP", save_all=True, append_images=[noise(40, 40)]),
    "palette with transparency": encoded(noise(40, 40).quantize(), "PNG", transparency=0),
    "polyglot": encoded(noise(40, 40), "JPEG") + b"<script>alert(1)</script>PK\x03\x04",
    "EXIF-rotated": encoded(
        noise(40, 60), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_and_named(shared_service, name):
    with shared_service.client("reader") as client:
        with pytest.raises(ServiceError) as refused:
            client.embed([TAKEN["1×1"], REFUSED[name]])
        assert (refused.value.status, refused.value.code) == (422, "unusable_picture")
        assert "picture 2" in str(refused.value)
        assert client.ready()


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_taken(shared_service, name):
    with shared_service.client("reader") as client:
        assert len(client.embed(TAKEN[name]).pictures[0].vector) == 32


def test_heic_is_taken(shared_service):
    import pillow_heif

    pillow_heif.register_heif_opener()
    with shared_service.client("reader") as client:
        assert client.embed(encoded(noise(64, 64), "HEIF")).pictures


def test_an_empty_picture_and_too_many_are_refused(shared_service):
    with shared_service.client("reader") as client:
        with pytest.raises(ServiceError, match="empty"):
            client.embed(b"")
        with pytest.raises(ServiceError, match="at most 16") as many:
            client.embed([TAKEN["1×1"]] * 17)
        assert many.value.code in ("too_many_pictures", "bad_request")


def test_a_decoder_that_dies_is_replaced(shared_service):
    def children():
        asked = ["pgrep", "-P", str(os.getpid()), "-f", "lookalike.service.decoding_worker"]
        return [int(pid) for pid in subprocess.run(asked, capture_output=True, text=True).stdout.split()]

    with shared_service.client("reader") as client:
        client.embed(TAKEN["CMYK"])
        killed = children()
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert client.embed(TAKEN["CMYK"]).pictures
        assert client.ready()


FORMS = {
    "no boundary": (b"abc", "multipart/form-data"),
    "not a form": (b"abc", "multipart/form-data; boundary=x"),
    "cut off": (
        b'--x\r\nContent-Disposition: form-data; name="pictures"; filename="a"\r\n\r\nabc',
        "multipart/form-data; boundary=x",
    ),
    "no disposition": (b"--x\r\n\r\nabc\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    "no name": (b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    "a thousand fields": (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(1000))
        + b"--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a huge field": (
        b'--x\r\nContent-Disposition: form-data; name="top"\r\n\r\n' + b"1" * 200_000 + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a charset that is none": (
        b'--x\r\nContent-Disposition: form-data; name="top"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        "multipart/form-data; boundary=x; charset=none",
    ),
    "empty": (b"", "multipart/form-data; boundary=x"),
    "no JSON": (b"{", "application/json"),
    "JSON of another type": (b"[1]", "application/json"),
    "deep JSON": (b"[" * 100_000, "application/json"),
    "JSON with NaN": (b'{"pictures": NaN}', "application/json"),
    "no UTF-8": (b'{"pictures": "\xff"}', "application/json"),
    "a form of another kind": (b"pictures=a", "application/x-www-form-urlencoded"),
    "lone surrogate": (b'{"pictures": ["\\ud800"]}', "application/json"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_body_that_is_none_is_refused(shared_service, name):
    content, kind = FORMS[name]
    answer = httpx2.post(
        f"{shared_service.address}/v1/identify",
        headers=shared_service.headers("reader") | {"Content-Type": kind},
        content=content,
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused_unread(shared_service):
    headers = shared_service.headers("reader") | {"Content-Type": "application/json"}
    answer = httpx2.post(
        f"{shared_service.address}/v1/identify", headers=headers, content=b" " * (shared_service.settings.max_body + 1)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    def parts():  # without a length, in pieces
        for _ in range(40):
            yield b" " * 2**20

    try:
        answer = httpx2.post(f"{shared_service.address}/v1/identify", headers=headers, content=parts())
    except httpx2.HTTPError:
        return  # the connection was closed while we were still sending
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def resident(pid):
    """Bytes that a process and its children hold."""
    asked = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    of = [pid, *map(int, asked.stdout.split())]
    return {one: int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())[1]) * 1024 for one in of}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory as Linux tells it")
def test_memory_is_flat_over_many_of_them(tiny_model, tmp_path):
    pictures = [*REFUSED.values(), *TAKEN.values()]
    service = Serving("--gallery", tmp_path / "p.gallery", "--model", tiny_model, "--port", "0")
    try:
        with service.client(timeout=60) as client:

            def rounds(count):
                for _ in range(count):
                    for picture in pictures:
                        try:
                            client.embed(picture)
                        except ServiceError as refused:
                            assert refused.status == 422  # noqa: PT017
                    for content, kind in FORMS.values():
                        headers = {"Authorization": f"Bearer {service.key}", "Content-Type": kind}
                        answer = httpx2.post(f"{service.address}/v1/identify", headers=headers, content=content)
                        assert 400 <= answer.status_code < 500

            rounds(3)
            before = resident(service.process.pid)
            rounds(10)
            after = resident(service.process.pid)
    finally:
        service.end()
    assert before.keys() == after.keys(), "a decoder died"
    for pid, size in after.items():
        # Of each of 390 requests a tenth of a megabyte may stay: less than a picture of them takes while it is read.
        assert size < 1.05 * before[pid] + 8 * 2**20, (before, after)
