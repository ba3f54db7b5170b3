"""Which galleries can keep an annex."""

import pytest

from lookalike.errors import InputError
from lookalike.gallery import KeepsAnnex, annex_of


class TemplatesOnly:
    """A gallery without the capability."""

    def __repr__(self):
        return "<milvus://somewhere/places>"

    def annex(self):
        raise NotImplementedError


def test_a_gallery_in_a_folder_can(gallery):
    assert annex_of(gallery) is gallery
    assert isinstance(gallery, KeepsAnnex)


def test_others_are_refused_by_one_clear_line():
    with pytest.raises(InputError, match=r"<milvus://somewhere/places> keeps templates only, .*such as places.gallery"):
        annex_of(TemplatesOnly())
