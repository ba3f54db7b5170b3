"""Untrusted bytes to an RGB array: an allow-list of formats, a byte limit and a pixel limit.

Every picture that enters Lookalike, from a folder, a request or a program, passes `read_picture`.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from lookalike.errors import ImageError, InputError

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "UNREAD_SUFFIXES",
    "Picture",
    "RGBArray",
    "check_header",
    "gps_fields",
    "one_or_several",
    "picture_bytes",
    "picture_files",
    "read_picture",
    "source_of",
]

#: Decoders that may run on untrusted bytes; Pillow knows some forty more. HEIF (phones' HEIC) is pillow-heif's.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "AVIF", "HEIF")
#: File name endings that `picture_files` takes for pictures, lower case.
PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".pgm", ".ppm", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif", ".hif"}
)
#: Endings of pictures that are not read: whoever passes them over says so. Cameras' raw files, drawings, other formats.
UNREAD_SUFFIXES = frozenset(
    {".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw"}
    | {".gif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".heics"}
)
#: Largest encoded picture, in bytes.
MAX_BYTES = 64 * 2**20
#: Largest decoded picture, in pixels; a bomb announces its size in the header and is refused before decoding.
MAX_PIXELS = 64_000_000

#: Brands at the head of a file of the ISO base media family (ISO 23008-12): still pictures compressed by HEVC, by AV1.
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
#: Bytes in which the brands are looked for.
_HEAD = 256

RGBArray = npt.NDArray[np.uint8]
#: What is accepted as a picture: a path, encoded bytes, a Pillow image or a uint8 array.
Picture = str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[np.uint8]

Found = TypeVar("Found")


def read_picture(picture: Picture) -> RGBArray:
    """Decode a picture to RGB, upright (EXIF orientation applied), transparency laid on white.

    Args:
        picture: a path, encoded bytes, a Pillow image, or a uint8 array `(h, w)`, `(h, w, 1)` or `(h, w, 3)`.

    Returns:
        `(h, w, 3)` uint8, RGB; of an animation or a multi-page file, the first page.

    Raises:
        ImageError: missing, empty, truncated, not of an allowed format, or too large.

    Example:
        >>> read_picture(np.zeros((4, 5), np.uint8)).shape
        (4, 5, 3)
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    return _opened(picture, _rgb)


def gps_fields(picture: Picture) -> dict[int, Any]:
    """The GPS fields of a picture's EXIF by tag number, as they stand: what they say may be nonsense.

    Pixels are not decoded (of a PNG whose EXIF follows them, they are). Damaged EXIF counts as none, for a picture that
    can be seen is not refused for what is written beside it.

    Args:
        picture: as `read_picture` takes it; an array has none.

    Raises:
        ImageError: missing, empty, not of an allowed format, or too large.

    Example:
        >>> gps_fields(np.zeros((4, 5), np.uint8))
        {}
    """
    return {} if isinstance(picture, np.ndarray) else _opened(picture, _gps)


def _opened(picture: str | os.PathLike[str] | bytes | Image.Image, use: Callable[[Image.Image, str], Found]) -> Found:
    if isinstance(picture, Image.Image):
        return _decode(picture, "the image", use)
    if isinstance(picture, bytes | bytearray | memoryview):
        name, data = "the picture", bytes(picture)
        if len(data) > MAX_BYTES:
            raise ImageError(f"{name} has {len(data):,} bytes; at most {MAX_BYTES:,} are read, make it smaller")
    elif isinstance(picture, str | os.PathLike):
        name = os.fspath(picture)
        data = picture_bytes(Path(picture))
    else:
        raise ImageError(f"a {type(picture).__name__} is not a picture; give a path, bytes, a Pillow image or an array")
    if not data:
        raise _empty(name)
    return _decode(io.BytesIO(data), name, use)


