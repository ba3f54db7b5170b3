"""What several tests need: real faces as a user's folder, and a model that was really trained, if briefly."""

import contextlib
import dis
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

# The machines are shared: a slow example says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """The small real data beside the checkout; skips where it is absent, for the product never depends on it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: no shared test data on this machine")
    return SHARED


@pytest.fixture(scope="session")
def orl():
    """The ORL faces as a picture set."""
    from lookalike.datasets import orl_faces

    return orl_faces()


@pytest.fixture(scope="session")
def people_folder(orl, tmp_path_factory):
    """Eight real people as a user keeps them: a folder each, six PNG pictures in it."""
    root = tmp_path_factory.mktemp("people")
    for name in orl.names[:8]:
        (root / name).mkdir()
        for number, path in enumerate(orl.of([name]).paths[:6]):
            with Image.open(path) as image:
                image.save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def tiny_recipe():
    """A recipe that trains in about two seconds: small pictures, a thin network, few epochs."""
    from lookalike.training import Recipe

    return Recipe.of(
        {
            "backbone": "mobilefacenet",
            "backbone_options": {"width": 0.25, "activation": "relu", "dropout": 0.1},
            "embedding_size": 32,
            "preprocessing": {"image_size": (32, 32), "channels": 1},
            "epochs": 4,
            "batch_size": 16,
            "scale": 16.0,
        }
    )


@pytest.fixture(scope="session")
def tiny_model(people_folder, tiny_recipe, tmp_path_factory):
    """A model folder, trained on five of the eight people and calibrated on the other three."""
    import torch

    from lookalike.cli.measuring import calibrate_on
    from lookalike.datasets import read_pictures
    from lookalike.embedder import Embedder
    from lookalike.training import train

    folder = tmp_path_factory.mktemp("models") / "tiny"
    pictures = read_pictures(people_folder)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as `one_thread`, which is no session's fixture
    try:
        # Four epochs leave batch normalisation's statistics so far behind that all embeddings nearly agree: rounding
        # decided who was who.
        recipe = tiny_recipe.model_copy(update={"epochs": 20, "margin": 0.2})
        train(pictures.of(pictures.names[:5]), recipe, folder)
        embedder = Embedder.load(folder)
        calibrate_on(embedder, pictures.of(pictures.names[5:]), "three people of ORL").save(folder / "calibration.json")
    finally:
        torch.set_num_threads(before)
    return folder


@pytest.fixture
def one_thread():
    """Bit-for-bit repeatable sums, whatever else the machine does."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def nobody() -> Callable[[Path], AbstractContextManager[None]]:
    """Work in a folder without root's right to read everything."""

    @contextlib.contextmanager
    def as_nobody(folder: Path) -> Iterator[None]:
        before, root = Path.cwd(), os.geteuid() == 0
        folder.chmod(0o755)
        os.chdir(folder)  # relative paths need no way through folders that only root may enter
        if root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)
            os.chdir(before)

    return as_nobody


@pytest.fixture(scope="session")
def interrupted() -> Callable[..., int | None]:
    """Run a function and raise `KeyboardInterrupt` in it, as Ctrl-C does: `interrupted(act, files, at, bytecodes)`.

    Points are counted from 0 in frames of these source files. CPython looks for signals where a function begins,
    behind a call, and where a loop goes back; without `bytecodes` only the first two are points. With it every bytecode
    is one, but for the few between the end of a `with` block and the call that leaves it: no signal comes there, and no
    program could be right if one did.

    Returns None where the exception was raised, else how many points there were.
    """
    return _interrupted


@functools.cache
def _between_with_and_exit(code: object) -> frozenset[int]:
    """Offsets of the instructions that load what `__exit__` is called with."""
    steps = list(dis.get_instructions(code))
    found: set[int] = set()
    for start in range(len(steps) - 4):
        loads = steps[start : start + 3]
        call = steps[start + 3]
        if call.opname in ("PRECALL", "CALL") and call.argval == 2 and all(
            step.opname == "LOAD_CONST" and step.argval is None for step in loads
        ):  # fmt: skip
            last = start + 4 if call.opname == "PRECALL" else start + 3
            first = start - 1 if start and steps[start - 1].opname in ("SWAP", "POP_BLOCK", "NOP") else start
            found.update(step.offset for step in steps[first : last + 1])
    return frozenset(found)


def _interrupted(act: Callable[[], object], files: list[Path], at: int, bytecodes: bool = False) -> int | None:
    points, names = 0, tuple(str(file) for file in files)

    def point() -> None:
        nonlocal points
        points += 1
        if points == at + 1:
            raise KeyboardInterrupt

    def local(frame, event, argument):
        if event == "opcode" and frame.f_lasti not in _between_with_and_exit(frame.f_code):
            point()
        return local

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(names):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    def profile(frame, event, argument):
        if event in ("call", "return", "c_return") and frame.f_code.co_filename.startswith(names):
            point()

    set_hook, hook = (sys.settrace, trace) if bytecodes else (sys.setprofile, profile)
    before = sys.gettrace() if bytecodes else sys.getprofile()
    try:
        set_hook(hook)
        try:
            act()
        finally:
            set_hook(before)
    except KeyboardInterrupt:
        assert points == at + 1
        return None
    return points
