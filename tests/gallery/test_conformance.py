"""What every gallery does, whatever keeps it: one suite over all implementations.

An implementation is a function that makes a fresh place below a folder and returns what opens the gallery there, as
often as it is called.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from lookalike.distances import pairwise
from lookalike.errors import InputError, UnknownIdentityError, VectorError
from lookalike.gallery import Enrolment, Forgotten, open_gallery

D = 8


def embedded(folder):
    return lambda: open_gallery(folder / "people.gallery")


def encrypted(folder):
    return lambda: open_gallery(folder / "people.gallery", key=bytes(range(32)))


def on_milvus(server):
    address = server.address()
    return lambda: open_gallery(address)


#: Others are added here, with the marks that they need.
IMPLEMENTATIONS = [
    pytest.param(embedded, id="embedded"),
    pytest.param(encrypted, id="encrypted"),
    pytest.param(on_milvus, id="milvus", marks=[pytest.mark.slow, pytest.mark.milvus]),
]


@pytest.fixture(params=IMPLEMENTATIONS)
def make_gallery(request, tmp_path):
    """Opens the same gallery, bound to a model; what it opened is closed at the end."""
    place = request.getfixturevalue("milvus") if request.param is on_milvus else tmp_path
    opens, made = request.param(place), []

    def opened():
        gallery = opens()
        gallery.bind("f1", "arcface", "cosine", D)
        made.append(gallery)
        return gallery

    yield opened
    for gallery in made:
        gallery.close()


@pytest.fixture
def gallery(make_gallery):
    return make_gallery()


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def held(gallery):
    """Ids of the templates by name."""
    found = {person.name: [] for person in gallery.people()}
    for one in gallery.templates():
        found[one.identity].append(one.id)
    return found


# --- enrolling --------------------------------------------------------------------------------------------


def test_what_was_enrolled_comes_back_after_reopening(gallery, make_gallery):
    x = vectors(3)
    ids = gallery.enroll("Ada", x, ["a.jpg", "b.jpg", ""], tags={"site": "Berlin"}, qualities=[0.5, None, 1])
    gallery.close()
    again = make_gallery()
    found = again.templates("Ada")
    assert [(one.id, one.identity, one.source, one.quality) for one in found] == [
        (ids[0], "Ada", "a.jpg", 0.5), (ids[1], "Ada", "b.jpg", None), (ids[2], "Ada", "", 1.0)
    ]  # fmt: skip
    assert b"".join(one.vector.tobytes() for one in found) == x.tobytes()
    (person,) = again.people()
    assert (person.name, person.templates, dict(person.tags)) == ("Ada", 3, {"site": "Berlin"})
    assert person.created_at == found[0].enrolled_at


def test_imports_say_when_and_how_good_each_template_is(gallery):
    when = ["2020-05-01T12:00:00+02:00", "2019-01-01"]
    gallery.enroll_many([Enrolment("Ada", vectors(2), enrolled_at=when), ("Bob", vectors(1, 1), None)])
    assert [one.enrolled_at for one in gallery.templates("Ada")] == [
        "2020-05-01T10:00:00.000+00:00", "2019-01-01T00:00:00.000+00:00"
    ]  # fmt: skip
    assert gallery.people()[0].created_at == "2019-01-01T00:00:00.000+00:00"
    now = datetime.now(UTC)
    assert abs(datetime.fromisoformat(gallery.templates("Bob")[0].enrolled_at) - now) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("further", "error", "message"),
    [
        ({"qualities": [1.5]}, InputError, "quality is 1.5"),
        ({"qualities": ["good"]}, InputError, "quality is 'good'"),
        ({"qualities": [0.5, 0.5]}, VectorError, "2 qualities given for 1"),
        ({"tags": {"": "x"}}, InputError, "tag's key is ''"),
        ({"tags": {"site": ""}}, InputError, "value of 'site' is ''"),
        ({"tags": {"site": None}}, InputError, "value of 'site' is None"),
        ({"tags": {"site": "x" * 201}}, InputError, "1 to 200 characters"),
        ({"tags": {f"k{n}": "v" for n in range(51)}}, InputError, "51 tags; it may have 50"),
        ({"tags": "site=Berlin"}, InputError, "give a mapping"),
        ({"enrolled_at": ["yesterday"]}, InputError, "'yesterday' is no date"),
        ({"enrolled_at": []}, VectorError, "0 moments given for 1"),
    ],
)
def test_what_cannot_be_enrolled(gallery, further, error, message):
    with pytest.raises(error, match=message):
        gallery.enroll_many([("Bob", vectors(1, 1), None), Enrolment("Ada", vectors(1), **further)])
    assert gallery.people() == []


def test_tags_come_together_and_no_more_than_an_identity_may_have(gallery):
    gallery.enroll("Ada", vectors(1), tags={f"k{n}": "v" for n in range(50)})
    with pytest.raises(InputError, match="51 tags"):
        gallery.enroll("Ada", vectors(1, 1), tags={"another": "v"})
    with pytest.raises(InputError, match="51 tags"):
        gallery.tag("Ada", {"another": "v"})
    assert len(gallery.people()[0].tags) == 50
    assert gallery.counts().templates == 1
    assert len(gallery.tag("Ada", {"another": "v", "k0": None})) == 50


# --- idempotency keys -------------------------------------------------------------------------------------


def test_an_enrolment_that_is_repeated_under_its_key_answers_the_same(gallery, make_gallery):
    ids = gallery.enroll("Ada", vectors(2), ["a", "b"], key="request 1")
    many = gallery.enroll_many([("Bob", vectors(1, 1), None), ("Eve", vectors(2, 2), None)], key="request 2")
    gallery.close()
    again = make_gallery()
    before = again.counts()
    assert again.enroll("Ada", vectors(2), ["a", "b"], key="request 1") == ids
    assert again.enroll_many([("Bob", vectors(1, 1), None), ("Eve", vectors(2, 2), None)], key="request 2") == many
    assert again.counts() == before


def test_a_key_is_for_one_content(gallery):
    gallery.enroll("Ada", vectors(2), ["a", "b"], key="request 1")
    for name, x, sources, tags in [
        ("Bob", vectors(2), ["a", "b"], None),
        ("Ada", vectors(2, 1), ["a", "b"], None),
        ("Ada", vectors(2), ["a", "c"], None),
        ("Ada", vectors(2), ["a", "b"], {"site": "Berlin"}),
    ]:
        with pytest.raises(InputError, match="something else was enrolled under the key 'request 1'"):
            gallery.enroll(name, x, sources, tags=tags, key="request 1")
    for key in ("", "x" * 201, 7, "a\nb"):
        with pytest.raises(InputError, match="the key is"):
            gallery.enroll("Ada", vectors(1), key=key)
    assert held(gallery) == {"Ada": [one.id for one in gallery.templates()]}


def test_who_was_forgotten_stays_forgotten_when_the_enrolment_is_repeated(gallery):
    ids = gallery.enroll("Ada", vectors(2), key="request 1")
    many = gallery.enroll_many([("Bob", vectors(1, 1), None), ("Eve", vectors(2, 2), None)], key="request 2")
    gallery.forget("Ada")
    gallery.forget("Bob")
    assert gallery.enroll("Ada", vectors(2), key="request 1") == ids
    assert gallery.enroll_many([("Bob", vectors(1, 1), None), ("Eve", vectors(2, 2), None)], key="request 2") == many
    assert list(held(gallery)) == ["Eve"]
    with pytest.raises(InputError, match="something else"):
        gallery.enroll("Bob", vectors(1, 1), key="request 2")  # two were enrolled then
    assert gallery.enroll("Ada", vectors(2))[0] > many["Eve"][-1]


def test_a_repetition_under_a_key_replaces_nothing(gallery):
    gallery.enroll_many([("Ada", vectors(1), None)], replace=True, key="request 1")
    gallery.enroll("Ada", vectors(2, 1))
    gallery.enroll_many([("Ada", vectors(1), None)], replace=True, key="request 1")
    assert gallery.counts().templates == 3
    with pytest.raises(InputError, match="something else"):
        gallery.enroll_many([("Ada", vectors(1), None)], key="request 1")


# --- rename, merge, split, undo ---------------------------------------------------------------------------


def test_renaming_keeps_templates_and_tags(gallery):
    ids = gallery.enroll("Ada", vectors(2), tags={"site": "Berlin"})
    act = gallery.rename("Ada", " Ada Lovelace ")
    assert (act.kind, act.identities, act.templates, act.undone) == ("rename", {"Ada": "Ada Lovelace"}, 2, False)
    assert held(gallery) == {"Ada Lovelace": ids}
    assert dict(gallery.people()[0].tags) == {"site": "Berlin"}
    assert gallery.search(vectors(1), k=1)[0][0].identity == "Ada Lovelace"
    with pytest.raises(UnknownIdentityError):
        gallery.templates("Ada")
    assert gallery.undo(act.id).undone
    assert held(gallery) == {"Ada": ids}
    assert [one.undone for one in gallery.acts()] == [True]


def test_what_cannot_be_renamed(gallery):
    gallery.enroll("Ada", vectors(1))
    gallery.enroll("Bob", vectors(1, 1))
    for new, message in [("Bob", "'Bob' is in .* already"), ("Ada", "already"), ("", "empty name")]:
        with pytest.raises(InputError, match=message):
            gallery.rename("Ada", new)
    with pytest.raises(UnknownIdentityError, match="'Eve' is not in"):
        gallery.rename("Eve", "Zoe")
    assert gallery.acts() == []


def test_merging_into_one_of_them_and_back(gallery):
    ada = gallery.enroll("Ada", vectors(2), tags={"site": "Berlin", "role": "staff"})
    bob = gallery.enroll("Bob", vectors(2), tags={"site": "Paris", "floor": "2"})  # the same vectors
    eve = gallery.enroll("Eve", vectors(3), tags={"floor": "3", "door": "B"})
    act = gallery.merge(["Bob", "Eve", "Ada"], "Ada")
    assert act.identities == {"Ada": "Ada", "Bob": "Ada", "Eve": "Ada"}
    assert act.templates == 5
    assert held(gallery) == {"Ada": ada + bob + eve}
    (person,) = gallery.people()
    assert dict(person.tags) == {"site": "Berlin", "role": "staff", "floor": "2", "door": "B"}
    assert (gallery.counts().identities, gallery.counts().templates) == (1, 7)
    assert [one.identity for one in gallery.search(vectors(1), k=5)[0]] == ["Ada"]
    assert gallery.enroll("Ada", vectors(3)) == [*ada, eve[2]]  # which it has already
    gallery.tag("Ada", {"door": "C"})
    gallery.undo(act.id)
    assert held(gallery) == {"Ada": ada, "Bob": bob, "Eve": eve}
    assert {one.name: dict(one.tags) for one in gallery.people()} == {
        "Ada": {"site": "Berlin", "role": "staff", "door": "C"},  # set since
        "Bob": {"site": "Paris", "floor": "2"},
        "Eve": {"floor": "3", "door": "B"},
    }
    assert gallery.enroll("Eve", vectors(3)) == eve
    assert gallery.enroll("Bob", vectors(2)) == bob


def test_merging_into_a_new_name_and_into_another_identity(gallery):
    ada, bob, eve = (gallery.enroll(name, vectors(1, n)) for n, name in enumerate(["Ada", "Bob", "Eve"]))
    first = gallery.merge(["Ada", "Bob"], "Zoe")
    assert held(gallery) == {"Eve": eve, "Zoe": ada + bob}
    second = gallery.merge(["Zoe"], "Eve")
    assert second.identities == {"Zoe": "Eve", "Eve": "Eve"}
    assert held(gallery) == {"Eve": ada + bob + eve}
    with pytest.raises(InputError, match=f"act {second.id} came after act {first.id}"):
        gallery.undo(first.id)
    assert [one.id for one in gallery.acts()] == [second.id, first.id]
    assert [one.id for one in gallery.acts(limit=1)] == [second.id]
    gallery.undo(second.id)
    with pytest.raises(InputError, match="undone already"):
        gallery.undo(second.id)
    gallery.undo(first.id)
    assert held(gallery) == {"Ada": ada, "Bob": bob, "Eve": eve}


def test_what_cannot_be_merged(gallery):
    gallery.enroll("Ada", vectors(1))
    gallery.enroll("Bob", vectors(1, 1))
    for names, into, error, message in [
        (["Ada"], "Ada", InputError, "no two identities"),
        (["Ada"], "new", InputError, "rename it"),
        ([], "Ada", InputError, "no two"),
        (["Ada", " Ada"], "Bob", InputError, "twice"),
        ("Ada", "Bob", InputError, "one text"),
        (["Ada", "Eve"], "Bob", UnknownIdentityError, "'Eve'"),
        (["Ada", "Eve"], "Eve", UnknownIdentityError, "'Eve'"),
        (["Ada"], "", InputError, "empty name"),
    ]:
        with pytest.raises(error, match=message):
            gallery.merge(names, into)
    assert len(held(gallery)) == 2
    assert gallery.acts() == []


def test_splitting_off_templates_and_back(gallery):
    ids = gallery.enroll("Ada", vectors(4), tags={"site": "Berlin"})
    act = gallery.split("Ada", [ids[2], ids[0], ids[0]], "Eve")
    assert (act.kind, act.identities, act.templates) == ("split", {"Ada": "Eve"}, 2)
    assert held(gallery) == {"Ada": [ids[1], ids[3]], "Eve": [ids[0], ids[2]]}
    assert [dict(one.tags) for one in gallery.people()] == [{"site": "Berlin"}, {}]
    assert gallery.search(vectors(1), k=1)[0][0].identity == "Eve"
    known = gallery.split("Ada", [ids[1]], "Eve")
    assert held(gallery) == {"Ada": [ids[3]], "Eve": ids[:3]}
    gallery.undo(known.id)
    gallery.undo(act.id)
    assert held(gallery) == {"Ada": ids}


def test_what_cannot_be_split(gallery):
    ada, bob = gallery.enroll("Ada", vectors(2)), gallery.enroll("Bob", vectors(1, 1))
    for ids, into, message in [
        ([], "Eve", "no templates are given"),
        (bob, "Eve", "is not of 'Ada'"),
        (ada, "Eve", "all templates of 'Ada'; rename it"),
        (ada[:1], "Ada", "another name"),
        (["x"], "Eve", "list of whole numbers"),
    ]:
        with pytest.raises(InputError, match=message):
            gallery.split("Ada", ids, into)
    with pytest.raises(UnknownIdentityError):
        gallery.split("Eve", [1], "Ada")
    assert held(gallery) == {"Ada": ada, "Bob": bob}


def test_undoing_where_something_came_in_between(gallery):
    ada, bob = gallery.enroll("Ada", vectors(2)), gallery.enroll("Bob", vectors(2, 1))
    merged = gallery.merge(["Ada", "Bob"], "Ada")
    more = gallery.enroll("Ada", vectors(1, 2))
    stranger = gallery.enroll("Bob", vectors(1, 3))
    with pytest.raises(InputError, match="enrolled as 'Bob' since"):
        gallery.undo(merged.id)
    gallery.rename("Bob", "Eve")
    gallery.forget_templates(bob[:1])
    assert gallery.undo(merged.id).undone
    assert held(gallery) == {"Ada": ada + more, "Bob": bob[1:], "Eve": stranger}
    with pytest.raises(InputError, match="has no act 99"):
        gallery.undo(99)


def test_an_act_goes_with_who_took_part_in_it(gallery):
    for n, name in enumerate(["Ada", "Bob", "Eve"]):
        gallery.enroll(name, vectors(2, n))
    gallery.merge(["Ada", "Bob"], "Ada")
    gallery.rename("Ada", "Zoe")
    kept = gallery.rename("Eve", "Eva")
    gallery.forget("Zoe")
    assert [one.id for one in gallery.acts()] == [kept.id]
    later = gallery.rename("Eva", "Eve")
    assert later.id > kept.id  # ids are not used again
    split = gallery.split("Eve", [gallery.templates("Eve")[0].id], "Ada")
    gallery.forget_templates([gallery.templates("Ada")[0].id])
    assert split.id not in [one.id for one in gallery.acts()]
    for limit in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="the limit is"):
            gallery.acts(limit)


# --- tags and filters -------------------------------------------------------------------------------------


def test_tags_are_set_and_taken_away(gallery):
    gallery.enroll("Ada", vectors(1))
    assert gallery.tag("Ada", {"site": "Zu\u0308rich", " role ": "staff"}) == {"site": "Zürich", "role": "staff"}
    assert gallery.tag("Ada", {"role": None, "absent": None}) == {"site": "Zürich"}
    assert gallery.tag("Ada", {}) == {"site": "Zürich"}
    with pytest.raises(UnknownIdentityError):
        gallery.tag("Bob", {"site": "Berlin"})
    for bad in ({"site": 3}, {"": "x"}, {"site": "a\0b"}, {"site": "\ud800"}):
        with pytest.raises(InputError, match="a tag's"):
            gallery.tag("Ada", bad)


def enrolled(gallery, count=60):
    """People of two sites and three roles, with one to three templates each."""
    people = []
    for n in range(count):
        tags = {"site": "Berlin" if n % 2 else "Paris"} | ({"role": f"r{n % 3}"} if n % 5 else {})
        people.append(Enrolment(f"p{n:03}", vectors(1 + n % 3, n), tags=tags))
    gallery.enroll_many(people)
    return {one.identity: one for one in people}


@pytest.mark.parametrize(
    "where",
    [
        {"site": "Berlin"},
        {"site": ["Berlin", "Paris"], "role": "r1"},
        {"role": {"r0", "r2"}},
        {"site": "Rome"},
        {},
        None,
    ],
)
def test_a_filtered_search_answers_as_if_nobody_else_were_enrolled(gallery, where):
    people = enrolled(gallery)
    asked = {key: {values} if isinstance(values, str) else set(values) for key, values in (where or {}).items()}
    matching = {
        name: np.asarray(one.vectors, float)
        for name, one in people.items()
        if all(one.tags.get(key) in values for key, values in asked.items())
    }
    probes = vectors(5, 999)
    for _ in range(2):  # the second from what is kept of the first
        found = gallery.search_counted(probes, k=7, where=where)
        assert found.counts.identities == len(matching)
        assert found.counts.templates == sum(map(len, matching.values()))
        for probe, candidates in zip(probes, found.candidates, strict=True):
            true = sorted(
                (float(pairwise(probe[None].astype(float), rows, "cosine").min()), name)
                for name, rows in matching.items()
            )[:7]
            assert [one.identity for one in candidates] == [name for _, name in true]
            np.testing.assert_allclose([one.distance for one in candidates], [apart for apart, _ in true], atol=1e-5)


def test_a_filter_follows_every_change(gallery, make_gallery):
    enrolled(gallery, 20)
    other, probe, where = make_gallery(), vectors(1, 999), {"site": "Berlin"}

    def found():
        return {one.identity for one in other.search(probe, k=50, where=where)[0]}

    assert found() == {f"p{n:03}" for n in range(1, 20, 2)}
    gallery.tag("p000", {"site": "Berlin"})
    gallery.tag("p001", {"site": None})
    gallery.forget("p003")
    gallery.rename("p005", "Eve")
    gallery.merge(["p006"], "p007")
    gallery.enroll("new", vectors(1, 77), tags={"site": "Berlin"})
    assert found() == {"p000", "Eve", "new", *(f"p{n:03}" for n in range(7, 20, 2))}
    assert other.search_counted(probe, where=where).counts.templates == sum(
        one.templates for one in other.page(100, where=where)
    )


@pytest.mark.parametrize("where", [{"site": []}, {"site": 3}, {"": "x"}, {"site": [None]}, ["site"], {3: "x"}])
def test_filters_that_no_tag_can_match_are_refused(gallery, where):
    gallery.enroll("Ada", vectors(1))
    with pytest.raises(InputError, match=r"a tag's|the filter"):
        gallery.search(vectors(1), where=where)
    with pytest.raises(InputError, match=r"a tag's|the filter"):
        gallery.page(where=where)


# --- pages ------------------------------------------------------------------------------------------------


def test_pages_of_identities_hold_everybody_once(gallery):
    names = sorted(["Ada", "ada", "Ada L", "Bob", "Zoë", "山", "\U0001f600", "Ad", "B" * 200])
    for n, name in enumerate(names):
        gallery.enroll(name, vectors(1, n), tags={"even": str(n % 2)})
    for limit in (1, 2, 4, 9, 100):
        read, after = [], ""
        while page := gallery.page(limit, after=after):
            assert len(page) <= limit
            read += page
            after = page[-1].name
        assert [one.name for one in read] == names
        assert read == gallery.people()
    assert [one.name for one in gallery.page(prefix="Ad")] == ["Ad", "Ada", "Ada L"]
    assert [one.name for one in gallery.page(prefix="Zoe\u0308")] == ["Zoë"]
    assert [one.name for one in gallery.page(prefix="A", where={"even": "1"})] == ["Ada"]
    assert [one.name for one in gallery.page(1, prefix="Ad", after="Ada")] == ["Ada L"]
    assert gallery.page(prefix="C") == []
    for limit in (0, -3, "all", 2.0):
        with pytest.raises(InputError, match="the limit is"):
            gallery.page(limit)


def test_pages_of_templates_hold_every_one_once(gallery):
    for n in range(7):
        gallery.enroll(f"p{n % 3}", vectors(2, n))
    gallery.forget("p1")
    gallery.merge(["p0", "p2"], "p2")
    for limit in (1, 3, 100):
        read, after = [], 0
        while page := gallery.templates_page(limit, after=after):
            assert len(page) <= limit
            read += page
            after = page[-1].id
        assert [one.id for one in read] == [one.id for one in gallery.templates()]
        assert {one.identity for one in read} == {"p2"}
    with pytest.raises(InputError, match="the limit is"):
        gallery.templates_page(0)


def test_templates_of_some_are_those_of_each(gallery):
    for number, size in enumerate((1, 3, 2)):
        gallery.enroll(f"p{number}", vectors(size, number), qualities=[0.5, None, 0.25][:size])
    gallery.rename("p0", "Ada")
    held = gallery.templates_of(["p1", "Ada", "p0", "nobody", "p1"])
    assert sorted(held) == ["Ada", "p1"]
    for name, own in held.items():
        wanted = gallery.templates(name)
        assert [(one.id, one.identity, one.quality) for one in own] == [(one.id, name, one.quality) for one in wanted]
        assert all(np.array_equal(a.vector, b.vector) for a, b in zip(own, wanted, strict=True))
    gallery.forget("p1")
    assert gallery.templates_of(["p1"]) == gallery.templates_of([]) == {}
    with pytest.raises(InputError):
        gallery.templates_of([""])


# --- forgetting -------------------------------------------------------------------------------------------


def test_templates_are_forgotten_one_by_one(gallery):
    ada, bob = gallery.enroll("Ada", vectors(3)), gallery.enroll("Bob", vectors(1, 1))
    assert gallery.forget_templates([ada[1], ada[1], 999]) == 1
    assert held(gallery) == {"Ada": [ada[0], ada[2]], "Bob": bob}
    assert gallery.search(vectors(2)[1], k=1)[0][0].template_id != ada[1]
    assert gallery.forget_templates(np.array([*ada, *bob])) == 3
    assert gallery.people() == []
    assert gallery.forget_templates(ada) == 0
    for bad in (["x"], [1.5], 7, [None]):
        with pytest.raises(InputError, match="template ids are"):
            gallery.forget_templates(bad)


def test_what_is_older_than_a_moment_is_forgotten(gallery):
    old, new = ["2020-01-01", "2020-06-01"], ["2021-01-01", "2021-01-01T00:00:01+01:00"]
    ada = gallery.enroll_many([Enrolment("Ada", vectors(2), enrolled_at=[old[0], new[0]])])["Ada"]
    gallery.enroll_many([Enrolment("Bob", vectors(2, 1), enrolled_at=old)])
    eve = gallery.enroll("Eve", vectors(1, 2))
    assert gallery.forget_before("2020-01-01") == Forgotten(0, 0)
    assert gallery.forget_before(datetime(2020, 12, 31, 23, 59, tzinfo=UTC)) == Forgotten(1, 3)
    assert held(gallery) == {"Ada": ada[1:], "Eve": eve}
    assert gallery.forget_before("2021-01-01T00:00:00.001") == Forgotten(1, 1)
    assert held(gallery) == {"Eve": eve}
    for bad in ("soon", "", 3, None):
        with pytest.raises(InputError, match="is no date or time"):
            gallery.forget_before(bad)


def test_a_clock_that_goes_back_changes_no_order(gallery, monkeypatch):
    """Ids, acts and pages follow what happened, whatever the clock said."""
    from lookalike.gallery import moments

    first = gallery.enroll("Ada", vectors(1))
    act = gallery.rename("Ada", "Bob")
    monkeypatch.setattr(moments, "now", lambda: "1999-01-01T00:00:00.000+00:00")
    for module in ("storing", "identity_acts", "forgetting", "enrolled_keys"):
        monkeypatch.setattr(f"lookalike.gallery.{module}.now", moments.now)
    second = gallery.enroll("Ada", vectors(1, 1), key="k")
    later = gallery.rename("Bob", "Eve")
    assert second[0] > first[0]
    assert [one.id for one in gallery.acts()] == [later.id, act.id]
    assert [one.id for one in gallery.templates_page()] == first + second
    gallery.forget("Eve")
    assert gallery.enroll("Ada", vectors(1, 1), key="k") == second
    assert gallery.search(vectors(1), k=1)[0][0].identity == "Ada"
