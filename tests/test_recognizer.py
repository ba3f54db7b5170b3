"""The recognizer against its parts: the embedder's vectors, the gallery's search, the calibration's threshold."""

import copy
import gc
import itertools
import math
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.decisions.misses import MissCurve
from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.promise import Promise
from lookalike.decisions.tail import ImpostorTail
from lookalike.distances import pairwise
from lookalike.embedder import Calibration, OperatingPoint
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import FingerprintError, ImageError, InputError, NoFaceError, VectorError

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def embedder(tiny_model):
    return Embedder.load(tiny_model)


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        yield opened


@pytest.fixture
def recognizer(embedder, gallery):
    return Recognizer(embedder, gallery, threshold=0.5)


@pytest.fixture(scope="module")
def faces(people_folder):
    return {person.name: sorted(person.iterdir()) for person in sorted(people_folder.iterdir())}


def test_identify_is_the_nearest_template_of_all(recognizer, embedder, faces):
    names = ("s01", "s02", "s03", "s04")
    for name in names:
        recognizer.enroll(name, faces[name][:3])
    enrolled = {name: embedder.embed(faces[name][:3]) for name in names}
    for probe in (faces["s01"][4], faces["s03"][5], faces["s08"][0]):
        vector = embedder.embed([probe])
        nearest = sorted((float(pairwise(vector, enrolled[name], "cosine").min()), name) for name in names)
        found = recognizer.identify(probe, k=3)
        assert [c.distance for c in found.candidates] == pytest.approx([d for d, _ in nearest[:3]], abs=1e-6)
        assert found.distance == found.candidates[0].distance
        assert found.identity == (found.candidates[0].identity if found.distance <= 0.5 else None)


def test_the_threshold_itself_still_matches(embedder, gallery, faces):
    Recognizer(embedder, gallery).enroll("Ada", faces["s01"][0])
    distance = Recognizer(embedder, threshold=1.0).verify(faces["s01"][0], faces["s02"][0]).distance
    at, below = (Recognizer(embedder, gallery, threshold=t) for t in (distance, np.nextafter(distance, -1)))
    assert at.verify(faces["s01"][0], faces["s02"][0]).match
    assert not below.verify(faces["s01"][0], faces["s02"][0]).match
    reached = at.identify(faces["s02"][0]).distance
    assert Recognizer(embedder, gallery, threshold=reached).identify(faces["s02"][0]).identity == "Ada"
    nobody = Recognizer(embedder, gallery, threshold=np.nextafter(reached, -1)).identify(faces["s02"][0])
    assert nobody.identity is None
    assert nobody.candidates[0].identity == "Ada"


def test_verify_is_the_distance_of_two_pictures_and_needs_no_gallery(embedder, faces):
    answer = Recognizer(embedder).verify(faces["s01"][0], faces["s02"][0])
    vectors = embedder.embed([faces["s01"][0], faces["s02"][0]])
    assert answer.distance == pytest.approx(float(pairwise(vectors[:1], vectors[1:], "cosine")[0, 0]), abs=1e-6)
    assert answer.threshold == embedder.calibration.threshold()
    assert "three people of ORL" in answer.threshold_source
    with pytest.raises(InputError, match="has no gallery; give it one"):
        Recognizer(embedder).enroll("Ada", faces["s01"][0])


def test_an_empty_gallery_knows_nobody(recognizer, faces):
    answer = recognizer.identify(faces["s01"][0])
    assert (answer.identity, answer.distance, answer.candidates) == (None, math.inf, ())


def test_where_thresholds_come_from(embedder, faces):
    for target in (0.1, 0.01, 0.001):
        assert Recognizer(embedder, target_fmr=target).threshold.distance == embedder.calibration.threshold(target)
    assert Recognizer(embedder, threshold=0).threshold.distance == 0
    with pytest.raises(InputError, match="give one of them"):
        Recognizer(embedder, threshold=0.5, target_fmr=0.1)
    for bad in (math.nan, math.inf):
        with pytest.raises(InputError, match="expected a distance"):
            Recognizer(embedder, threshold=bad)
    with pytest.raises(InputError, match=r"-0\.1, and no cosine distance is negative"):
        Recognizer(embedder, threshold=-0.1)
    with pytest.raises(InputError, match=r"choose one of 0\.1, 0\.01, 0\.001"):
        Recognizer(embedder, target_fmr=math.nan).verify(faces["s01"][0], faces["s01"][1])


