"""Plain galleries copied into encrypted ones, and another master key."""

import numpy as np
import pytest

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery import default_key, open_gallery
from lookalike.workflows.gallery_encryption import EncryptOptions, RekeyOptions, encrypt_gallery, rekey_gallery


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("LOOKALIKE_GALLERY_KEY_FILE", "LOOKALIKE_GALLERY_KEY", "LOOKALIKE_GALLERY_KEYRING"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def plain(tmp_path):
    with open_gallery(tmp_path / "plain") as gallery:
        gallery.bind("f", "net", "cosine", 8)
        vectors = np.random.default_rng(0).standard_normal((30, 8))
        for i in range(10):
            rows = vectors[3 * i : 3 * i + 3]
            gallery.enroll(f"p{i}", rows, ["a", "b", ""], tags={"n": str(i)}, qualities=[0.5, None, 1])
    return tmp_path / "plain"


def key(path, byte):
    path.write_bytes(bytes([byte]) * 32)
    path.chmod(0o600)
    return str(path)


def content(gallery):
    templates = [(one.identity, one.vector.tobytes(), one.source, one.enrolled_at, one.quality)
                 for one in gallery.templates()]  # fmt: skip
    return gallery.people(), sorted(templates, key=str), gallery.model, gallery.kind


def test_a_copy_holds_the_same(plain, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.workflows.gallery_encryption._AT_ONCE", 4)
    told = []
    options = EncryptOptions(source=plain, target=tmp_path / "e", key=key(tmp_path / "k", 1))
    done = encrypt_gallery(options, told.append)
    assert (done.identities, done.templates, done.keyring) == (10, 30, str(tmp_path / "e.keys"))
    assert [(one.done, one.total) for one in told] == [(4, 10), (8, 10), (10, 10)]
    with open_gallery(plain) as before, open_gallery(tmp_path / "e", key=bytes([1]) * 32) as after:
        assert content(before) == content(after)
        assert after.stats()["encrypted"]


def test_the_key_may_be_of_the_environment(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEY_FILE", key(tmp_path / "k", 1))
    assert encrypt_gallery(EncryptOptions(source=plain, target=tmp_path / "e")).templates == 30


def test_what_cannot_be_copied_is_refused(plain, tmp_path):
    given = key(tmp_path / "k", 1)
    with pytest.raises(InputError, match="needs a key"):
        encrypt_gallery(EncryptOptions(source=plain, target=tmp_path / "e"))
    with pytest.raises(InputError, match="is there already"):
        encrypt_gallery(EncryptOptions(source=plain, target=plain, key=given))
    with pytest.raises(ArtefactError, match="none is not there"):
        encrypt_gallery(EncryptOptions(source=tmp_path / "none", target=tmp_path / "e", key=given))
    open_gallery(tmp_path / "places", kind="landmarks").close()
    with pytest.raises(InputError, match="holds landmarks"):
        encrypt_gallery(EncryptOptions(source=tmp_path / "places", target=tmp_path / "e", key=given))
    assert not (tmp_path / "e").exists()


def test_a_master_key_is_changed(plain, tmp_path):
    old, new = key(tmp_path / "old", 1), key(tmp_path / "new", 2)
    encrypt_gallery(EncryptOptions(source=plain, target=tmp_path / "e", key=old))
    done = rekey_gallery(RekeyOptions(gallery=tmp_path / "e", key=old, new_key=new))
    assert (done.keys, done.keyring) == (40, str(tmp_path / "e.keys"))
    with pytest.raises(ArtefactError, match="is not the key of"):
        open_gallery(tmp_path / "e", key=old)
    with default_key(new), open_gallery(tmp_path / "e") as gallery:
        assert len(gallery) == 10
    with pytest.raises(InputError, match="is not encrypted: it has no keyring"):
        rekey_gallery(RekeyOptions(gallery=plain, new_key=new))
