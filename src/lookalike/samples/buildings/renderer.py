"""Rasterises solids with VTK, off screen: colour, glow, distance and place of every pixel, and what the sun reaches.

VTK draws without a display through EGL, or through OSMesa where there is no EGL; Mesa's llvmpipe does both on a CPU.
Light is not VTK's: it draws bare colours and depths, and `light` lights them pixel by pixel.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import MissingDependencyError
from lookalike.samples.buildings.shapes import Solid, Surface
from lookalike.samples.buildings.textures import Material

__all__ = ["Camera", "Pixels", "Renderer"]

Floats = npt.NDArray[np.float32]

#: Pixels drawn for each pixel of the picture, along each side.
SUPERSAMPLING = 2
_NEAR, _FAR = 0.4, 3000.0
_OSMESA = ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
_HINT = "on Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri (or libosmesa6)"


@dataclass(frozen=True)
class Camera:
    """Where a photo is taken from.

    Attributes:
        position: of the lens, metres.
        target: a point in the middle of the picture.
        view: vertical angle of view, degrees.
        roll: degrees by which the horizon is askew.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    view: float = 45.0
    roll: float = 0.0


@dataclass(frozen=True, eq=False)
class Pixels:
    """What was drawn, row 0 at the top; `SUPERSAMPLING` times the picture's size.

    Attributes:
        colour: `(h, w, 3)` float32 sRGB in 0–1, unlit.
        glow: `(h, w, 3)` float32 sRGB in 0–1, what surfaces give off; None where that was not asked for.
        place: `(h, w, 3)` float32, metres.
        normal: `(h, w, 3)` float32 unit vectors, towards the camera.
        distance: `(h, w)` float32, metres from the lens.
        sky: `(h, w)` bool, where nothing was drawn.
        sunlit: `(h, w)` bool, where nothing stands between the place and the sun.
        ray: `(h, w, 3)` float32, unit vectors from the lens.
    """

    colour: Floats
    glow: Floats | None
    place: Floats
    normal: Floats
    distance: Floats
    sky: npt.NDArray[np.bool_]
    sunlit: npt.NDArray[np.bool_]
    ray: Floats


def _open_window(side: int) -> Any:
    """A window of `side` × `side` pixels that draws off screen.

    Raises:
        MissingDependencyError: VTK is not installed, or the system lacks the library it draws with.
    """
    try:
        from vtkmodules import vtkRenderingOpenGL2
        from vtkmodules.vtkCommonCore import vtkLogger
        from vtkmodules.vtkRenderingCore import vtkRenderWindow
    except ImportError as error:
        raise MissingDependencyError(
            f"rendering landmarks needs VTK, which cannot be imported ({error}); pip install 'lookalike[synthetic]'"
        ) from error
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)  # a library that is missing is said below, in one line
    try:
        window: Any
        if sys.platform.startswith("linux"):
            window = vtkRenderingOpenGL2.vtkEGLRenderWindow()
            window.SetOffScreenRendering(1)
            if not window.SupportsOpenGL():
                if not _has_osmesa():
                    raise MissingDependencyError(
                        f"VTK finds neither EGL nor OSMesa to draw with; install one of them, {_HINT}"
                    )
                window = vtkRenderingOpenGL2.vtkOSOpenGLRenderWindow()
        else:
            window = vtkRenderWindow()
            window.SetOffScreenRendering(1)
        window.SetSize(side, side)
        window.SetMultiSamples(0)
    finally:
        vtkLogger.SetStderrVerbosity(verbosity)
    return window


def _has_osmesa() -> bool:
    for name in _OSMESA:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


