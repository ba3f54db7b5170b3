"""Folders and lists as people really have them."""

import os
import zipfile
from pathlib import Path

import pytest

from lookalike.datasets import read_csv, read_image_folder, read_pictures
from lookalike.datasets.image_folder import pictures_of_one
from lookalike.errors import DatasetError
from lookalike.images import read_picture

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def listed(pictures, root):
    return [(str(p.relative_to(root)), i) for p, i in zip(pictures.paths, pictures.identities, strict=True)]


def refused(path, message, read=read_pictures):
    with pytest.raises(DatasetError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


# A folder per identity


def test_one_identity_per_subfolder_whatever_lies_below_it(touch):
    root = touch("Bo/1.png", "Ada/2.JPG", "Ada/1.jpeg", "Ada/2024/summer/3.webp", "Bo/x.pgm", "Bo/y.TIFF")
    found = read_image_folder(root)
    assert listed(found, root) == [
        ("Ada/1.jpeg", "Ada"),
        ("Ada/2.JPG", "Ada"),
        ("Ada/2024/summer/3.webp", "Ada"),
        ("Bo/1.png", "Bo"),
        ("Bo/x.pgm", "Bo"),
        ("Bo/y.TIFF", "Bo"),
    ]
    assert found.notes == ()
    assert found.names == ("Ada", "Bo")
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_hidden_files_and_other_files_are_passed_over(touch):
    root = touch(
        "Ada/1.png", "Ada/.2.png", "Ada/.trash/3.png", ".git/4.png", "Ada/Thumbs.db", "Ada/notes.txt", "readme.md"
    )
    found = read_image_folder(root)
    assert listed(found, root) == [("Ada/1.png", "Ada")]
    assert found.notes == ()


def test_pictures_in_formats_that_are_not_read_are_said(touch):
    root = touch("Ada/1.png", "Ada/2.DNG", "Bo/3.jpg", "Bo/.4.gif", "Bo/5.gif", "Bo/notes.txt")
    found = read_image_folder(root)
    assert len(found) == 2
    assert found.notes == (
        f"2 pictures in formats that are not read (.dng, .gif) are passed over, such as {root / 'Ada/2.DNG'}; "
        "convert them to JPEG",
    )
    assert (
        "1 picture in a format that is not read (.gif) is passed over"
        in pictures_of_one([str(root / "Bo")], "Bo").notes[0]
    )


def test_where_there_are_only_such_pictures_that_is_said(touch):
    root = touch("raw/Ada/1.dng", "raw/Bo/2.dng")
    refused(root / "raw", "no subfolder with pictures; expected one subfolder per identity; 2 pictures in formats that")
    with pytest.raises(DatasetError, match=r"holds no pictures; .* \(.dng\) is passed over, such as .*Ada/1.dng"):
        pictures_of_one([str(root / "raw" / "Ada")], "Ada")


def test_loose_pictures_and_empty_subfolders_are_said(touch):
    root = touch("Ada/1.png", "loose.png", "other.jpg", "loose.txt", "Carl/notes.txt")
    (root / "Bo").mkdir()
    found = read_image_folder(root)
    assert listed(found, root) == [("Ada/1.png", "Ada")]
    loose, empty = found.notes
    assert loose.startswith("2 pictures without an identity are left out, directly in")
    assert empty == "2 subfolders hold no picture, such as 'Bo'"


def test_names_are_the_folders_in_any_script(touch):
    names = ["Zoë", "Øystein", "张伟", "محمد", "O'Brien, Conan", "a b ", "C++ #1 100%"]
    root = touch(*[f"{name}/写真 1.png" for name in names])
    found = read_image_folder(root)
    assert set(found.identities) == {name.strip() for name in names}
    assert all(path.is_file() for path in found.paths)


def test_the_order_does_not_depend_on_the_disk(touch, monkeypatch):
    root = touch(*[f"{person}/{number}.png" for person in "cab" for number in "312"])
    expected = read_image_folder(root)
    assert list(expected.paths) == sorted(expected.paths)
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listing(self), reverse=True)))
    assert read_image_folder(root) == expected