def test_a_model_and_a_gallery_by_their_addresses(tiny_model, faces, tmp_path):
    with Recognizer(str(tiny_model), tmp_path / "g") as recognizer:
        recognizer.enroll("Ada", faces["s01"][0])
        assert repr(recognizer).startswith("Recognizer(<NetworkEmbedder 'tiny': 32 dimensions, cosine, fingerprint ")
        assert "g': 1 person, 1 template, of model 'tiny'>" in repr(recognizer)
    with pytest.raises(InputError, match="is closed"):
        recognizer.identify(faces["s01"][1])
    assert repr(recognizer).endswith("g': closed>)")
    recognizer.close()  # a second time
    assert Recognizer(tiny_model, str(tmp_path / "g")).identify(faces["s01"][0]).identity == "Ada"


def test_a_gallery_that_was_open_is_left_open(embedder, gallery, faces):
    with Recognizer(embedder, gallery) as recognizer:
        recognizer.enroll("Ada", faces["s01"][0])
    assert gallery.names() == ["Ada"]


def test_a_gallery_of_another_model_is_not_left_open(embedder, tmp_path):
    from lookalike.gallery.database import Database

    Recognizer(embedder, tmp_path / "g").close()
    gc.collect()  # a database closes once more when it is collected, this one and those of other tests
    opened, close = [], Database.close
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "close", lambda self: (opened.append(self), close(self)))
        with pytest.raises(FingerprintError, match="belongs to model 'tiny'"):
            Recognizer("dlib", tmp_path / "g")
    assert [one.closed for one in opened] == [True]


def test_what_is_neither_model_nor_gallery_is_named(embedder):
    with pytest.raises(InputError, match="int is no embedder; give a model's name or folder"):
        Recognizer(5)
    with pytest.raises(InputError, match="dict is no gallery; give its address"):
        Recognizer(embedder, {})


def test_one_picture_or_several_of_any_kind(recognizer, gallery, faces):
    path = faces["s01"][0]
    content = path.read_bytes()
    pixels = np.zeros((40, 30), np.uint8)
    for number, one in enumerate([path, str(path), content, bytearray(content), memoryview(content), pixels]):
        assert len(recognizer.enroll(f"one {number}", one).template_ids) == 1
    assert len(recognizer.enroll("several", (path, faces["s01"][1])).template_ids) == 2
    assert [t.source for t in gallery.templates("several")] == [str(path), str(faces["s01"][1])]
    assert [t.source for t in gallery.templates("one 2")] == [""]
    with pytest.raises(VectorError, match="empty"):
        recognizer.enroll("nobody", [])


def test_a_bad_picture_is_named_and_nobody_is_enrolled(recognizer, gallery, faces, tmp_path):
    (tmp_path / "x.png").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"x\.png is not a picture"):
        recognizer.enroll("Ada", [faces["s01"][0], tmp_path / "x.png"])
    with pytest.raises(ImageError, match="picture 2: the picture is not"):
        recognizer.verify(faces["s01"][0], b"not a picture")
    with pytest.raises(InputError, match="empty name"):
        recognizer.enroll("", faces["s01"][0])
    assert len(gallery) == 0


def test_a_gallery_of_another_model_is_refused(gallery, recognizer, faces):
    recognizer.enroll("Ada", faces["s01"][0])
    with pytest.raises(FingerprintError, match=r"belongs to model 'tiny'.*'dlib'"):
        Recognizer(Embedder.load("dlib"), gallery)


def test_faces_are_found_and_what_was_seen_is_said(gallery):
    grey = np.full((200, 200, 3), 128, np.uint8)
    with pytest.raises(NoFaceError, match=r"picture 1: no face was found .*--cropped"):
        Recognizer(Embedder.load("dlib"), gallery).enroll("Ada", grey)
    enrolled = Recognizer(Embedder.load("dlib", cropped=True), gallery).enroll("Ada", grey)
    assert enrolled.notes == ("picture 1: no face was found; the whole picture is taken for one",)


