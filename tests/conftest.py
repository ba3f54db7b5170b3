"""What several tests need: real faces as a user's folder, and a model whose answers about them are known."""

import contextlib
import dis
import functools
import os
import shutil
import signal
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from tests.forking_interpreter import ForkingInterpreter

from lookalike.index.core.engine_library import EngineLibrary

# The machines are shared: a slow example says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# Before another library imports faiss: all processes of a test compute with the same kernels then, to the last bit.
EngineLibrary("faiss").IndexFlatL2(1)

# A shell starts what it puts into the background with SIGINT ignored, and every child would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
#: Whoever uses one of these runs a network.
MODELS = {"linear_model", "tiny_model"}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    for item in items:
        if MODELS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.network)
        if {"milvus", "running_milvus"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.milvus)
    # At the end, one after the other: the server takes much of a processor as long as it runs.
    items.sort(key=lambda item: item.get_closest_marker("milvus") is not None)


@pytest.fixture(scope="session")
def shared_data():
    """The small real data beside the checkout; skips where it is absent, for the product never depends on it."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: no shared test data on this machine")
    return SHARED


@pytest.fixture(scope="session")
def forking_interpreter():
    """``forking_interpreter.run(program, folder=...)``: a Python program in a process that has torch already."""
    interpreter = ForkingInterpreter()
    yield interpreter
    interpreter.close()


@pytest.fixture(scope="session")
def orl():
    """The ORL faces as a picture set."""
    from lookalike.samples.orl_faces import orl_faces

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
    """A recipe that trains in about a second: small pictures, a thin network, few epochs. It need not learn much."""
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
def known_vectors(orl):
    """Where `tiny_model` puts the 400 ORL faces, in the order of `orl`: `(400, 32)` float64 of unit length.

    Chosen, not learned, so that every test knows who is near whom, by margins of which rounding is no part:

    - Two pictures of one person are less than 0.1 apart, in cosine distance; of the six in `people_folder`, 0.05.
      Picture 0 of s01 to s08 is the person's centre.
    - Pictures of two people are more than 0.59 apart; those of s01 to s08, between 0.88 and 1.13.
    - But s06 and s07 are look-alikes: their pictures are 0.52 to 0.67 apart. And picture 5 of s07 is a hard one: it is
      nearer to all of s06 (0.09 to 0.13) than to any other of s07 (0.23 to 0.3), so that error rates are not all zero.

    The centres of s01 to s08 are axes, those of the others columns of a Hadamard matrix: any two have a cosine of 0 or
    ±1/√32 = ±0.18. Each picture leans from its centre in a direction of its own.
    """
    import numpy as np
    from scipy.linalg import hadamard

    centres = np.concatenate([np.eye(32)[:8], hadamard(32) / np.sqrt(32)])
    centres[6] = 0.4 * centres[5] + np.sqrt(1 - 0.4**2) * centres[6]
    vectors = np.empty((len(orl), 32))
    for person, (name, positions) in enumerate(zip(orl.names, (mine for _, mine in orl.groups()), strict=True)):
        for number, position in enumerate(positions):
            lean = np.random.default_rng([person, number]).standard_normal(32)
            lean -= (lean @ centres[person]) * centres[person]
            sine = 0.0 if person < 8 and number == 0 else 0.1 + 0.02 * number
            vectors[position] = np.sqrt(1 - sine**2) * centres[person] + sine * lean / np.linalg.norm(lean)
            if (name, number) == ("s07", 5):
                vectors[position] += 1.6 * centres[5]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def linear_model():
    """Write a model folder that embeds given pictures as given vectors.

    A linear map of 32×32 grey pixels. Up to some hundreds of pictures span a part of its 1,024 dimensions in which any
    vectors can be given to them; the map of least norm is solved for in float64. Embedding in float32 leaves unit
    vectors as they are to about 1e-6, whatever the processor.
    """
    import numpy as np
    import torch

    from lookalike.embedder import Preprocessing
    from lookalike.embedder.model_card import ModelCard
    from lookalike.embedder.model_folder import save_model

    def write(folder, paths, vectors, name="tiny"):
        preprocessing = Preprocessing(image_size=(32, 32), channels=1, flip_average=False)
        pixels = np.stack([preprocessing.prepare(path).pixels.ravel() for path in paths])
        inputs = (pixels / 255 - preprocessing.mean) / preprocessing.std
        matrix, _, _, singular = np.linalg.lstsq(inputs, vectors)
        assert singular[0] / singular[-1] < 2000, "some pictures are so nearly alike that rounding matters"
        card = ModelCard(name=name, backbone="linear", embedding_size=vectors.shape[1], preprocessing=preprocessing)
        network = card.build()
        with torch.no_grad():
            network[1].weight.copy_(torch.from_numpy(matrix.T))
            network[2].running_var.fill_(1 - network[2].eps)  # so that the batch norm changes nothing
        save_model(folder, network, card)
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_model(orl, known_vectors, linear_model, tmp_path_factory):
    """A model folder that embeds the ORL faces as `known_vectors`, calibrated on s06, s07 and s08.

    Its thresholds are 0.56 for a false match rate of 0.1, the default, and 0.09 and 0.06 for 0.01 and 0.001.
    """
    import numpy as np

    from lookalike.embedder import Embedder
    from lookalike.progress import Reporter
    from lookalike.workflows.calibration import calibrate_on

    folder = linear_model(tmp_path_factory.mktemp("models") / "tiny", orl.paths, known_vectors)
    three = np.concatenate([mine[:6] for name, mine in orl.groups() if name in ("s06", "s07", "s08")])
    calibration = calibrate_on(Embedder.load(folder), orl.select(three), Reporter(), source="three people of ORL")
    calibration.save(folder / "calibration.json")
    return folder


@pytest.fixture(scope="session")
def threads():
    """How many of torch, here and in the processes that tests start: one, or what OMP_NUM_THREADS says.

    Networks this small only wait for a second one; but CI asks for two as well, see `make test-processors`.
    """
    return int(os.environ.get("OMP_NUM_THREADS", "1").split(",")[0])


@pytest.fixture
def one_thread(threads):
    """As many threads as `threads` says, one where CI asks for no more: sums repeat themselves on one machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def changed_meanwhile() -> Callable[..., AbstractContextManager[None]]:
    """While the block runs, another connection enrolls and forgets five people, again and again.

    Called with the gallery's path, and a function from a person's number, 1 to 5, to the vectors.
    """

    @contextlib.contextmanager
    def changing(path: Path, vectors_of: Callable[[int], object]) -> Iterator[None]:
        from lookalike.gallery import open_gallery

        stop = threading.Event()

        def change() -> None:
            with open_gallery(path) as other:
                while not stop.is_set():
                    for n in range(1, 6):
                        other.enroll(f"p{n}", vectors_of(n))
                    for n in range(1, 6):
                        other.forget(f"p{n}")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    return changing


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
    is one, but for the few between the end of a `with` block and the call that leaves it, and the one that stands for
    `try:`. No signal comes there, and no program could be right if one did.

    Returns None where the exception was raised, else how many points there were.
    """
    return _interrupted


@functools.cache
def _no_points(code: object) -> frozenset[int]:
    """Offsets of the instructions that load what `__exit__` is called with, and of those that do nothing.

    `try:` compiles to one of the latter, which CPython 3.11 leaves out of the range that an enclosing `with` covers.
    """
    steps = list(dis.get_instructions(code))
    found = {step.offset for step in steps if step.opname == "NOP"}
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
        if event == "opcode" and frame.f_lasti not in _no_points(frame.f_code):
            point()
        return local

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(names):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    def profile(frame, event, argument):
        if event not in ("call", "return", "c_return") or not frame.f_code.co_filename.startswith(names):
            return
        # The end of a generator expression is also where one that was left early is thrown away. Nothing raised there
        # is ever seen, and no signal comes there; behind the call that used it there is a point of its own.
        if not (event == "return" and frame.f_code.co_name == "<genexpr>"):
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


@pytest.fixture
def some_people(people_folder, tmp_path):
    """Copy the first people, and of each the first pictures, into a folder of the test's own."""

    def copy(people, pictures, folder="photos"):
        for person in sorted(people_folder.iterdir())[:people]:
            (tmp_path / folder / person.name).mkdir(parents=True)
            for picture in sorted(person.iterdir())[:pictures]:
                shutil.copy(picture, tmp_path / folder / person.name)
        return tmp_path / folder

    return copy