def one_or_several(given: Picture | Iterable[Picture]) -> Iterable[Picture]:
    """The pictures that are meant where one or several may be given.

    A path is one picture, though Python can take its text apart, and so are bytes and an array `(h, w)`, `(h, w, 1)` or
    `(h, w, 3)`; an array `(n, h, w)` or `(n, h, w, 3)` is n of them.

    Raises:
        InputError: it is neither a picture nor an iterable.

    Example:
        >>> list(one_or_several("ada.jpg")), list(one_or_several(["ada.jpg", "bob.jpg"]))
        (['ada.jpg'], ['ada.jpg', 'bob.jpg'])
    """
    if isinstance(given, np.ndarray):
        return [given] if given.ndim < 3 or (given.ndim == 3 and given.shape[2] in (1, 3)) else given
    if isinstance(given, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return [given]  # type: ignore[list-item]  # a bytearray is as good as bytes
    several: Any = given
    if not isinstance(several, Iterable):
        kind = type(several).__name__
        raise InputError(f"{kind} is no picture; give a path, bytes, a Pillow image, an array, or a list of them")
    return several


def source_of(picture: Picture) -> str:
    """Where a picture is, as galleries keep it and messages name it: its path; empty for one that is in memory.

    Example:
        >>> source_of(Path("photos/ada.png")), source_of(b"...")
        ('photos/ada.png', '')
    """
    return os.fspath(picture) if isinstance(picture, str | os.PathLike) else ""


def picture_name(picture: Picture, position: int) -> str:
    """What messages call a picture: where it is, or of one in memory its place among those given.

    Args:
        picture: any.
        position: from 0.

    Example:
        >>> picture_name(Path("photos/ada.png"), 0), picture_name(b"...", 1)
        ('photos/ada.png', 'picture 2')
    """
    return source_of(picture) or f"picture {position + 1}"


def picture_bytes(path: Path) -> bytes:
    """The bytes of a picture file, undecoded.

    Raises:
        ImageError: it is missing, no regular file, unreadable or larger than `MAX_BYTES`.
    """
    with _picture_file(path) as file:
        return file.read()


def check_header(picture: Picture) -> None:
    """Refuse a picture that its header shows to be unusable, without decoding its pixels; about 0.1 ms.

    Args:
        picture: as `read_picture` takes it; only files and bytes are looked at.

    Raises:
        ImageError: missing, empty, not of an allowed format, or too large. A picture that is cut off may pass.

    Example:
        >>> check_header("photos/ada.jpg")    # doctest: +SKIP
    """
    if not isinstance(picture, str | os.PathLike):
        if not isinstance(picture, np.ndarray):
            _opened(picture, _check_size)
        return
    with _picture_file(Path(picture)) as file:
        if not os.fstat(file.fileno()).st_size:
            raise _empty(os.fspath(picture))
        _decode(file, os.fspath(picture), _check_size)


@contextmanager
def _picture_file(path: Path) -> Iterator[BinaryIO]:
    """The file, opened; an `ImageError` where it is missing, no regular file, unreadable or too large."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ImageError(f"{path} is a folder; expected one picture file")
        if not stat.S_ISREG(found.st_mode):  # a pipe may never answer, a device never end
            raise ImageError(f"{path} is not a regular file; expected one picture file")
        if found.st_size > MAX_BYTES:
            raise ImageError(f"{path} has {found.st_size:,} bytes; at most {MAX_BYTES:,} are read, make it smaller")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        web = str(path).startswith(("http:", "https:", "ftp:"))
        expected = "it is a web address: download the picture and give its file" if web else "expected a picture file"
        raise ImageError(f"{path} does not exist; {expected}") from None
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{str(path)!r} cannot be read: {reason}") from None


def _empty(name: str) -> ImageError:
    return ImageError(f"{name} is empty (0 bytes); expected a picture ({', '.join(FORMATS)})")


def _from_array(array: npt.NDArray[np.uint8]) -> RGBArray:
    if array.dtype != np.uint8:
        raise ImageError(f"the array has dtype {array.dtype}; a picture is uint8, 0 to 255")
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise ImageError(f"the array has shape {array.shape}; a picture is (height, width) or (height, width, 3)")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise ImageError(f"the array has {array.shape[0] * array.shape[1]:,} pixels; at most {MAX_PIXELS:,} are taken")
    return np.array(np.broadcast_to(array, (*array.shape[:2], 3)), order="C")  # a copy: never a view of the caller's


def _decode(source: BinaryIO | Image.Image, name: str, use: Callable[[Image.Image, str], Found]) -> Found:
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, and of sizes above a limit that ours, checked below, undercuts.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            if isinstance(source, Image.Image):
                return use(source, name)
            head = source.read(_HEAD)
            source.seek(0)
            with Image.open(source, formats=_formats(head)) as image:
                return use(image, name)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture Lookalike reads; expected {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise ImageError(f"{name} announces far more than {MAX_PIXELS:,} pixels; it is refused unread") from None
    except MemoryError:
        raise ImageError(f"{name} does not fit in memory; make it smaller") from None
    except Exception as error:
        # Untrusted bytes make decoders fail with nearly any exception: OSError, ValueError, struct.error, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name} is damaged or truncated ({reason}); get a whole copy") from None


def _formats(head: bytes) -> tuple[str, ...]:
    """The decoders that are tried on bytes that begin like this; pillow-heif is only imported for its own pictures."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] == b"ftyp":
        brands = {head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))}
        if not brands & _AVIF_BRANDS and brands & _HEIF_BRANDS:
            import pillow_heif

            pillow_heif.register_heif_opener()
            return ("HEIF",)
    return FORMATS[:-1]


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name} has {width}×{height} pixels; at most {MAX_PIXELS:,} are read, make it smaller")
    if width == 0 or height == 0:
        raise ImageError(f"{name} has {width}×{height} pixels; there is nothing to see")


def _gps(image: Image.Image, name: str) -> dict[int, Any]:
    _check_size(image, name)
    try:
        return dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except MemoryError:
        raise
    except Exception:  # as in `_decode`; said in `gps_fields` that damaged EXIF counts as none
        return {}


def _rgb(image: Image.Image, name: str) -> RGBArray:
    _check_size(image, name)
    image.load()
    white = 65535 if image.mode.startswith("I;16") or (image.format, image.mode) == ("PPM", "I") else None
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # more than 8 bits: scale, where Pillow would clip
        wide = np.nan_to_num(np.asarray(image, dtype=np.float64))
        # 32-bit files do not say what white is: the least of the usual values that nothing exceeds.
        ends = (1, 255, 65535) if image.mode == "F" else (255, 65535)
        top = white or next((end for end in ends if wide.max(initial=0) <= end), 65535)
        image = Image.fromarray((wide.clip(0, top) * (255.0 / top)).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def picture_files(folder: Path) -> Iterator[Path]:
    """Yield the picture files directly in `folder`, by name; hidden files and other endings are passed over."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path