@pytest.fixture(scope="module")
def promising(tiny_model, people_folder):
    """The tiny model with a calibration on all eight people: enough pairs for a tail."""
    from lookalike.datasets import read_pictures
    from lookalike.progress import Reporter
    from lookalike.workflows.calibration import calibrate_on

    embedder = Embedder.load(tiny_model)
    embedder.calibration = calibrate_on(
        embedder, read_pictures(people_folder), Reporter(), source="eight people of ORL"
    )
    return embedder


def test_the_threshold_of_a_promise_follows_the_gallery(promising, gallery, faces):
    recognizer = Recognizer(promising, gallery, promise="fpir=0.2")
    seen = []
    for number, name in enumerate(("s01", "s02", "s03", "s04"), 1):
        recognizer.enroll(name, faces[name][:2])
        answer = recognizer.identify(faces["s05"][0])
        assert (answer.identities, answer.templates) == (number, 2 * number)
        assert answer.threshold == promising.calibration.threshold_for(fpir=0.2, gallery=2 * number)
        assert answer.promised.templates == 2 * number
        assert answer.promised.bound == answer.fpir_bound <= 0.2 * (1 + 1e-9)
        assert f"among {2 * number} templates" in answer.threshold_source
        seen.append(answer.threshold)
        gallery.tag(name, {"first": "no" if number > 1 else "yes"})
        among_one = recognizer.identify(faces["s05"][0], where={"first": "yes"})
        assert (among_one.templates, among_one.threshold) == (2, seen[0])
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 4
    gallery.forget("s04")
    assert recognizer.threshold.distance == seen[2]


def test_a_promise_per_comparison_does_not_follow_it(promising, gallery, faces):
    by_promise = Recognizer(promising, gallery, promise=Promise("fmr", 0.02))
    by_rate = Recognizer(promising, gallery, target_fmr=0.02)  # not among the measured ones
    by_promise.enroll("s01", faces["s01"][:3])
    answer = by_promise.identify(faces["s01"][4])
    assert answer.threshold == by_rate.threshold.distance == promising.calibration.threshold_for(fmr=0.02)
    assert by_rate.verify(faces["s01"][0], faces["s01"][1]).promised.promise == Promise("fmr", 0.02)
    assert Recognizer(promising, target_fmr=0.01).verify(faces["s01"][0], faces["s01"][1]).promised is None


def test_a_calibration_may_carry_the_promise_itself(promising, gallery, faces, monkeypatch):
    carried = promising.calibration.model_copy(update={"promise": Promise("fpir", 0.2)})
    monkeypatch.setattr(promising, "calibration", carried)
    recognizer = Recognizer(promising, gallery)
    recognizer.enroll("s01", faces["s01"][:2])
    answer = recognizer.identify(faces["s01"][4])
    assert answer.promised.promise == Promise("fpir", 0.2)
    assert answer.threshold == carried.threshold_for(fpir=0.2, gallery=2)
    # What is asked for goes before it.
    assert Recognizer(promising, gallery, threshold=0.3).identify(faces["s01"][4]).threshold == 0.3
    assert Recognizer(promising, gallery, target_fmr=0.01).identify(faces["s01"][4]).promised is None
    asked = Recognizer(promising, gallery, promise="fpir=0.1").identify(faces["s01"][4])
    assert asked.promised.promise == Promise("fpir", 0.1)


def test_promises_that_cannot_be_kept_are_refused(embedder, promising, gallery, faces):
    for changes in ({"threshold": 0.5}, {"target_fmr": 0.1}):
        with pytest.raises(InputError, match="both a promise and"):
            Recognizer(promising, promise="fpir=0.1", **changes)
    with pytest.raises(InputError, match="expected fpir=RATE"):
        Recognizer(promising, promise="often")
    with pytest.raises(InputError, match="is a promise about photos without a landmark"):
        Recognizer(promising, promise=Promise("fpr", 0.01))
    with pytest.raises(InputError, match=r"three people of ORL.*too few"):
        Recognizer(embedder, promise="fpir=0.1").verify(faces["s01"][0], faces["s01"][1])
    with pytest.raises(InputError, match=r"times beyond .* calibrate on more identities"):
        Recognizer(promising, gallery, promise="fpir=1e-9").identify(faces["s01"][0])
    for changes, message in (
        ({"margin": -1}, "margin"),
        ({"margin": math.nan}, "margin"),
        ({"mated_share": 1}, "share"),
    ):
        with pytest.raises(InputError, match=message):
            Recognizer(promising, **changes)