def test_links_to_folders_and_files_elsewhere_are_followed(touch):
    root = touch("people/Ada/1.png", "elsewhere/Bo/2.png", "elsewhere/3.png")
    (root / "people/Bo").symlink_to(root / "elsewhere/Bo")
    (root / "people/Ada/3.png").symlink_to(root / "elsewhere/3.png")
    found = read_image_folder(root / "people")
    assert listed(found, root / "people") == [("Ada/1.png", "Ada"), ("Ada/3.png", "Ada"), ("Bo/2.png", "Bo")]


@pytest.mark.timeout(20)
def test_a_link_within_an_identity_that_leads_back_does_not_go_round(touch):
    root = touch("Ada/1.png")
    (root / "Ada/again").symlink_to(root / "Ada")
    (root / "Ada/up").symlink_to("..")
    (root / "self").symlink_to("self")
    assert listed(read_image_folder(root), root) == [("Ada/1.png", "Ada")]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("target", [".", ".."])
def test_an_identity_that_links_back_to_everybody_is_refused(touch, target):
    # It would give every picture a second identity.
    root = touch("people/Ada/1.png", "people/Bo/1.png") / "people"
    (root / "Carl").symlink_to(target)
    refused(root, "Carl links back to .*; remove the link")


@pytest.mark.parametrize("names", [(), ("notes.txt",), ("Ada/notes.txt",), (".hidden/1.png",)])
def test_a_folder_without_pictures(touch, names):
    refused(touch(*names), "has no subfolder with pictures; expected one subfolder per identity")


def test_a_folder_of_loose_pictures_only(touch):
    refused(touch("1.png", "2.png"), r"\(2 pictures lie directly in it, without an identity\)")


@pytest.mark.parametrize("locked", ["people", "people/Ada", "people/Ada/2024"])
def test_a_folder_that_may_not_be_read_is_no_empty_folder(touch, nobody, locked):
    root = touch("people/Ada/1.png", "people/Ada/2024/2.png", "people/Bo/1.png")
    (root / locked).chmod(0)
    with nobody(root):
        refused(Path("people"), f"{locked} cannot be read: Permission denied; check its permissions")
    (root / locked).chmod(0o755)


def test_a_missing_folder(tmp_path):
    refused(tmp_path / "none", "cannot be read: No such file", read_image_folder)


@pytest.mark.parametrize("again", ["Jose\u0301", "José ", "\u00a0José", " Jose\u0301\u3000"])
def test_folders_whose_names_are_one_hold_one_identity(touch, again):
    root = touch("José/1.png", f"{again}/1.png", "Bo/1.png")
    if len(list(root.iterdir())) < 3:
        pytest.skip("this file system takes the names for one")
    found = read_image_folder(root)
    assert found.names == ("Bo", "José")
    assert found.identities.count("José") == 2
    assert all(path.is_file() for path in found.paths)  # as the disk spells them
    (note,) = found.notes
    assert note.startswith("1 identity is spelled in several ways, such as ")
    assert note.endswith(": each counts as one")


def test_folders_that_look_the_same_are_reported_and_stay_two(touch):
    found = read_image_folder(touch("Ada Lovelace/1.png", "Ada\u00a0 Lovelace/1.png", "Bo/1.png", "Bo\u200b/1.png"))
    assert len(found.names) == 4
    (note,) = found.notes
    assert note.startswith(
        "2 groups of names look the same and count as different identities, such as 'Ada Lovelace' and 'Ada"
    )


def test_a_folder_with_a_blank_name(touch):
    refused(touch("Ada/1.png", " /1.png"), "has a subfolder ' ', which names no identity; rename it")


# A CSV