@pytest.fixture(scope="session")
def _enrolled(people_folder, tiny_model, tmp_path_factory):
    from lookalike import Embedder, Recognizer, open_gallery

    path = tmp_path_factory.mktemp("galleries") / "people.gallery"
    with open_gallery(path) as gallery:
        recognizer = Recognizer(Embedder.load(tiny_model), gallery)
        for name in ("s01", "s02", "s03"):
            recognizer.enroll(name, sorted((people_folder / name).iterdir())[:2])
    return path


@pytest.fixture
def gallery(_enrolled, tmp_path_factory):
    """A gallery of three people with two templates each; the test's own."""
    return shutil.copytree(_enrolled, tmp_path_factory.mktemp("own") / "people.gallery")


@pytest.fixture
def bad_picture(people_folder):
    """Write a picture that cannot be used."""

    def bomb():
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
        pixels = zlib.compress(bytes(1000))
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

    def truncated():
        whole = (people_folder / "s01" / "0.png").read_bytes()
        return whole[: len(whole) // 2]

    contents = {"text": lambda: b"not a picture", "empty": lambda: b"", "bomb": bomb, "truncated": truncated}

    def write(kind, path):
        path.write_bytes(contents[kind]())
        return path

    return write


@pytest.fixture
def snapshot():
    """Everything below a folder, to show that nothing changed."""

    def take(folder):
        return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}

    return take