def test_one_person_under_two_names_is_ambiguous(promising, gallery, faces):
    for options in ({}, {"promise": "fpir=0.2"}, {"threshold": 0.5}):
        recognizer = Recognizer(promising, gallery, **options)
        for name in ("Ada", "Augusta"):
            recognizer.enroll(name, faces["s01"][0])
        answer = recognizer.identify(faces["s01"][0], k=1)
        assert (answer.decision, answer.identity) == ("ambiguous", None)
        assert answer.margin == pytest.approx(0, abs=1e-6)
        assert len(answer.candidates) == 1, "the second is looked at, not reported"
        assert answer.probability <= 0.5


def test_the_margin_decides_between_two_within_the_threshold(promising, gallery, faces):
    Recognizer(promising, gallery).enroll("Ada", faces["s01"][0])
    Recognizer(promising, gallery).enroll("Bob", faces["s02"][0])
    gap = Recognizer(promising, gallery, threshold=2.0).identify(faces["s01"][0]).margin
    assert gap > 0
    for margin, decision in ((gap, "ambiguous"), (math.nextafter(gap, 0), "match"), (0, "match"), (None, "match")):
        answer = Recognizer(promising, gallery, threshold=2.0, margin=margin).identify(faces["s01"][0])
        assert (answer.decision, answer.identity) == (decision, "Ada" if decision == "match" else None)
    # A second identity beyond the threshold is no rival, however large the margin.
    apart = Recognizer(promising, gallery, threshold=gap / 2, margin=9.0).identify(faces["s01"][0])
    assert apart.decision == "match"


def test_between_the_promise_and_what_is_expected_lies_doubt(promising, gallery, faces, monkeypatch):
    a, b = faces["s01"][0], faces["s02"][0]
    distance = Recognizer(promising, threshold=1.0).verify(a, b).distance
    Recognizer(promising, gallery).enroll("Ada", a)
    tail = promising.calibration.tail.model_copy(
        update={"distances": (0.9 * distance, 1.1 * distance), "rates": (1e-4, 1e-3), "upper": (2e-2, 3e-2)}
    )
    monkeypatch.setattr(promising, "calibration", promising.calibration.model_copy(update={"tail": tail}))
    recognizer = Recognizer(promising, gallery, promise="fmr=0.01")
    assert recognizer.verify(a, b).decision == recognizer.identify(b).decision == "ambiguous"
    assert not recognizer.verify(a, b).match
    assert recognizer.identify(b).identity is None
    assert recognizer.identify(b).candidates[0].identity == "Ada"
    assert recognizer.verify(a, a).decision == "match"


def test_probabilities_are_those_of_the_odds(promising, gallery, faces):
    recognizer = Recognizer(promising, gallery, mated_share=0.1)
    for name in ("s01", "s02"):
        recognizer.enroll(name, faces[name][:2])
    answer = recognizer.identify(faces["s01"][3])
    odds = promising.calibration.odds
    assert answer.probability == odds.among([c.distance for c in answer.candidates], 2, 0.1)[0]
    assert answer.probability < Recognizer(promising, gallery).identify(faces["s01"][3]).probability
    pair = recognizer.verify(faces["s01"][0], faces["s01"][3])
    assert pair.probability == odds.probability(pair.distance)
    assert (pair.decision == "match") == pair.match


# --- two candidates, whatever was measured: pictures that say themselves where they lie ---------------------


class Plane(Embedder):
    """Pictures of one row of eight pixels, whose bytes are a point of the plane."""

    name, fingerprint, metric, dimension = "plane", "0123456789abcdef", "euclidean", 2

    def prepare(self, picture):
        return Prepared(np.asarray(picture))

    def embed_prepared(self, pixels):
        return np.ascontiguousarray(pixels).view(np.float32).reshape(len(pixels), 2)


