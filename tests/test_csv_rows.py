import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.csv_rows import csv_rows, named_rows
from lookalike.errors import DatasetError


def test_chosen_columns_in_the_chosen_order(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('\ufeff A ,b,C\n1, 2 ,3\n\n  \n"4,\n5",6,7\n', encoding="utf-8")
    seen = []
    rows = list(csv_rows(path, lambda columns: seen.extend(columns) or ("c", "a")))
    assert seen == ["a", "b", "c"]
    assert rows == [(f"{path}, line 2", ["3", "1"]), (f"{path}, line 6", ["7", "4,\n5"])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n,\n", "line 2: a '', b ''; all of them must be given"),
        (b"a,b\n1\n", "line 2: '1' has 1 field, the header 2; give the commas of empty fields too"),
        (b"a,b\n1,2,3\n", "line 2: '1,2,3' has 3 fields, the header 2; put a field that holds a comma in quotes"),
        (
            b"a,b\n1,2\n1;2\n",
            "line 3: '1;2' has 1 field, the header 2; separate fields by commas, not by semi",
        ),
        (b"a;b\n1;2\n", "has the header 'a;b', fields separated by semicolons; separate them by commas"),
        (b"a\tb\n1\t2\n", r"has the header 'a\tb', fields separated by tabs; separate them by commas"),
        (b"sep=;\na;b\n", "fields separated by semicolons"),
        (b"a|b\n1|2\n", "fields separated by vertical bars"),
        (b"a,A ,b\n1,2,3\n", "has 2 columns named 'a'; name each column once"),
        (b"a,b\n1,2\n\xff,1\n", "line 3: it is not UTF-8; save the file as UTF-8"),
        ("a,b\n1,é\n".encode("utf-16"), "is not UTF-8 but UTF-16 or UTF-32; save it as UTF-8"),
        ("a,b\n1,é\n".encode("utf-16-be"), "is not UTF-8 but UTF-16 or UTF-32"),
        ("a,b\n1,é\n".encode("utf-32"), "is not UTF-8 but UTF-16 or UTF-32"),
        (b"PK\x03\x04" + bytes(100), "is a spreadsheet or another archive, not a CSV; save it as CSV UTF-8"),
        (b"a,b\n1,x\0y\n", "line 2 holds a NUL character"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "line 3 is no row of a CSV: '3,\"4\\n5,6': a quote is opened and never closed"),
        (b'a,b\n1,"2"3\n', "line 2 is no row of a CSV: '1,\"2\"3': text follows a closing quote"),
        (b'a,b\n1,2"\n', "line 2: '1,2\"' has a quote in a field that does not begin with one"),
        (b'a,b\n1, "2, 3"\n', "without a blank between comma and quote"),
        (b"a,b\n1,2\n" + b"x" * 200_000 + b",1\n", "line 3 is no row of a CSV: 'xxx"),
        (b"", "has the columns []; expected a header with a,b"),
        (b"\n\n", "has the columns []; expected a header with a,b"),
        (b"# made by hand\na,b\n1,2\n", "has the columns ['# made by hand']; expected a header with a,b"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, content, said):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=re.escape(said)) as caught:
        list(named_rows(path, ("a", "b")))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_header_and_nothing_else(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n\n")
    assert list(named_rows(path, ("a", "b"))) == []


def test_what_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read: Is a directory"):
        list(csv_rows(tmp_path, lambda columns: columns))


def test_named_columns_some_of_which_may_be_empty(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("other,B,a\n1,,3\n4,5,6,\n")
    assert [fields for _, fields in named_rows(path, ("a", "b"), ("b",))] == [["3", ""], ["6", "5"]]
    with pytest.raises(DatasetError, match="line 2: a '3', b ''"):
        list(named_rows(path, ("a", "b")))
    with pytest.raises(DatasetError, match=r"has the columns .*; expected a header with a,c"):
        list(named_rows(path, ("a", "c")))


def test_an_empty_field_too_many_is_padding_only_where_no_field_can_have_moved_there(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b,note\n1,Smith, John,\n")
    with pytest.raises(DatasetError, match=r"line 2: .* has 4 field"):
        list(named_rows(path, ("a", "b")))
    with pytest.raises(DatasetError, match=r"line 2: .* has 4 field"):
        list(named_rows(path, ("a", "b", "note"), ("note",)))
    path.write_text("a,b,,\n1,2,,\n3,4\n")
    assert [fields for _, fields in named_rows(path, ("a", "b"))] == [["1", "2"], ["3", "4"]]


def test_blanks_of_paths_and_bytes_that_are_no_text_may_be_kept(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n 1 , 2 \ncaf\xe9,3\n")
    rows = named_rows(path, ("a", "b"), with_blanks=("a",), undecodable="surrogateescape")
    assert [fields for _, fields in rows] == [[" 1 ", "2"], ["caf\udce9", "3"]]


# What Python's csv module writes is read back


@given(
    st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["", "\ufeff"]),
)
def test_tables_with_any_text_are_read_as_they_were_written(tmp_path_factory, rows, quoting, mark):
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes((mark + text.getvalue()).encode())
    try:
        found = [fields for _, fields in named_rows(path, ("a", "b", "c"), ("a", "b", "c"))]
    except DatasetError:
        assert "\0" in text.getvalue()
        return
    assert found == [[field.strip() for field in row] for row in rows]
    kept = csv_rows(path, lambda columns: columns, ("a", "b", "c"), ("a", "b", "c"))
    assert [fields for _, fields in kept] == list(map(list, rows))


# What happens to tables on their way

# Without its quotes, a name's last comma is what spreadsheets write after a row.
NAMES = st.text(st.sampled_from('aé ,";\t'), min_size=1, max_size=6).filter(
    lambda name: {*name} & {*"aé"} and not name.strip().endswith(",")
)


def outside_quotes(text, position):
    return text[:position].count('"') % 2 == 0 and text[position - 1 : position + 1] != '""'


@st.composite
def damaged(draw):
    """Who is meant, and the bytes of a table after one damage: of separators, quotes, rows, header or encoding."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5))
    notes = draw(st.sampled_from([None, "", "x", "a, b"]))
    text = io.StringIO()
    writer = csv.writer(text, quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])), lineterminator="\n")
    order = draw(st.permutations(["path", "identity", *([] if notes is None else ["note"])]))
    writer.writerow(order)
    for number, name in enumerate(names):
        row = {"path": f"{number}.jpg", "identity": name, "note": notes}
        writer.writerow([row[column] for column in order])
    table, meant = text.getvalue(), {f"{number}.jpg": name.strip() for number, name in enumerate(names)}

    def some(sign):
        return [at for at, one in enumerate(table) if one == sign]

    kind = draw(st.sampled_from(["drop", "comma", "quote", "unquote", "separator", "encoding", "newline", "twice"]))
    if kind == "drop" and (found := some('"') + [at for at in some(",") if outside_quotes(table, at)]):
        at = draw(st.sampled_from(found))
        table = table[:at] + table[at + 1 :]
    elif kind in ("comma", "quote"):
        at = draw(st.sampled_from([at for at in range(len(table) + 1) if outside_quotes(table, at)]))
        table = table[:at] + {"comma": ",", "quote": '"'}[kind] + table[at:]
    elif kind == "unquote" and (found := [one.span() for one in re.finditer(r'"(?:[^"]|"")*"', table)]):
        start, stop = draw(st.sampled_from(found))
        table = table[:start] + table[start + 1 : stop - 1] + table[stop:]
    elif kind == "separator":
        sign = draw(st.sampled_from(";\t|: "))
        again = io.StringIO()
        csv.writer(again, delimiter=sign, lineterminator="\n").writerows(csv.reader(io.StringIO(table)))
        table = again.getvalue()
    elif kind == "encoding":
        return meant, table.encode(draw(st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])))
    elif kind == "newline":
        at = draw(st.sampled_from(some("\n")))
        table = table[:at] + table[at + 1 :]
    elif kind == "twice":
        head, _, body = table.partition("\n")
        table = f"{head},{draw(st.sampled_from(['identity', 'path']))}\n" + body.replace("\n", ",x\n")
    return meant, table.encode()


@given(damaged())
@example(({"0.jpg": 'a,"'}, b'path,identity\n0.jpg,a,""\n'))
def test_no_damage_makes_one_identity_of_two(tmp_path_factory, case):
    meant, content = case
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content)
    try:
        found = {file: identity for _, (file, identity) in named_rows(path, ("path", "identity"))}
    except DatasetError:
        return
    assert found in (meant, {})  # every reader refuses a table without rows