@pytest.fixture
def csv(touch):
    """Write a CSV beside the pictures a.png, b.png and sub/c.png; return its path."""
    root = touch("data/a.png", "data/b.png", "data/sub/c.png", "elsewhere.png") / "data"

    def write(text, encoding="utf-8"):
        path = root / "list.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def test_paths_are_relative_to_the_csv_wherever_one_stands(csv, tmp_path, monkeypatch):
    path = csv("path,identity\nb.png,Bo\na.png,Ada\nsub/c.png,Bo\n../elsewhere.png,Ada\n")
    found = read_csv(path)
    assert found.paths == tuple(path.parent / name for name in ("b.png", "a.png", "sub/c.png", "../elsewhere.png"))
    assert found.identities == ("Bo", "Ada", "Bo", "Ada")
    assert found.notes == ()
    monkeypatch.chdir(tmp_path)
    assert read_csv(Path("data/list.csv")).paths[0].is_file()


def test_absolute_paths(csv, tmp_path):
    absolute = tmp_path / "elsewhere.png"
    assert read_csv(csv(f"path,identity\n{absolute},Ada\n")).paths == (absolute,)


@pytest.mark.parametrize(
    "text",
    [
        "path,identity\r\na.png,Zoë\r\nb.png,Zoë\r\n",
        "\ufeffpath,identity\na.png,Zoë\nb.png,Zoë\n",
        "\ufeffPath , IDENTITY\r\na.png, Zoë \r\nb.png,Zoë",
        'identity,note,path\nZoë,"a, ""quoted"" note",a.png\nZoë,,b.png\n',
        '"path","identity"\n\n"a.png","Zoë"\n\n\nb.png,Zoë\n\n',
        "path,identity\na.png,Zoë,,\nb.png,Zoë,,,\n",
        "path,identity,,\na.png,Zoë,,\nb.png,Zoë,,,\n",
        '"path","identity"\ra.png,Zoë\rb.png,"Zoë"\r',
    ],
)
def test_the_ways_spreadsheets_write(csv, text):
    found = read_csv(csv(text))
    assert [path.name for path in found.paths] == ["a.png", "b.png"]
    assert found.identities == ("Zoë", "Zoë")


def test_a_name_may_hold_commas_and_quotes(csv):
    assert read_csv(csv('path,identity\na.png,"O\'Brien, ""Conan"""\n')).identities == ('O\'Brien, "Conan"',)


def test_a_repeated_row_counts_once_and_is_said(csv):
    found = read_csv(csv("path,identity\na.png,Ada\nb.png,Bo\na.png,Ada\n./a.png,Ada\nsub/../a.png,Ada\n"))
    assert [path.name for path in found.paths] == ["a.png", "b.png"]
    (note,) = found.notes
    assert note.startswith("3 rows of")
    assert note.endswith("repeated: counted once")


@pytest.mark.parametrize("again", ["a.png", "./a.png", "sub/../a.png", "{absolute}", "link.png"])
def test_one_picture_with_two_identities_is_refused_however_it_is_written(csv, again):
    path = csv("")
    (path.parent / "link.png").symlink_to("a.png")
    again = again.format(absolute=path.parent / "a.png")
    csv(f"path,identity\na.png,Ada\nb.png,Bo\n{again},Bo\n")
    refused(path, r"list\.csv, line 4: .* is 'Bo' here and 'Ada' above; a picture has one identity")


def test_a_missing_picture_is_named_with_its_line(csv):
    refused(csv("path,identity\na.png,Ada\nnone.png,Ada\n"), r"list\.csv, line 3: .*none\.png does not exist")
    refused(csv("path,identity\nsub,Ada\n"), "line 2: .*sub does not exist")  # a folder is no picture


@pytest.mark.parametrize("row", [",Ada", "a.png,", "a.png,   ", "  ,Ada", ","])
def test_an_empty_field(csv, row):
    refused(csv(f"path,identity\n{row}\n"), "line 2: .*all of them must be given")