def at(x, y):
    return np.array([[x, y]], np.float32).view(np.uint8)


def calibrated(threshold, odds):
    """The plane with a calibration of that threshold."""
    embedder = Plane()
    point = OperatingPoint(
        target_fmr=0.01,
        threshold=threshold,
        fmr=0.0,
        fnmr=0.1,
        fnmr_low=0.0,
        fnmr_high=0.5,
        impostor_pairs=27,
        sufficient=False,
    )
    embedder.calibration = Calibration(
        fingerprint=embedder.fingerprint,
        metric=embedder.metric,
        source="three points",
        identities=3,
        pictures=9,
        genuine_pairs=9,
        impostor_pairs=27,
        eer=0.1,
        eer_threshold=threshold,
        points=(point,),
        default_target_fmr=0.01,
        odds=odds,
    )
    return embedder


@pytest.fixture(scope="module")
def one_apart(tmp_path_factory):
    """Bob in the middle, Ada one away from him: on a circle around Bob only Ada comes nearer."""
    with open_gallery(tmp_path_factory.mktemp("plane") / "g") as opened:
        recognizer = Recognizer(Plane(), opened, threshold=1.0)
        recognizer.enroll("Bob", at(0, 0))
        recognizer.enroll("Ada", at(1, 0))
        yield opened


def on_the_circle(distance):
    """A picture one away from Bob, and so far from Ada."""
    angle = 2 * math.asin(distance / 2)
    return at(math.cos(angle), math.sin(angle))


@st.composite
def some_odds(draw):
    """None, or odds of any strength over any distances; the weakest say nothing at all."""
    if draw(st.booleans()):
        return None
    grid = sorted(draw(st.sets(st.integers(0, 300).map(lambda n: n / 100), min_size=1, max_size=6)))
    strength = draw(st.sampled_from([0.0, 0.5, 2.0, 30.0]))
    ratios = draw(st.lists(st.floats(-1, 1), min_size=len(grid), max_size=len(grid)))
    ordered = tuple(sorted((strength * ratio for ratio in ratios), reverse=True))
    return MatchOdds(distances=tuple(grid), log_ratios=ordered, cllr=0.5)


CERTAINTY = {"unknown": 0, "ambiguous": 1, "match": 2}
#: As measured on three people: the distances of genuine pairs begin at 0.9, and odds say the same of all below.
SATURATED = MatchOdds(distances=(0.9, 1.5), log_ratios=(1.2, -1.2), cllr=0.8)


@given(some_odds(), st.floats(0.05, 2.0), st.sampled_from([{}, {"threshold": 1.05}, {"margin": 0.3}]))
@example(SATURATED, 1.1, {})
def test_a_nearer_first_is_never_less_certain(one_apart, odds, threshold, options):
    recognizer = Recognizer(calibrated(threshold, odds), one_apart, **options)
    answers = [recognizer.identify(on_the_circle(distance)) for distance in np.linspace(0.99, 0, 12)]
    for farther, nearer in itertools.pairwise(answers):
        assert nearer.candidates[0].identity == "Ada"
        assert CERTAINTY[nearer.decision] >= CERTAINTY[farther.decision]
        assert odds is None or nearer.probability >= farther.probability - 1e-6


@given(some_odds(), st.floats(0.05, 15.0))
@example(SATURATED, 1.1)
def test_an_enrolled_picture_is_recognised(one_apart, odds, threshold):
    """Distance 0 to one identity, and clearly more to the other: no odds and no threshold make nobody of it."""
    answer = Recognizer(calibrated(threshold, odds), one_apart).identify(at(1, 0))
    assert (answer.decision, answer.identity, answer.distance) == ("match", "Ada", 0)
    assert answer.margin == pytest.approx(1)


