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


def test_a_billion_over_several_hosts(lookalike, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    billion = ("index", "plan", "--vectors", "1B", "--dim", "128", "--memory", "64GiB")
    said = lookalike(*billion, "--host-cores", "32", "--searches-per-second", "100", "--host-price", "1.2")
    assert said.code == 0, said.err
    table = said.out[said.out.index("Milvus over hosts of 64 GiB, 32 cores, 100 searches a second") :].splitlines()
    rows = [line for line in table if "by " in line or "recall <" in line]
    names = ["DISKANN", "HNSW", "IVF_FLAT", "IVF_PQ+FP16", "IVF_RABITQ+SQ8", "IVF_SQ8", "SCANN"]
    assert sorted(name for name in names if any(name in row for row in rows)) == names
    assert all(len(row) <= 120 and "…" not in row for row in rows)
    assert sum("*" in row for row in rows) == 1
    document = lookalike(*billion, "--json").document["hosts"]
    assert len(document["options"]) == len(names)
    assert all(option["terms"] for option in document["options"])


def test_every_figure_is_explained(lookalike):
    said = lookalike("index", "plan", "--vectors", "1B", "--dim", "128", "--hosts", "--explain")
    assert "segments = ceil(1,000,000,000 / 2,064,888) = 485" in said.out
    assert "documented: milvus.yaml: dataCoord.segment.maxSize" in said.out
    assert said.out.count("processor time of a search = (") == 7


def test_one_machine_that_does_says_nothing_of_hosts(lookalike):
    said = lookalike("index", "plan", "--vectors", "100M", "--dim", "128", "--memory", "24GiB", "--disk", "80GiB")
    assert "Milvus" not in said.out


def test_hosts_that_are_none(lookalike, refused):
    billion = ("index", "plan", "--vectors", "1B", "--dim", "128")
    refused(lookalike(*billion, "--host-memory", "512MiB"), "a host of 512 MiB holds no segment", "--segment")
    refused(lookalike(*billion, "--host-memory", "big"), "host memory", "big")
    refused(lookalike(*billion, "--searches-per-second", "0"), "searches per second is 0")
    refused(lookalike(*billion, "--host-price", "-1"), "host price is -1")
    refused(lookalike(*billion, "--hosts", "--metric", "manhattan"), "Milvus cannot search by 'manhattan'")