@pytest.mark.parametrize("text", ["a.png,Ada\nb.png,Bo\n", "file,person\na.png,Ada\n", "path\na.png\n", "\n\n"])
def test_no_header_that_names_the_columns(csv, text):
    refused(csv(text), r"list\.csv has the columns .*; expected a header with path and identity")


def test_nothing_in_it(csv):
    refused(csv(""), "expected a header")
    refused(csv("path,identity\n"), "lists no pictures; expected a row of path,identity for each")


@pytest.mark.parametrize(
    "data",
    [
        "path,identity\na.png,Zoë\n".encode("latin-1"),
        "path,identity\na.png,Zoë\n".encode("utf-16"),
        bytes(range(128, 256)),
    ],
)
def test_not_utf8(csv, data):
    refused(csv(data), r"list\.csv.* is not UTF-8.*; save")


@pytest.mark.parametrize(
    "data",
    [b"path,identity\n\0,Ada\n", b'path,identity\n"a.png,Ada\n', b"path,identity\n" + b"a" * 200_000 + b",Ada\n"],
)
def test_not_a_csv(csv, data):
    refused(csv(data), r"list\.csv")


def test_a_csv_that_cannot_be_read(tmp_path, csv, nobody):
    refused(tmp_path / "none.csv", "cannot be read: No such file", read_csv)
    refused(tmp_path, "cannot be read: Is a directory", read_csv)
    path = csv("path,identity\na.png,Ada\n")
    path.chmod(0)
    with nobody(path.parent):
        refused(Path("list.csv"), r"list\.csv cannot be read: Permission denied")


def test_the_spellings_of_a_name_are_one_identity(csv):
    found = read_csv(csv("path,identity\na.png,Jose\u0301\nb.png, José \nsub/c.png,Bo\na.png,José\n"))
    assert found.identities == ("José", "José", "Bo")
    repeated, spelled = found.notes
    assert "repeated" in repeated
    assert spelled == ("1 identity is spelled in several ways, such as 'José' and 'Jose\\u0301': each counts as one")


@pytest.mark.parametrize(("written", "on_disk"), [("é", "e\u0301"), ("e\u0301", "é")])
def test_paths_in_another_unicode_form_are_found_and_reported(csv, written, on_disk):
    path = csv("")
    file = path.parent / f"f{on_disk}" / f"{on_disk}.png"
    file.parent.mkdir()
    file.touch()
    found = read_csv(csv(f"path,identity\nf{written}/{written}.png,Ada\na.png,Bo\n"))
    assert found.paths == (file, path.parent / "a.png")
    (note,) = found.notes
    assert note.startswith("1 path of the list with another Unicode form (NFC or NFD) on the disk: found")
    refused(csv(f"path,identity\nf{written}/{written}.png,Ada\nf{on_disk}/{on_disk}.png,Bo\n"), "has one identity")


def test_a_comma_that_is_not_quoted_makes_no_family_of_strangers(csv):
    refused(
        csv("path,identity\na.png,Smith, John\nb.png,Smith, Jane\n"),
        r"list\.csv, line 2: 'a\.png,Smith, John' has 3 fields, the header 2; put a field that holds a comma in",
    )
    refused(csv("path,identity,note\na.png,Smith, John,\n"), r"line 2: .* has 4 fields, the header 3")


def test_a_column_named_twice(csv):
    refused(csv("path,identity,Identity \na.png,Ada,Bo\n"), "has 2 columns named 'identity'; name each column once")


# Real folders


@pytest.mark.skipif(not (SHARED / "lfw_10x10").is_dir(), reason="../shared/data/lfw_10x10 is not here")
def test_ten_people_of_lfw():
    found = read_pictures(SHARED / "lfw_10x10")
    assert (len(found), len(found.names), found.notes, found.single) == (100, 10, (), ())
    assert found.identities.count("Tony_Blair") == 10
    assert read_picture(found.paths[0]).shape == (250, 250, 3)


