"""Good pictures of every kind come out right; bad bytes of every kind come out as an ImageError."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFile

from lookalike import images
from lookalike.errors import ImageError
from lookalike.images import FORMATS, gps_fields, picture_files, read_picture, source_of

quick = settings(max_examples=60, deadline=None)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image, kind, **options):
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def smooth(height=24, width=20):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], axis=2).astype(np.uint8)


def refused(picture, message):
    with pytest.raises(ImageError, match=message) as caught:
        read_picture(picture)
    assert "\n" not in str(caught.value)


# Every way in


@pytest.mark.parametrize("kind", FORMATS)
def test_every_allowed_format(kind):
    picture = smooth()
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}, "AVIF": {"quality": 95}, "HEIF": {"quality": 95}}
    lossless = lossless.get(kind, {})
    found = read_picture(encode(picture, kind, **lossless))
    assert (found.shape, found.dtype) == ((24, 20, 3), np.uint8)
    if kind in ("JPEG", "AVIF", "HEIF"):
        assert np.abs(found.astype(int) - picture).mean() < 3
    else:
        np.testing.assert_array_equal(found, picture)


def test_pillow_heif_is_not_imported_for_other_pictures():
    program = (
        "import io, sys, numpy as np\n"
        "from PIL import Image\n"
        "from lookalike.images import read_picture\n"
        "for kind in ('JPEG', 'PNG', 'AVIF'):\n"
        "    file = io.BytesIO()\n"
        "    Image.new('RGB', (8, 8)).save(file, kind)\n"
        "    read_picture(file.getvalue())\n"
        "sys.exit('pillow_heif' in sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )


def test_path_bytes_pillow_and_array_agree(tmp_path):
    picture = smooth()
    data = encode(picture, "PNG")
    path = tmp_path / "Zoë 写真.png"
    path.write_bytes(data)
    for given_as in (path, str(path), data, bytearray(data), memoryview(data), Image.fromarray(picture), picture):
        np.testing.assert_array_equal(read_picture(given_as), picture)


def test_the_ending_does_not_matter_the_bytes_do(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encode(smooth(), "BMP"))
    np.testing.assert_array_equal(read_picture(path), smooth())


@quick
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))))
def test_png_round_trip_of_any_array(picture):
    expected = np.broadcast_to(picture, (*picture.shape[:2], 3))
    np.testing.assert_array_equal(read_picture(picture), expected)
    np.testing.assert_array_equal(
        read_picture(encode(picture.squeeze(2) if picture.shape[2] == 1 else picture, "PNG")), expected
    )


def test_an_array_is_copied_whatever_its_layout():
    picture = smooth()
    picture.flags.writeable = False
    for view in (picture, picture[::-1], picture.transpose(1, 0, 2), picture[:, :, 0], picture[:, :, :1]):
        found = read_picture(view)
        assert found.flags.c_contiguous
        assert found.flags.writeable
        assert not np.shares_memory(found, picture)
        np.testing.assert_array_equal(found, np.broadcast_to(view if view.ndim == 3 else view[:, :, None], found.shape))


# Kinds of picture


def test_grey():
    grey = smooth()[:, :, 0]
    np.testing.assert_array_equal(read_picture(encode(grey, "PNG")), np.repeat(grey[:, :, None], 3, axis=2))


def test_black_and_white():
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    for kind in ("PNG", "TIFF", "PPM", "BMP"):
        assert read_picture(encode(bits, kind))[:, :, 1].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = read_picture(encode(cyan, kind))[8, 8].astype(int)
    assert red < 20
    assert green > 235
    assert blue > 235


def test_palette():
    picture = Image.fromarray(smooth()).quantize(8)
    np.testing.assert_array_equal(read_picture(encode(picture, "PNG")), np.array(picture.convert("RGB")))


def test_transparency_is_laid_on_white():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = [0, 51, 255]  # black, seen through
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        assert read_picture(encode(rgba, kind, **options))[0, :, 0].tolist() == [255, 204, 0]
    la = Image.fromarray(rgba).convert("LA")
    assert read_picture(encode(la, "PNG"))[0, :, 0].tolist() == [255, 204, 0]


def test_a_transparent_palette_colour_is_laid_on_white():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    assert read_picture(encode(picture, "PNG", transparency=0))[0].tolist() == [list(WHITE), list(BLUE)]


def test_a_transparent_grey_or_rgb_colour_is_laid_on_white():
    grey = Image.fromarray(np.array([[0, 100]], np.uint8))
    assert read_picture(encode(grey, "PNG", transparency=0))[0, :, 0].tolist() == [255, 100]
    colour = Image.fromarray(np.array([[RED, BLUE]], np.uint8))
    assert read_picture(encode(colour, "PNG", transparency=RED))[0].tolist() == [list(WHITE), list(BLUE)]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
@pytest.mark.parametrize("values", [[0, 257 * 128, 65535], [0, 1, 255]])
def test_sixteen_bits_are_scaled_not_clipped(kind, values):
    # Also where no value passes 255: that is a black picture, not one of 8 bits.
    wide = np.array([values], np.uint16)
    assert read_picture(encode(Image.fromarray(wide), kind))[0, :, 0].tolist() == [v // 257 for v in values]


def test_sixteen_bit_colour():
    rows = b"".join(b"\0" + struct.pack(">3H", *pixel) for pixel in ([65535, 0, 257 * 128],))
    data = png(1, 1, zlib.compress(rows), depth=16, colour=2)
    assert read_picture(data)[0, 0].tolist() == [255, 0, 128]


@pytest.mark.parametrize(
    ("white", "values"), [(1.0, [0, 0.5, 1]), (255.0, [0, 127.6, 255]), (65535.0, [0, 32800, 65535])]
)
def test_float_tiff_is_scaled_by_the_white_it_must_have(white, values):
    found = read_picture(encode(Image.fromarray(np.array([values], np.float32)), "TIFF"))
    assert found[0, :, 0].tolist() == [0, 127, 255]


def test_float_tiff_with_values_that_are_no_brightness():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wild = np.array([[np.nan, -5.0, 200.0]], np.float32)
        assert read_picture(encode(Image.fromarray(wild), "TIFF"))[0, :, 0].tolist() == [0, 0, 200]


def test_32_bit_tiff():
    for values, expected in (([0, 128, 255], [0, 128, 255]), ([0, 257 * 128, 10**6], [0, 128, 255])):
        assert read_picture(encode(Image.fromarray(np.array([values], np.int32)), "TIFF"))[0, :, 0].tolist() == expected


#: Pillow's name for what a viewer must do, by EXIF orientation.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read_picture(encode(smooth(6, 4), kind, exif=exif, **options))
    np.testing.assert_array_equal(found, UPRIGHT[orientation](smooth(6, 4)))


def test_exif_orientation_of_a_jpeg_turns_its_sides():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_picture(encode(smooth(48, 32), "JPEG", exif=exif, quality=95))
    assert found.shape == (32, 48, 3)
    assert np.abs(found.astype(int) - np.rot90(smooth(48, 32), -1)).mean() < 3


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_pictures_of_phones_are_upright(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_picture(encode(smooth(48, 32), kind, exif=exif.tobytes(), quality=95))
    expected = UPRIGHT[orientation](smooth(48, 32))
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_passed_over(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert read_picture(encode(smooth(6, 4), "PNG", exif=exif)).shape == (6, 4, 3)


def test_damaged_exif_does_not_cost_the_picture(recwarn):
    data = encode(smooth(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_picture(data).shape == (24, 20, 3)
    assert not recwarn.list  # and is no reason to write to the terminal


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_the_first_page_of_several(kind):
    pages = [Image.new("RGB", (5, 4), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = read_picture(encode(pages[0], kind, save_all=True, append_images=pages[1:], **options))
    assert found.shape == (4, 5, 3)
    assert (found == RED).all()


# Damaged


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("PPM", {}),
        ("TIFF", {}),
    ],
)
def test_cut_off_anywhere_it_is_refused(kind, options, recwarn):
    data = encode(smooth(), kind, **options)
    # Formats may end in bytes that no pixel needs: trailers, checksums, padding, a TIFF's directory entries.
    unneeded = {"JPEG": 2, "PNG": 20}.get(kind, 0)
    whole = read_picture(data)
    for length in sorted({*range(0, len(data), max(1, len(data) // 60)), *range(min(40, len(data)))}):
        try:
            found = read_picture(data[:length])
        except ImageError:
            continue
        assert length >= len(data) - unneeded or kind == "TIFF", f"{length} of {len(data)} bytes passed for a picture"
        np.testing.assert_array_equal(found, whole)
    assert not recwarn.list


@quick
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data):
    with pytest.raises(ImageError):
        read_picture(data)


HEADS = [
    b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x20\0\0\0WEBPVP8 ",
    b"RIFF\x20\0\0\0WEBPVP8X",
    b"BM",
    b"P6\n",
    b"P5 ",
    b"P4",
    b"P3 2 2 255 ",
    b"Pf\n2 2\n-1.0\n",
    b"P7\n",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"II+\0\x08\0\0\0",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=120))
def test_random_bytes_after_a_true_beginning_raise_nothing_but_image_errors(head, tail):
    try:
        assert read_picture(head + tail).dtype == np.uint8
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a lucky picture is fine too


WHOLE = {kind: encode(smooth(8, 8), kind) for kind in FORMATS if kind != "TIFF"}  # libtiff writes to stderr


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_raise_nothing_but_image_errors(kind, changes):
    data = bytearray(WHOLE[kind])
    for at, value in changes:
        data[at % min(len(data), 120)] = value
    try:
        assert read_picture(bytes(data)).dtype == np.uint8
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + b"\0" * 12 + struct.pack("<I", 31) + b"\0" * 40,  # OSError when opened: no such header
        b"P6 2x 2 255 ",  # ValueError: a width that is no number
        b"P6 " + b"9" * 30,  # ValueError: a token without an end
        b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0" + b"\0" * 24,  # OSError: no decoder can be made
        b"\x89PNG\r\n\x1a\n\0\0",  # OSError: the file ends inside a chunk
    ],
)
def test_headers_that_fail_on_opening(data):
    refused(data, "damaged or truncated|not a picture")


def test_nothing_at_all(tmp_path):
    refused(b"", r"empty \(0 bytes\)")
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", r"a\.png is empty \(0 bytes\); expected a picture")


# Too large


def png(width, height, data=b"", depth=8, colour=0, extra=b""):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (100_000, 100_000),  # beyond Pillow's own error
        (2**31 - 1, 2**31 - 1),
        (12_000, 12_000),  # beyond its warning
        (8_001, 8_000),  # within its limits, beyond ours
        (64_000_001, 1),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(monkeypatch, recwarn, width, height):
    def decoded(*_):
        raise AssertionError("the bomb was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    refused(png(width, height), "64,000,000")
    assert not recwarn.list


def test_other_formats_announce_bombs_too():
    refused(b"P6 100000 100000 255 ", "64,000,000")
    refused(b"P6 9000 9000 255 ", "64,000,000")


def test_text_that_inflates_in_a_png():
    body = b"Comment\0\0" + zlib.compress(b"\0" * 70_000_000)
    text = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = png(1, 1, zlib.compress(b"\0\0"), extra=text)
    refused(data, "damaged or truncated")


def test_the_pixel_limit_itself_is_allowed(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 24 * 20)
    given = (smooth(), *(encode(smooth(), kind) for kind in ("PNG", "HEIF", "AVIF")), Image.fromarray(smooth()))
    for picture in given:
        assert read_picture(picture).shape == (24, 20, 3)
    monkeypatch.setattr(images, "MAX_PIXELS", 24 * 20 - 1)
    for picture in given:
        refused(picture, "at most 479")


def test_a_file_over_the_byte_limit_is_refused_unread(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: a terabyte that takes no room
    refused(path, r"large\.png has 1,099,511,627,776 bytes; at most 67,108,864")


def test_the_byte_limit_holds_for_bytes(monkeypatch):
    data = encode(smooth(), "PNG")
    monkeypatch.setattr(images, "MAX_BYTES", len(data))
    assert read_picture(data).shape == (24, 20, 3)
    refused(data + b"\0", "make it smaller")


# Not pictures


def test_formats_that_are_not_allowed(tmp_path):
    gif = encode(Image.fromarray(smooth()).quantize(8), "GIF")
    pdf = encode(smooth(), "PDF")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    others = [encode(smooth(), name) for name in ("ICO", "TGA", "PCX", "ICNS", "EPS", "JPEG2000")]
    for data in (gif, pdf, svg, *others):
        refused(data, "is not a picture Lookalike reads; expected JPEG, PNG, WEBP")
    (tmp_path / "really.png").write_bytes(gif)
    refused(tmp_path / "really.png", r"really\.png is not a picture Lookalike reads")


def test_a_folder(tmp_path):
    refused(tmp_path, "is a folder")


@pytest.mark.parametrize("name", ["none.png", "none/below.png"])
def test_a_missing_file(tmp_path, name):
    refused(tmp_path / name, "does not exist")


def test_a_link_to_nowhere_and_to_itself(tmp_path):
    (tmp_path / "nowhere.png").symlink_to("none.png")
    refused(tmp_path / "nowhere.png", "does not exist")
    (tmp_path / "loop.png").symlink_to("loop.png")
    refused(tmp_path / "loop.png", "cannot be read")


def test_a_file_as_a_folder(tmp_path):
    (tmp_path / "a").touch()
    refused(tmp_path / "a" / "b.png", "cannot be read: Not a directory")


@pytest.mark.parametrize("path", ["a\0.png", Path("a\0.png"), "x" * 5000])
def test_a_path_that_cannot_be(path):
    refused(path, "cannot be read")


def test_a_file_without_permission(tmp_path, nobody):
    path = tmp_path / "secret.png"
    path.write_bytes(encode(smooth(), "PNG"))
    path.chmod(0)
    with nobody(tmp_path):
        refused("secret.png", r"'secret\.png' cannot be read: Permission denied")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "not a regular file")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_device_without_end_is_not_read():
    refused("/dev/zero", "not a regular file")


@pytest.mark.parametrize("thing", [None, 3, 1.5, [[1, 2]], object()])
def test_things_that_are_no_picture(thing):
    refused(thing, f"a {type(thing).__name__} is not a picture")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint16, np.bool_, object])
def test_arrays_that_are_not_uint8(dtype):
    refused(np.zeros((4, 4, 3), dtype), "dtype .*; a picture is uint8")


@pytest.mark.parametrize(
    "shape", [(), (4,), (0, 4), (4, 0, 3), (4, 4, 0), (4, 4, 2), (4, 4, 4), (3, 4, 4), (1, 4, 4, 3), (0, 0, 3)]
)
def test_arrays_of_other_shapes(shape):
    refused(np.zeros(shape, np.uint8), "a picture is \\(height, width\\)")


def test_a_pillow_image_of_nothing():
    refused(Image.new("RGB", (0, 5)), "nothing to see")


def test_a_pillow_image_whose_file_is_damaged():
    data = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "PNG")
    refused(Image.open(io.BytesIO(data[: len(data) // 2])), "the image is damaged or truncated")


# picture_files


def test_endings_of_phones_and_browsers_are_pictures(tmp_path):
    names = ["a.jfif", "b.jpe", "c.HEIC", "d.heif", "e.hif", "f.avif"]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in picture_files(tmp_path)] == names


def test_picture_files_by_name_without_hidden_ones_and_others(tmp_path):
    for name in ("b.JPG", "a.png", "ä.webp", ".hidden.png", "notes.txt", "noending", "c.gif", "d.jpeg.part"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "gone.png").symlink_to("nowhere")
    assert [path.name for path in picture_files(tmp_path)] == ["a.png", "b.JPG", "ä.webp"]


# What is written beside the pixels


def with_gps(kind, fields):
    exif = Image.Exif()
    exif[0x8825] = fields
    written = Image.Exif()
    written.load(exif.tobytes())  # as the writer of TIFF wants it
    return encode(np.zeros((6, 9, 3), np.uint8), kind, exif=written)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_gps_fields_of_every_format_that_has_them(tmp_path, kind):
    data = with_gps(kind, {1: "N", 2: (48.0, 53.0, 12.5)})
    path = tmp_path / "x"
    path.write_bytes(data)
    for picture in (data, path, Image.open(path)):
        found = gps_fields(picture)
        assert found[1] == "N"
        assert [float(part) for part in found[2]] == [48.0, 53.0, 12.5]


def test_pictures_without_gps_fields():
    assert gps_fields(np.zeros((2, 2), np.uint8)) == {}
    for kind in ("JPEG", "PNG", "BMP", "PPM"):
        assert gps_fields(encode(np.zeros((2, 2, 3), np.uint8), kind)) == {}


@quick
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=30), st.integers(0, 300))
def test_damaged_exif_is_no_exif_and_raises_nothing_but_image_errors(changes, cut):
    data = bytearray(with_gps("JPEG", {1: "N", 2: (48.0, 53.0, 12.5), 3: "E", 4: (2.0, 20.0, 35.0)}))
    start = data.index(b"Exif")
    for where, value in changes:
        data[start + where % 160] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for picture in (bytes(data), bytes(data[: len(data) - cut])):
            with contextlib.suppress(ImageError):
                assert isinstance(gps_fields(picture), dict)


def test_gps_fields_are_read_within_the_same_limits(monkeypatch, tmp_path):
    monkeypatch.setattr(images, "MAX_PIXELS", 20)
    with pytest.raises(ImageError, match="at most 20 are read"):
        gps_fields(with_gps("JPEG", {1: "N"}))
    with pytest.raises(ImageError, match="does not exist"):
        gps_fields(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="is not a picture"):
        gps_fields(b"GIF89a")


def test_a_picture_is_where_its_path_says():
    assert [source_of(one) for one in (Path("a/b.png"), "b.png", b"x", Image.new("L", (1, 1)))] == [
        str(Path("a/b.png")),
        "b.png",
        "",
        "",
    ]
