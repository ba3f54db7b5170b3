"""The hardest pairs are shown as pictures, and named where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.embedder.face import Face, FaceBox
from lookalike.errors import InputError
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import PicturePairs
from lookalike.evaluation.report.summary import MethodResult
from lookalike.evaluation.verification.all_pairs import from_scores
from lookalike.evaluation.verification.look_alikes_evaluator import LookAlikes, look_alikes_section


@pytest.fixture
def methods(sixty_result):
    return ComparedMethods({"toy": MethodResult(sixty_result)})


def test_eight_pairs_of_each_kind(context_of, sixty_people, page_of):
    section = LookAlikes().measure(context_of(*sixty_people)).section
    assert [len(block.items) for block in section.blocks] == [8, 8]
    assert all(isinstance(block, PicturePairs) for block in section.blocks)
    assert page_of(section).count("data:image/png;base64,") == 32


def test_they_are_judged_at_the_threshold_that_the_model_has(sixty_result, methods):
    assert f"the EER threshold, {sixty_result.eer_threshold:.3g}" in look_alikes_section(methods).prose[0]
    chosen = ComparedMethods({"toy": MethodResult(sixty_result, threshold=2.5)})
    assert "the chosen threshold, 2.5" in look_alikes_section(chosen).prose[0]


def test_without_thumbnails_pairs_are_named(methods, sixty_result, rows_of):
    section = look_alikes_section(methods, count=3)
    hard = sixty_result.hardest_impostors(3, one_per_identities=True)
    pictures = [row[0] for row in rows_of(section).values()]
    assert pictures == [f"{a} · {b}" for a, b in zip(hard.first, hard.second, strict=True)]


def test_one_thumbnail_for_each_picture(methods):
    with pytest.raises(InputError, match="1 thumbnails were given for 240 pictures"):
        look_alikes_section(methods, [np.zeros((2, 2), np.uint8)])


def test_of_scores_alone_there_are_none():
    scores = from_scores([0.1, 0.5, 0.3, 0.9], [True, True, False, False])
    assert look_alikes_section(ComparedMethods({"only": MethodResult(scores)})) is None


def test_a_model_that_looks_for_faces_shows_which_it_compared(context_of, sixty_people, page_of):
    context = context_of(*sixty_people)
    pictures = []

    def faces(rgb):
        pictures.append(rgb.shape)
        return [Face(FaceBox(left, 10, left + 30, 40), 1.0, (), False) for left in (10, 50)]

    plain = page_of(LookAlikes().measure(context).section)
    section = LookAlikes().measure(replace(context, model=replace(context.model, faces=faces))).section
    assert "has a blue box" in section.prose[-1]
    assert len(pictures) == 32
    assert page_of(section) != plain
