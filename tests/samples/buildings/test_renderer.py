import os
import subprocess
import sys

import numpy as np
import pytest

from lookalike.samples.buildings.renderer import SUPERSAMPLING, Camera, Renderer
from lookalike.samples.buildings.shapes import box, move
from lookalike.samples.buildings.surroundings import sheet
from lookalike.samples.buildings.textures import Material

SIZE = 48
SIDE = SIZE * SUPERSAMPLING


def painted(colour, glow=None):
    tile = np.full((4, 4, 3), colour, np.uint8)
    return Material(tile, (1.0, 1.0), None if glow is None else np.full((4, 4, 3), glow, np.uint8))


MATERIALS = {"red": painted((200, 20, 20), (90, 90, 0)), "grey": painted((120, 120, 120))}


@pytest.fixture(scope="module")
def renderer():
    return Renderer(SIZE)


def test_a_wall_seen_square_on_is_where_geometry_says(renderer):
    # A wall of 4 × 4 m whose face lies at y = −1, seen from y = −11 under 45°: 10 m away.
    camera = Camera((0.0, -11.0, 2.0), (0.0, 0.0, 2.0), 45.0)
    pixels = renderer.draw(box(4, 2, 0, 4, "red"), MATERIALS, camera, None, 10)
    seen = ~pixels.sky
    half = SIDE / 2 * 2 / (10 * np.tan(np.radians(22.5)))
    assert seen.sum() == pytest.approx((2 * half) ** 2, rel=0.05)
    assert pixels.place[seen][:, 1] == pytest.approx(-1, abs=2e-3)
    assert np.abs(pixels.place[seen][:, [0]]).max() <= 2.05
    assert pixels.place[SIDE // 2, SIDE // 2] == pytest.approx([0, -1, 2], abs=0.12)
    np.testing.assert_allclose(pixels.normal[seen].mean(axis=0), [0, -1, 0], atol=0.05)
    assert np.abs(pixels.colour[seen] - np.array([200, 20, 20]) / 255).max() < 0.01
    expected = np.linalg.norm(pixels.place - np.array(camera.position), axis=2)
    np.testing.assert_allclose(pixels.distance[seen], expected[seen], rtol=1e-3)


def test_up_is_up_and_right_is_right(renderer):
    camera = Camera((0.0, -20.0, 5.0), (0.0, 0.0, 5.0), 45.0)  # looks north: east is right
    pixels = renderer.draw(move(box(1, 1, 8, 9, "red"), 3), MATERIALS, camera, None, 10)
    rows, columns = np.nonzero(~pixels.sky)
    assert rows.mean() < SIDE / 2
    assert columns.mean() > SIDE / 2


def test_a_roof_shades_the_ground_where_geometry_says(renderer):
    # A slab of 4 × 4 m at 6 m; the sun stands 45° high in the east, so its shadow lies 6 m to the west.
    solid = sheet("grey", 100, 100) + box(4, 4, 6, 6.2, "red")
    sun = np.array([1.0, 0.0, 1.0]) / np.sqrt(2)
    camera = Camera((0.0, -30.0, 25.0), (0.0, 0.0, 0.0), 50.0)
    pixels = renderer.draw(solid, MATERIALS, camera, sun, 20)
    ground = (pixels.place[..., 2] < 0.05) & ~pixels.sky
    middle = np.maximum(np.abs(pixels.place[..., 0] + 6.1), np.abs(pixels.place[..., 1]))
    assert not pixels.sunlit[ground & (middle < 1.2)].any()
    assert pixels.sunlit[ground & (middle > 3) & (middle < 15)].mean() > 0.99
    assert pixels.sunlit[(pixels.normal[..., 2] > 0.9) & (pixels.place[..., 2] > 6.1)].mean() > 0.9


def test_glow_is_what_materials_give_off(renderer):
    solid = box(4, 2, 0, 4, "red") + sheet("grey", 50, 50)
    camera = Camera((0.0, -11.0, 2.0), (0.0, 0.0, 2.0), 45.0)
    pixels = renderer.draw(solid, MATERIALS, camera, None, 10, glowing=True)
    wall = np.abs(pixels.normal[..., 1]) > 0.9
    assert pixels.glow[wall & ~pixels.sky].mean(axis=0) == pytest.approx(np.array([90, 90, 0]) / 255, abs=0.02)
    assert pixels.glow[(pixels.place[..., 2] < 0.01) & ~pixels.sky].max() == 0
    # The next picture starts afresh.
    again = renderer.draw(solid, MATERIALS, camera, None, 10)
    assert again.glow is None
    assert again.colour.max() == pytest.approx(200 / 255, abs=0.01)


def test_drawing_twice_gives_the_same_picture(renderer):
    solid = box(4, 2, 0, 4, "red") + sheet("grey", 50, 50)
    camera = Camera((7.0, -11.0, 3.0), (0.0, 0.0, 2.0), 45.0, 3.0)
    sun = np.array([0.0, -0.6, 0.8])
    first, second = (renderer.draw(solid, MATERIALS, camera, sun, 20) for _ in range(2))
    for name in ("colour", "place", "normal", "distance", "sunlit"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is Linux's")
def test_without_a_library_to_draw_with_one_line_says_what_to_install():
    code = (
        "from lookalike.samples.buildings.renderer import Renderer\n"
        "from lookalike.errors import MissingDependencyError\n"
        "import lookalike.samples.buildings.renderer as r\n"
        "r._OSMESA = ()\n"
        "try:\n    Renderer(32)\nexcept MissingDependencyError as error:\n    print(error)\n"
    )
    nowhere = os.environ | {"__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", code], env=nowhere, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "libegl1" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
