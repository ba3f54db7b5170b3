"""Our kinds of index as Milvus' types."""

import pytest

import lookalike.index
from lookalike.errors import InputError
from lookalike.gallery.milvus.index_types import NAMES, index_type, metric_type, search_settings
from lookalike.index.planning.hosts.milvus_indexes import MILVUS_INDEXES


def test_the_mapping_is_the_planners():
    planned = {one.name.partition("+")[0]: one for one in MILVUS_INDEXES}
    for name in set(NAMES) - {"auto", "exact", "hnsw"}:
        made = index_type(name, 128)
        assert made.name in planned
        assert {key: made.build[key] for key in planned[made.name].settings if key in made.build}.items() <= dict(
            planned[made.name].settings
        ).items()


def test_a_graph_has_more_links_than_the_planners():
    (planned,) = (one for one in MILVUS_INDEXES if one.name == "HNSW")
    made = index_type("hnsw", 128)
    assert made.name == "HNSW"
    assert made.build.keys() == planned.settings.keys()
    assert all(made.build[key] > planned.settings[key] for key in planned.settings)


def test_auto_compares_few_and_builds_a_graph_of_many():
    limit = lookalike.index.AUTO_EXACT_LIMIT
    assert index_type("auto", 128, limit).name == "FLAT"
    assert index_type("auto", 128, limit + 1) == index_type("hnsw", 128)


@pytest.mark.parametrize("dimension", [1, 7, 96, 128, 511, 512])
def test_parts_of_a_code_divide_the_dimension(dimension):
    assert dimension % index_type("ivfpq", dimension).build["m"] == 0


def test_a_graph_considers_more_candidates_of_more_templates_and_at_least_k():
    assert search_settings(10, 10_000_000)["ef"] > search_settings(10, 10_000)["ef"]
    assert search_settings(5_000, 10)["ef"] == 5_000


def test_what_is_not_there():
    with pytest.raises(InputError, match="index is 'trees'"):
        index_type("trees", 128)
    with pytest.raises(InputError, match="the model by manhattan"):
        metric_type("manhattan")
