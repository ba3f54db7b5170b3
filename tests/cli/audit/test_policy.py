"""`lookalike audit policy`."""


def test_asked_and_set(lookalike, gallery, refused):
    assert lookalike("audit", "policy", "--gallery", gallery).out == f"{gallery} logs acts\n"
    assert lookalike("audit", "policy", "searches", "--gallery", gallery).out == f"{gallery} logs searches\n"
    assert lookalike("audit", "policy", "--gallery", gallery, "--json").document["policy"] == "searches"
    refused(lookalike("audit", "policy", "all", "--gallery", gallery), "expected acts or searches")