@pytest.mark.skipif(
    not (SHARED / "omniglot_background_small1.zip").is_file(), reason="../shared/data holds no Omniglot archive"
)
def test_an_alphabet_of_omniglot(tmp_path):
    with zipfile.ZipFile(SHARED / "omniglot_background_small1.zip") as archive:
        names = [name for name in archive.namelist() if "/Early_Aramaic/" in name]
        archive.extractall(tmp_path, names)
    found = read_pictures(tmp_path / "images_background_small1" / "Early_Aramaic")
    assert (len(found), len(found.names), found.notes) == (22 * 20, 22, ())
    stroke = read_picture(found.paths[0])  # one bit a pixel on disk
    assert stroke.shape == (105, 105, 3)
    assert set(stroke.ravel().tolist()) == {0, 255}


def test_names_the_file_system_cannot_spell_do_not_stop_the_reading(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    try:
        os.mkdir(folder)  # noqa: PTH102 - bytes, which Path does not take
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (Path(os.fsdecode(folder)) / "1.png").touch()
    assert len(read_image_folder(tmp_path)) == 1


# Folders of folders


@pytest.fixture
def alphabets(touch):
    return touch("Greek/alpha/1.png", "Greek/beta/1.png", "Greek/beta/old/2.png", "Latin/alpha/1.png")


def test_folders_of_folders_are_not_guessed_at(alphabets):
    refused(
        alphabets,
        r"has its pictures at depth 2, such as in .*Greek/alpha, and none in its 2 subfolders themselves; say what "
        r"an identity is: --classes-at 2 takes 3 folders such as 'Greek/alpha', --classes-at 1 takes the 2 such as "
        "'Greek'",
    )


def test_the_depth_of_the_identities_can_be_given(alphabets):
    deep = read_pictures(alphabets, classes_at=2)
    assert listed(deep, alphabets) == [
        ("Greek/alpha/1.png", "Greek/alpha"),
        ("Greek/beta/1.png", "Greek/beta"),
        ("Greek/beta/old/2.png", "Greek/beta"),
        ("Latin/alpha/1.png", "Latin/alpha"),
    ]
    (said,) = deep.notes
    assert said.startswith("1 folder name occurs in several places, such as 'alpha': each folder is an identity")
    flat = read_pictures(str(alphabets), classes_at=1)
    assert (flat.paths, flat.names, flat.notes) == (deep.paths, ("Greek", "Latin"), ())


def test_pictures_above_the_depth_are_said(touch):
    root = touch("team/Ada/1.png", "team/2.png", "3.png", "team/empty/notes.txt")
    found = read_image_folder(root, 2)
    assert listed(found, root) == [("team/Ada/1.png", "team/Ada")]
    assert found.notes == (
        f"2 pictures without an identity are left out, in {root} above depth 2",
        "1 subfolder holds no picture, such as 'team/empty'",
    )
    refused(root, "has no pictures in folders at depth 3; 3 pictures lie above", lambda path: read_pictures(path, 3))
    refused(root, "classes_at is 0; expected a depth of folders, 1 or more", lambda path: read_pictures(path, 0))


@pytest.mark.parametrize(
    "names",
    [
        ["Ada/2023/1.png", "Ada/2024/1.png", "Bo/1.png"],  # a subfolder holds pictures itself
        ["Ada/photos/1.png", "Bo/photos/1.png"],  # one folder in each: it is the same identity at either depth
    ],
)
def test_pictures_below_an_identity_where_there_is_no_doubt(touch, names):
    assert read_pictures(touch(*names)).names == ("Ada", "Bo")


def test_a_depth_for_what_has_none(touch):
    root = touch("a.png")
    (root / "list.csv").write_text("path,identity\na.png,Ada\n")
    for source in (root / "list.csv", "bundled:orl"):
        refused(source, "so --classes-at 2 means nothing; leave it out", lambda path: read_pictures(path, 2))
    refused(root / "none", "does not exist", lambda path: read_pictures(path, 2))