@pytest.fixture(scope="session")
def group_photo(orl, tmp_path_factory):
    """A photo of five people, s01 to s05, two in a row; enlarged threefold, so that dlib finds them.

    Each stands in a cell of 336×396 pixels.
    """
    photo = Image.new("L", (2 * 336 + 60, 3 * 396 + 60), 128)
    for number, name in enumerate(("s01", "s02", "s03", "s04", "s05")):
        with Image.open(orl.of([name]).paths[4]) as face:
            large = face.resize((276, 336), Image.Resampling.BICUBIC)
        photo.paste(large, (60 + number % 2 * 336, 60 + number // 2 * 396))
    path = tmp_path_factory.mktemp("group") / "group.png"
    photo.save(path)
    return path


@pytest.fixture(scope="session")
def _friends(orl, tmp_path_factory):
    from lookalike import Embedder, Recognizer, open_gallery

    path = tmp_path_factory.mktemp("galleries") / "friends.gallery"
    with open_gallery(path) as opened:
        recognizer = Recognizer(Embedder.load("dlib"), opened)
        for name in ("s01", "s02", "s03", "s04"):
            recognizer.enroll(name, list(orl.of([name]).paths[:2]))
    return path


@pytest.fixture
def friends(_friends, tmp_path_factory):
    """A gallery by dlib of s01 to s04, two templates each; the test's own.

    Of the faces of `group_photo`, each of these is at most 0.43 from its own templates and at least 0.62 from the
    others'; s05 is at least 0.65 from all.
    """
    return shutil.copytree(_friends, tmp_path_factory.mktemp("own") / "friends.gallery")


@pytest.fixture(scope="session")
def running_milvus(tmp_path_factory):
    """A Milvus server for all tests; skips where the wheel has none for this system."""
    from tests.milvus_server import MilvusServer, why_not

    if reason := why_not():
        pytest.skip(f"no Milvus server: {reason}")
    folder = tmp_path_factory.getbasetemp()
    # Processes of pytest-xdist have folders of their own in one of all.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with MilvusServer(shared / "milvus").running() as server:
        yield server


@pytest.fixture
def milvus(running_milvus):
    """The same while one test uses it; `milvus.address()` is a gallery of its own."""
    with running_milvus.used():
        yield running_milvus