class Renderer:
    """Draws scenes into square pictures; one a process, used by one thread.

    Args:
        size: side of the picture in pixels.

    Raises:
        MissingDependencyError: VTK is not installed, or the system lacks the library it draws with; it says which.
    """

    def __init__(self, size: int) -> None:
        self._side = size * SUPERSAMPLING
        self._window = _open_window(self._side)
        from vtkmodules.vtkRenderingCore import vtkRenderer

        self._scene = vtkRenderer()
        self._scene.SetBackground(0, 0, 0)
        self._window.AddRenderer(self._scene)
        self._textures: dict[tuple[int, bool], tuple[Material, Any]] = {}

    def draw(
        self,
        solid: Solid,
        materials: Mapping[str, Material],
        camera: Camera,
        sun: npt.NDArray[np.float64] | None,
        reach: float,
        glowing: bool = False,
    ) -> Pixels:
        """Draw a scene.

        Args:
            solid: everything that is there.
            materials: by the names that its surfaces use.
            camera: where from.
            sun: unit vector towards the sun; None when nothing is to throw a shadow.
            reach: metres around the camera's target within which things throw shadows.
            glowing: whether to draw what the surfaces give off too.
        """
        actors = self._build(solid, materials)
        try:
            sunlit_depth, to_sun = (None, None) if sun is None else self._shadow_map(camera, sun, reach)
            ahead = self._aim(camera)
            colour = self._render()
            depth = self._depth()
            glow = self._glow(actors) if glowing else None
        finally:
            self._scene.RemoveAllViewProps()
        return self._pixels(camera, colour, glow, depth, ahead, sunlit_depth=sunlit_depth, to_sun=to_sun, reach=reach)

    def _build(self, solid: Solid, materials: Mapping[str, Material]) -> list[tuple[Any, Material]]:
        """One actor a material: quads, their texture coordinates, tints as colours of their corners."""
        from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

        by_material: dict[str, list[Surface]] = {}
        for surface in solid:
            by_material.setdefault(surface.material, []).append(surface)
        actors = []
        for name, surfaces in by_material.items():
            material = materials[name]
            mapper = vtkPolyDataMapper()
            mapper.SetInputData(_poly_data(surfaces, material.metres))
            actor = vtkActor()
            actor.SetMapper(mapper)
            actor.SetTexture(self._texture(material, glow=False))
            actor.GetProperty().LightingOff()
            self._scene.AddActor(actor)
            actors.append((actor, material))
        return actors

    def _texture(self, material: Material, glow: bool) -> Any:
        """The material's tile on the card; the latest few hundred are kept."""
        from vtkmodules.util.numpy_support import numpy_to_vtk
        from vtkmodules.vtkCommonDataModel import vtkImageData
        from vtkmodules.vtkRenderingCore import vtkTexture

        key = (id(material), glow)
        if key in self._textures:
            return self._textures[key][1]
        tile = material.glow if glow else material.colour
        assert tile is not None
        image = vtkImageData()
        image.SetDimensions(tile.shape[1], tile.shape[0], 1)
        image.GetPointData().SetScalars(numpy_to_vtk(tile[::-1].reshape(-1, 3).copy(), deep=True))
        texture = vtkTexture()
        texture.SetInputData(image)
        texture.RepeatOn()
        texture.InterpolateOn()
        texture.MipmapOn()
        texture.SetMaximumAnisotropicFiltering(1)  # llvmpipe takes seconds for more where a plane meets the horizon
        if len(self._textures) >= 256:
            oldest = next(iter(self._textures))
            self._textures.pop(oldest)[1].ReleaseGraphicsResources(self._window)
        self._textures[key] = (material, texture)  # the material is held, so that its id stays its own
        return texture

    def _aim(self, camera: Camera) -> Floats:
        """Point VTK's camera; returns a vector a pixel, `(h, w, 3)`: metres travelled while going one metre ahead."""
        from vtkmodules.vtkRenderingCore import vtkCamera

        view = vtkCamera()
        view.SetPosition(*camera.position)
        view.SetFocalPoint(*camera.target)
        view.SetViewUp(0, 0, 1)
        view.SetViewAngle(camera.view)
        view.Roll(camera.roll)
        view.SetClippingRange(_NEAR, _FAR)
        self._scene.SetActiveCamera(view)
        matrix = view.GetViewTransformMatrix()
        right, up, back = (np.array([matrix.GetElement(row, k) for k in range(3)], np.float32) for row in range(3))
        slope = np.float32(np.tan(np.radians(camera.view / 2)))
        across = ((np.arange(self._side, dtype=np.float32) + np.float32(0.5)) / self._side * 2 - 1) * slope
        return np.asarray(across[None, :, None] * right - across[:, None, None] * up - back, np.float32)

    def _shadow_map(
        self, camera: Camera, sun: npt.NDArray[np.float64], reach: float
    ) -> tuple[Floats, npt.NDArray[np.float64]]:
        """Depths as the sun sees them, and the matrix from metres to its pixels."""
        from vtkmodules.vtkRenderingCore import vtkCamera

        view = vtkCamera()
        view.ParallelProjectionOn()
        view.SetParallelScale(reach)
        view.SetFocalPoint(*camera.target)
        view.SetPosition(*(np.array(camera.target) + sun * 3 * reach))
        view.SetViewUp(0, 0, 1)
        view.SetClippingRange(reach, 6 * reach)
        self._scene.SetActiveCamera(view)
        self._window.Render()
        return self._depth(), _matrix(view)

    def _render(self) -> Floats:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        self._window.Render()
        values = vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, self._side - 1, self._side - 1, 0, values, 0)
        picture = vtk_to_numpy(values).reshape(self._side, self._side, 3)[::-1]
        return np.asarray(picture / np.float32(255), np.float32)

    def _depth(self) -> Floats:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkFloatArray

        values = vtkFloatArray()
        self._window.GetZbufferData(0, 0, self._side - 1, self._side - 1, values)
        return np.asarray(vtk_to_numpy(values).reshape(self._side, self._side)[::-1], np.float32).copy()

    def _glow(self, actors: Sequence[tuple[Any, Material]]) -> Floats:
        """Draw once more: lit windows as they are, all else black."""
        for actor, material in actors:
            actor.GetMapper().ScalarVisibilityOff()
            if material.glow is None:
                actor.SetTexture(None)
                actor.GetProperty().SetColor(0, 0, 0)
            else:
                actor.SetTexture(self._texture(material, glow=True))
        return self._render()

    def _pixels(
        self,
        camera: Camera,
        colour: Floats,
        glow: Floats | None,
        depth: Floats,
        ahead: Floats,
        *,
        sunlit_depth: Floats | None,
        to_sun: npt.NDArray[np.float64] | None,
        reach: float,
    ) -> Pixels:
        side = self._side
        metres = _NEAR * _FAR / (_FAR - depth.astype(np.float64) * (_FAR - _NEAR))
        offset = ahead * metres.astype(np.float32)[..., None]  # float32 is good to a millimetre, near the camera
        length = np.sqrt(np.einsum("hwc,hwc->hw", ahead, ahead))
        ray = ahead / length[..., None]
        normal = _normals(offset, ray)
        place = offset + np.array(camera.position, np.float32)
        sunlit = np.ones((side, side), bool)
        if sunlit_depth is not None and to_sun is not None:
            matrix = to_sun.astype(np.float32)
            # Lifted by a texel and a half, or flat walls would shade themselves.
            lifted = (place + normal * np.float32(3.0 * reach / side)).reshape(-1, 3)
            across, up, far = (lifted @ matrix[:3, :3].T + matrix[:3, 3]).T
            column, row = ((across + 1) / 2 * side).astype(np.int32), ((1 - up) / 2 * side).astype(np.int32)
            within = (column >= 0) & (column < side) & (row >= 0) & (row < side)
            nearest = sunlit_depth.reshape(-1)[np.where(within, row * side + column, 0)]
            sunlit = (~within | ((far + 1) / 2 <= nearest + np.float32(1e-4))).reshape(side, side)
        return Pixels(colour, glow, place, normal, (metres * length).astype(np.float32), depth >= 1.0, sunlit, ray)


