"""`lookalike index plan`: costs before anything is built."""


def test_a_hundred_million_on_one_machine(lookalike):
    said = lookalike("index", "plan", "--vectors", "100M", "--dim", "128", "--memory", "24GiB", "--disk", "80GiB")
    assert said.code == 0, said.err
    assert "ivfpq" in said.out
    assert "lookalike index build VECTORS" in said.out
    answer = lookalike(
        "index", "plan", "--vectors", "100M", "--dim", "128", "--memory", "24GiB", "--disk", "80GiB", "--json"
    )
    assert answer.document["command"].startswith("lookalike index build VECTORS")
    assert "--kind ivfpq" in answer.document["command"]


def test_numbers_that_are_none(lookalike, refused):
    refused(lookalike("index", "plan", "--vectors", "many", "--dim", "128"), "'many' is not a count")
    refused(lookalike("index", "plan", "--vectors", "1M", "--dim", "128", "--memory", "big"), "big")