def test_clearly_nearer_is_a_match_though_weak_odds_could_not_tell(one_apart):
    weak = Recognizer(calibrated(1.1, SATURATED), one_apart)
    assert weak.identify(on_the_circle(0.4)).identity == "Ada"  # nearer by more than half of the threshold
    assert weak.identify(on_the_circle(0.5)).decision == "ambiguous"
    steep = MatchOdds(distances=(0.0, 2.0), log_ratios=(30.0, -30.0), cllr=0.1)
    strong = Recognizer(calibrated(1.1, steep), one_apart)
    assert strong.identify(on_the_circle(0.9)).identity == "Ada"  # e**3 times likelier
    assert strong.identify(on_the_circle(0.95)).decision == "ambiguous"


def test_an_answer_says_that_its_calibration_is_weak(one_apart):
    weak = Recognizer(calibrated(1.1, SATURATED), one_apart)
    for answer in (weak.identify(at(1, 0)), weak.verify(at(0, 0), at(1, 0))):
        assert "three points, no pair was more than 77% likely a match" in answer.weakness
    strong = MatchOdds(distances=(0.1, 2.0), log_ratios=(5.0, -5.0), cllr=0.1)
    for odds in (strong, None):
        recognizer = Recognizer(calibrated(1.1, odds), one_apart)
        assert recognizer.identify(at(1, 0)).weakness == recognizer.verify(at(0, 0), at(1, 0)).weakness == ""


def test_threshold_size_and_candidates_are_of_one_state(tmp_path, changed_meanwhile):
    """While another connection enrolls and forgets, an answer's threshold is that of the gallery it searched."""
    embedder = calibrated(0.5, None)
    tail = ImpostorTail(
        start=1.0,
        start_rate=0.1,
        logarithmic=False,
        scale=0.1,
        shape=0.0,
        exceedances=100,
        identity_pairs=100,
        impostor_pairs=10**6,
        dispersion=0.0,
        distances=(0.01, 1.0),
        rates=(1e-6, 0.1),
        upper=(1e-6, 0.1),
    )
    misses = MissCurve(distances=(0.0, 1.0), fnmr=(1.0, 0.0), low=(0.5, 0.0), high=(1.0, 0.1))
    embedder.calibration = embedder.calibration.model_copy(update={"tail": tail, "misses": misses})
    seen = set()
    with open_gallery(tmp_path / "g") as gallery:
        recognizer = Recognizer(embedder, gallery, promise="fpir=0.01")
        recognizer.enroll("p0", [at(0, 0), at(0, 1)])
        with changed_meanwhile(tmp_path / "g", lambda n: [[n, 0], [n, 1]]):
            for _ in range(200):
                answer = recognizer.identify(at(0, 0), k=99)
                assert answer.identity == "p0"
                assert answer.templates == 2 * answer.identities == 2 * len(answer.candidates)
                assert answer.promised.templates == answer.templates
                assert answer.threshold == embedder.calibration.threshold_for(fpir=0.01, gallery=answer.templates)
                seen.add(answer.identities)
    assert len(seen) > 1


# --- many pictures at once ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Twelve identities in the plane, two templates each, some of them near one another."""
    draw = np.random.default_rng(5)
    with open_gallery(tmp_path_factory.mktemp("crowd") / "g") as opened:
        recognizer = Recognizer(Plane(), opened, threshold=1.0)
        for number in range(12):
            x, y = draw.uniform(0, 4, 2)
            recognizer.enroll(f"p{number}", [at(x, y), at(x + 0.1, y)])
        yield opened


@given(
    st.lists(st.tuples(st.floats(0, 4, width=32), st.floats(0, 4, width=32)), max_size=9),
    some_odds(),
    st.integers(1, 13),
    st.sampled_from([{}, {"threshold": 0.7}, {"margin": 0.3}]),
)
def test_many_pictures_are_answered_as_one_by_one(crowd, points, odds, k, options):
    recognizer = Recognizer(calibrated(0.8, odds), crowd, **options)
    pictures = [at(x, y) for x, y in points]
    assert recognizer.identify_many(pictures, k=k) == [recognizer.identify(picture, k=k) for picture in pictures]


