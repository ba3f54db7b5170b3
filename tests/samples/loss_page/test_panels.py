import pytest
import torch

from lookalike.samples.loss_page.panels import PANELS


def test_the_page_shows_what_it_is_to_show():
    assert len({panel.name for panel in PANELS}) == len(PANELS) == 10
    families = [panel.family for panel in PANELS]
    assert families == ["softmax"] + 4 * ["center"] + 3 * ["angular"] + 2 * ["triplet"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_loss_is_built_with_the_settings_that_are_shown(panel):
    loss = panel.build()
    shown = dict(panel.settings)
    if panel.family == "center":
        shown["λ"], shown["α"] = shown["λ"] - loss.losses[1].weight, shown["α"] - loss.losses[1].rate
        assert list(shown.values()) == [0, 0]
    for name, attribute in (("m", "margin"), ("mining", "mining")):
        if name in shown:
            assert getattr(loss, attribute) == shown[name]
    if "s" in shown:
        assert loss.scale == shown["s"]
    if "λ_0" in shown:
        assert loss.annealing == (shown["λ_0"], shown["γ"], shown["λ_min"])
    value = loss(torch.randn(20, 2, requires_grad=True), torch.arange(20) % 10)
    assert torch.isfinite(value)


def test_the_two_triplets_differ_in_mining_alone():
    hard, semihard = (panel for panel in PANELS if panel.family == "triplet")
    assert dict(hard.settings) | {"mining": "semihard"} == dict(semihard.settings)
    assert (hard.build().margin, hard.build().metric) == (semihard.build().margin, semihard.build().metric)