def _matrix(view: Any) -> npt.NDArray[np.float64]:
    """VTK's 4 × 4 matrix from metres to pixels in −1…1, for a square picture."""
    matrix = view.GetCompositeProjectionTransformMatrix(1.0, -1.0, 1.0)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _poly_data(surfaces: Sequence[Surface], metres: tuple[float, float]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points = np.concatenate([surface.points for surface in surfaces]).reshape(-1, 3).astype(np.float32)
    uv = (np.concatenate([surface.uv for surface in surfaces]).reshape(-1, 2) / metres).astype(np.float32)
    tints = np.concatenate([np.tile(np.array(s.tint), (len(s.points) * 4, 1)) for s in surfaces])
    first = np.arange(0, len(points), 4)[:, None]
    triangles = (first + np.array([0, 1, 2, 0, 2, 3])).reshape(-1)
    cells = vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(triangles.astype(np.int64), deep=True))
    data, corners = vtkPolyData(), vtkPoints()
    corners.SetData(numpy_to_vtk(points, deep=True))
    data.SetPoints(corners)
    data.SetPolys(cells)
    data.GetPointData().SetTCoords(numpy_to_vtk(uv, deep=True))
    data.GetPointData().SetScalars(numpy_to_vtk((np.clip(tints, 0, 1) * 255).astype(np.uint8), deep=True))
    return data


def _normals(place: Floats, ray: Floats) -> Floats:
    """Normals of the visible surface, from its neighbours on the side where it goes on most smoothly."""

    def slope(axis: int) -> Floats:
        step = np.diff(place, axis=axis)
        length = np.einsum("hwc,hwc->hw", step, step)
        first, last = (slice(0, 1), slice(None)), (slice(-1, None), slice(None))
        ends = (first, last) if axis == 0 else (first[::-1], last[::-1])
        before, after = (np.concatenate([step[ends[0]], step], axis), np.concatenate([step, step[ends[1]]], axis))
        nearer = np.concatenate([length[ends[0]], length], axis) < np.concatenate([length, length[ends[1]]], axis)
        return np.where(nearer[..., None], before, after)

    (ax, ay, az), (bx, by, bz) = np.moveaxis(slope(1), 2, 0), np.moveaxis(slope(0), 2, 0)
    normal = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=2)
    length = np.sqrt(np.einsum("hwc,hwc->hw", normal, normal))
    towards = np.einsum("hwc,hwc->hw", normal, ray) <= 0
    return np.asarray(normal * (np.where(towards, 1, -1) / np.maximum(length, 1e-12))[..., None], np.float32)