def test_a_filter_answers_as_if_nobody_else_were_enrolled(tmp_path):
    """Candidates, sizes and the promised threshold are those of a gallery of the people that match."""
    model = calibrated(0.8, None)
    with open_gallery(tmp_path / "all") as everybody, open_gallery(tmp_path / "some") as some:
        for number in range(12):
            vector = [number / 3, 1 + number % 2]
            for gallery, tags in ((everybody, {"even": str(number % 2)}), (some, None)):
                gallery.bind(model.fingerprint, model.name, model.metric, model.dimension)
                if tags or number % 2:
                    gallery.enroll(f"p{number}", vector, tags=tags)
        probes = np.array([[1.0, 1.1], [3.0, 2.0]], np.float32)
        pictures = [at(*probe) for probe in probes]
        a, b = Recognizer(model, everybody), Recognizer(model, some)
        where = {"even": "1"}

        def plain(answers):
            return [
                replace(one, candidates=tuple(replace(c, template_id=0) for c in one.candidates), seconds_search=0.0,
                        seconds_embedding=0.0)
                for one in answers
            ]  # fmt: skip

        assert plain(a.identify_vectors(probes, where=where)) == plain(b.identify_vectors(probes))
        assert plain(a.identify_many(pictures, where=where)) == plain(b.identify_many(pictures))
        assert plain([a.identify(pictures[0], where=where)]) == plain([b.identify(pictures[0])])
        assert a.identify(pictures[0], where=where).templates == 6
        assert a.identify(pictures[0], where={"even": "2"}).decision == "unknown"


def test_more_pictures_than_a_batch_and_what_is_told_of_them(crowd, monkeypatch):
    recognizer, seen, searches = Recognizer(Plane(), crowd, threshold=0.5), [], []
    pictures = [at(n / 32, 4 - n / 32) for n in range(130)]
    search = crowd.search_counted
    monkeypatch.setattr(crowd, "search_counted", lambda x, k, where: searches.append(len(x)) or search(x, k))
    answers = recognizer.identify_many(pictures, progress=seen.append)
    assert seen == searches == [64, 64, 2]
    assert {answer.decision for answer in answers} >= {"match", "unknown"}
    monkeypatch.undo()
    assert answers == [recognizer.identify(picture) for picture in pictures]
    assert recognizer.identify_many([]) == []
    assert min(answer.seconds_search for answer in answers) > 0


def test_a_picture_of_many_that_cannot_be_used_is_named(recognizer, faces):
    with pytest.raises(ImageError, match="picture 66: the picture is not"):
        recognizer.identify_many([faces["s01"][0]] * 65 + [b"not a picture"])


def test_recognising_people_loads_no_scipy(crowd):
    code = f"""
        import sys
        from lookalike import Recognizer, open_gallery
        from lookalike.embedder.embedder import Embedder
        import numpy as np
        class Plane(Embedder):
            name, fingerprint, metric, dimension = "plane", "0123456789abcdef", "euclidean", 2
            def prepare(self, picture): raise NotImplementedError
            def embed_prepared(self, pixels): raise NotImplementedError
        with open_gallery({str(crowd.path)!r}) as gallery:
            answers = Recognizer(Plane(), gallery, threshold=0.5).identify_vectors(np.ones((3, 2), np.float32))
        assert len(answers) == 3
        for part in ("scipy", "torch", "lookalike.evaluation", "lookalike.training", "lookalike.datasets"):
            assert part not in sys.modules, part
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_the_keys_for_programs_are_those_of_people(crowd):
    document = Recognizer(Plane(), crowd, threshold=0.5).identify(at(0, 0)).to_json()
    assert list(document) == [
        "identity", "distance", "threshold", "threshold_source", "candidates", "notes", "decision", "probability",
        "margin", "identities", "templates", "promised", "fpir_bound", "weakness", "face",
    ]  # fmt: skip


# --- several templates of a person ---------------------------------------------------------------------------


@pytest.fixture
def two_people(gallery):
    """Ada's templates lie around the origin, none of them near it; Bob has one at a distance of 1.5."""
    embedder = Plane()
    gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
    gallery.enroll("Ada", [[2, 0], [-2, 0], [0, 2], [0, -2]])
    gallery.enroll("Bob", [[1.5, 0]])
    return gallery


