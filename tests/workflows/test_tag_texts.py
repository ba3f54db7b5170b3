"""Tags and filters as they are typed."""

import pytest

from lookalike.errors import InputError
from lookalike.workflows.tag_texts import given_filter, given_tags


def test_texts_and_mappings_mean_the_same():
    assert given_filter(["site=Berlin", "site=a=b", "role=x"]) == {"site": ["Berlin", "a=b"], "role": ["x"]}
    assert given_filter({"site": "Berlin", "role": ("x", "y")}) == {"site": ["Berlin"], "role": ["x", "y"]}
    assert given_filter(None) is None
    assert given_filter([]) is None
    assert given_tags(["site=Berlin", "role="]) == {"site": "Berlin", "role": None}
    assert given_tags({"site": "Berlin", "role": None}) == {"site": "Berlin", "role": None}
    assert given_tags(None) == given_tags([]) == {}


def test_what_is_no_tag():
    for text in ("site", "=Berlin", ""):
        with pytest.raises(InputError, match="is not KEY=VALUE"):
            given_filter([text])
    with pytest.raises(InputError, match="'site' is given twice"):
        given_tags(["site=a", "site=b"])
