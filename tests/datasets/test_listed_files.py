import pytest

from lookalike.datasets.listed_files import ListedFiles
from lookalike.errors import DatasetError

NFC, NFD = "Jos\u00e9", "Jose\u0301"


@pytest.mark.parametrize(("written", "on_disk"), [(NFC, NFD), (NFD, NFC)])
def test_another_unicode_form_in_any_part_of_a_path(touch, written, on_disk):
    root = touch(f"{on_disk}/sub/{on_disk}.png", "Bo/1.png")
    files = ListedFiles(root)
    assert files.found(f"{written}/sub/{written}.png", "here") == root / on_disk / "sub" / f"{on_disk}.png"
    assert files.found(f"Bo/../{written}/sub/{on_disk}.png", "here").samefile(root / on_disk / "sub" / f"{on_disk}.png")
    assert files.found("Bo/1.png", "here") == root / "Bo/1.png"
    (remark,) = files.remarks
    assert remark.startswith("2 paths of the list with another Unicode form")


def test_a_file_that_is_there_as_it_is_written_is_meant(touch):
    root = touch(f"{NFC}.png", f"{NFD}.png", " a.png", "a.png", "b.png", "x\\y.png", "x/y.png")
    if len(list(root.iterdir())) < 7:
        pytest.skip("this file system takes the names for one")
    files = ListedFiles(root)
    for name in (f"{NFC}.png", f"{NFD}.png", " a.png", "a.png", "x\\y.png"):
        assert files.found(name, "here") == root / name
    assert files.found(" b.png ", "here") == root / "b.png"  # blanks beside a comma
    assert files.remarks == ()


def test_two_files_that_may_be_meant(touch):
    root = touch("e\u0301\u00e9.png", "\u00e9e\u0301.png")
    with pytest.raises(DatasetError, match=r"here: .* is not there, and 2 names in .* differ from it in Unicode"):
        ListedFiles(root).found("\u00e9\u00e9.png", "here")


def test_paths_of_windows(touch):
    root = touch("ada/2024/1.png", f"{NFD}/1.png")
    files = ListedFiles(root)
    assert files.found("ada\\2024\\1.png", "here") == root / "ada/2024/1.png"
    assert files.found(f"{NFC}\\1.png", "here") == root / NFD / "1.png"
    (remark,) = files.remarks
    assert remark.startswith("2 paths of the list with backslashes between folders: found")
    with pytest.raises(DatasetError, match=r"line 3: .* does not exist; .*, not with backslashes as on Windows"):
        files.found("C:\\ada\\2024\\1.png", "x.csv, line 3")


def test_what_is_not_there(touch):
    root = touch("a.png")
    files = ListedFiles(root)
    for name in ("none.png", f"{NFC}.png", f"{NFC}/1.png", "a.png/b.png", "."):
        assert files.sought(name, "here") == root / name
        with pytest.raises(DatasetError, match=r"here: .* does not exist; paths are relative to"):
            files.found(name, "here")
    with pytest.raises(DatasetError, match=r"here: .* cannot be read: File name too long"):
        files.found("x" * 5000, "here")
    assert files.remarks == ()