def with_means(threshold, odds=None):
    """The plane, whose thresholds of pairs are 1, and of means as given."""
    pairs, means = (calibrated(one, odds).calibration for one in (1.0, threshold))
    embedder = Plane()
    mean = means.model_copy(update={"template_scoring": "mean", "templates_each": 4, "source": "means of four"})
    embedder.calibration = pairs.model_copy(update={"of_identities": mean})
    return embedder


def test_the_rule_of_the_calibration_answers_with_its_own_threshold(two_people):
    recognizer = Recognizer(with_means(0.25), two_people)
    assert recognizer.template_scoring == "mean"
    assert recognizer.threshold.distance == 0.25
    (answer,) = recognizer.identify_vectors([[0.0, 0.1]], k=2)
    assert [one.identity for one in answer.candidates] == ["Ada", "Bob"]
    assert [one.distance for one in answer.candidates] == pytest.approx([0.1, math.hypot(1.5, 0.1)], abs=1e-6)
    assert (answer.identity, answer.threshold) == ("Ada", 0.25)
    assert "means of four" in answer.threshold_source


def test_verify_compares_two_pictures_whatever_the_rule(two_people):
    recognizer = Recognizer(with_means(0.25), two_people)
    assert recognizer.pair_threshold.distance == 1.0
    assert recognizer.verify(at(0, 0), at(0.9, 0)).match
    assert not recognizer.verify(at(0, 0), at(1.1, 0)).match


def test_nearest_can_be_asked_for_and_has_the_threshold_of_pairs(two_people):
    recognizer = Recognizer(with_means(0.25), two_people, template_scoring="nearest")
    (answer,) = recognizer.identify_vectors([[1.4, 0.0]])
    assert (answer.identity, answer.threshold) == ("Bob", 1.0)
    assert answer.candidates == tuple(two_people.search([[1.4, 0.0]], 5)[0])


def test_a_rule_that_no_threshold_was_measured_with_is_refused(two_people):
    with pytest.raises(InputError, match="were measured with template scoring nearest, and set was asked for"):
        Recognizer(calibrated(1.0, None), two_people, template_scoring="set")
    with pytest.raises(InputError, match="has no calibration, and thresholds of template scoring mean have to"):
        Recognizer(Plane(), two_people, template_scoring="mean")
    with pytest.raises(InputError, match="'median' is unknown"):
        Recognizer(Plane(), two_people, threshold=1.0, template_scoring="median")


def test_with_a_distance_of_your_own_any_rule_answers(two_people):
    recognizer = Recognizer(calibrated(1.0, None), two_people, threshold=0.3, template_scoring="mean")
    assert recognizer.identify_vectors([[0.0, 0.1]])[0].identity == "Ada"
    assert recognizer.identify_vectors([[0.0, 0.4]])[0].identity is None


def test_a_promise_of_mean_counts_identities(promising, gallery, faces):
    mean = promising.calibration.model_copy(update={"template_scoring": "mean", "templates_each": 3})
    embedder = copy.copy(promising)
    embedder.calibration = promising.calibration.model_copy(update={"of_identities": mean})
    recognizer = Recognizer(embedder, gallery, promise="fpir=0.1")
    gallery.enroll_many([(name, embedder.embed(faces[name][:3]), None) for name in ("s01", "s02")])
    promised = recognizer.identify(faces["s01"][4]).promised
    assert (promised.templates, promised.counted) == (2, "identities")
    pairs = Recognizer(embedder, gallery, promise="fpir=0.1", template_scoring="nearest")
    assert pairs.identify(faces["s01"][4]).promised.templates == 6


def test_a_gallery_with_far_fewer_templates_than_measured_is_remarked_on(two_people):
    embedder = with_means(0.25)
    assert Recognizer(embedder, two_people).identify_vectors([[0.0, 0.1]])[0].weakness == ""
    for number in range(5):
        two_people.enroll(f"p{number}", [[9.0, number]])
    answer = Recognizer(embedder, two_people).identify_vectors([[0.0, 0.1]])[0]
    assert "measured on 4 templates an identity, and the gallery has 1.4" in answer.weakness
    assert Recognizer(embedder, two_people, template_scoring="nearest").identify_vectors([[0.0, 0.1]])[0].weakness == ""
