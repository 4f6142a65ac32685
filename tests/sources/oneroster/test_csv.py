"""OneRoster's CSV files: sets, deltas, encodings, headers, and zips that are refused."""

from __future__ import annotations

import stat
import struct
import zipfile
from itertools import permutations
from pathlib import Path

import pytest

from edupulse.school.errors import BadInput
from edupulse.school.records import (
    ATTENDANCE,
    ENROLLMENTS,
    KINDS,
    MARKS,
    SCHOOLS,
    SECTION_STUDENTS,
    SECTIONS,
    STUDENTS,
)
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.oneroster.delivery import OneRoster, oneroster_csv
from edupulse.sources.rows import NOT_UTF8
from sources.oneroster.tables import (
    delivery_of,
    enrolled,
    notes,
    reasons,
    records,
    result,
    small,
    text_of,
    values,
    write_set,
    write_zip,
)


def everything(delivery: OneRoster) -> dict[str, list[tuple[object, ...]]]:
    """All records, without where they stood."""
    found = {}
    for kind in KINDS:
        if delivery.has(kind):
            frame = records(delivery, kind).drop("file", "line")
            found[kind.name] = sorted(frame.rows(), key=str)
    return found


def test_a_folder_a_zip_and_a_folder_within_a_zip_are_one(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", small())
    flat = write_zip(tmp_path / "a.zip", small())
    deep = write_zip(tmp_path / "b.zip", small(), inside="export/")
    assert (
        everything(oneroster_csv(folder))
        == everything(oneroster_csv(flat))
        == everything(oneroster_csv(deep))
    )


def test_order_of_rows_and_repetition_do_not_matter(tmp_path: Path) -> None:
    tables = {name: [*reversed(rows), rows[0]] for name, rows in small().items()}
    mixed = everything(delivery_of(tmp_path / "b", tables))
    plain = everything(delivery_of(tmp_path / "a", small()))
    assert {k: sorted(set(rows), key=str) for k, rows in mixed.items()} == plain


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_bulk_set_and_deltas_are_one_in_any_order(tmp_path: Path, order: list[int]) -> None:
    early, late = "2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z"
    deltas = [
        {"users": [{**small()["users"][0], "familyName": name, "dateLastModified": when}]}
        for name, when in (("Old", early), ("New", late))
    ]
    names = [str(n) for n in order]
    write_set(tmp_path / names[0], small(), mode="bulk")
    for name, delta in zip(names[1:], deltas, strict=True):
        write_set(tmp_path / name, delta, mode="delta")
    delivery = oneroster_csv(tmp_path)
    assert values(delivery, STUDENTS, "student_id", "last_name") == [("1", "New"), ("2", "F2")]


def test_a_delta_deletes_by_the_id_alone(tmp_path: Path) -> None:
    gone = {"status": "tobedeleted", "dateLastModified": "2025-10-01T00:00:00Z"}
    blank = dict.fromkeys(enrolled("", "", "") | result("", "", ""), "")
    write_set(tmp_path / "bulk", small(), mode="bulk")
    delta = {
        "enrollments": [{**blank, "sourcedId": "e3", **gone}],
        "results": [{**blank, "sourcedId": "r1", **gone}],
    }
    write_set(tmp_path / "delta", delta, mode="delta")
    delivery = oneroster_csv(tmp_path)
    retracted = values(delivery, SECTION_STUDENTS, "student_id", "section_id", "retracted")
    assert retracted == [("1", "alg-f", False), ("1", "eng-s", False), ("2", "alg-f", True)]
    assert values(delivery, ENROLLMENTS, "student_id", "retracted") == [("1", False), ("2", True)]
    marks = values(delivery, MARKS, "student_id", "retracted", "points")
    assert marks == [("1", False, 8_500), ("1", True, 8_500), ("2", False, None)]


def test_a_delta_that_calls_a_day_otherwise_takes_back_what_was_said(tmp_path: Path) -> None:
    row = {
        "sourcedId": "a",
        "studentSourcedId": "1",
        "schoolSourcedId": "h",
        "date": "2025-09-08",
        "attendanceStatus": "Absent",
    }
    write_set(tmp_path / "bulk", {**small(), "attendance": [row]}, mode="bulk")
    later = {**row, "attendanceStatus": "Excused", "dateLastModified": "2025-09-10T09:00:00Z"}
    write_set(tmp_path / "delta", {"attendance": [later]}, mode="delta")
    found = records(oneroster_csv(tmp_path), ATTENDANCE)
    said = found.select("status", "retracted", "known_at").rows()
    assert [
        (str(status), gone, known is None) for status, gone, known in sorted(said, key=str)
    ] == [
        ("absent", False, True),
        ("absent", True, False),
        ("excused", False, False),
    ]


def test_a_delta_alone_enrolls_nobody_and_says_so(tmp_path: Path) -> None:
    delivery = oneroster_csv(write_set(tmp_path, small(), mode="delta"))
    assert not delivery.has(ENROLLMENTS)
    list(delivery.batches(SECTION_STUDENTS))
    assert any("give the bulk set with it" in what for _, what in notes(delivery))


def test_two_whole_files_of_a_table_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "a", small())
    write_set(tmp_path / "b", small())
    with pytest.raises(BadInput, match="which is newer is not said"):
        oneroster_csv(tmp_path)


def test_a_manifest_is_heeded_where_it_and_the_files_differ(tmp_path: Path) -> None:
    write_set(tmp_path, small(), mode="bulk", version="1.2")
    manifest = (tmp_path / "manifest.csv").read_text()
    (tmp_path / "manifest.csv").write_text(manifest.replace("file.orgs,bulk", "file.orgs,absent"))
    (tmp_path / "results.csv").unlink()
    delivery = oneroster_csv(tmp_path)
    assert "OneRoster 1.2" in delivery.source
    told = notes(delivery)
    assert told["orgs.csv", "the manifest calls it absent: read all the same"] == 1
    assert told["results.csv", "missing, though the manifest says bulk"] == 1


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", None),
        ("utf-16", "read as UTF-16-LE"),
        ("cp1252", "not UTF-8: read as Windows-1252"),
    ],
)
def test_names_survive_the_encodings_that_exports_have(
    tmp_path: Path, encoding: str, said: str | None
) -> None:
    tables = small()
    tables["users"][0]["familyName"] = "Muñoz"
    folder = write_set(tmp_path, tables)
    (folder / "users.csv").write_bytes(text_of(tables["users"]).encode(encoding))
    delivery = oneroster_csv(folder)
    assert values(delivery, STUDENTS, "student_id", "last_name")[0] == ("1", "Muñoz")
    assert said is None or notes(delivery)["users.csv", said] == 1


def test_one_broken_row_in_a_utf8_file_is_rejected_alone(tmp_path: Path) -> None:
    tables = small()
    tables["users"][0]["familyName"] = "Muñoz"
    tables["users"][1]["familyName"] = "Núñez"
    folder = write_set(tmp_path, tables)
    broken = text_of(tables["users"]).encode() + b"3,,,h,student,u,G,F\xf1,09\n"
    (folder / "users.csv").write_bytes(broken)
    delivery = oneroster_csv(folder)
    assert [student for (student,) in values(delivery, STUDENTS, "student_id")] == ["1", "2"]
    assert [why for _, _, _, why in reasons(delivery, STUDENTS)] == [NOT_UTF8]


def test_line_ends_and_line_breaks_within_quotes_are_read(tmp_path: Path) -> None:
    tables = small()
    tables["courses"][0]["title"] = "Algebra,\nfirst part"
    folder = write_set(tmp_path, tables)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    titles = values(oneroster_csv(folder), SECTIONS, "section_id", "title")
    assert titles[0] == ("alg-f", "Algebra,\nfirst part")


def test_columns_may_be_spelled_otherwise_and_others_are_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path, small())
    text = (folder / "orgs.csv").read_text().replace("sourcedId", "Sourced ID", 1)
    (folder / "orgs.csv").write_text(text.replace("type", "TYPE,shoe size,metadata.x", 1))
    lines = (folder / "orgs.csv").read_text().splitlines()
    wider = [lines[0], *(line + ",9,9" for line in lines[1:])]
    (folder / "orgs.csv").write_text("\n".join(wider))
    delivery = oneroster_csv(folder)
    assert values(delivery, SCHOOLS, "school_id") == [("h",)]
    assert notes(delivery)["orgs.csv", "columns not read: shoe size"] == 1


def test_a_column_renamed_by_the_vendor_is_named_in_the_mapping(tmp_path: Path) -> None:
    folder = write_set(tmp_path, small())
    renamed = (folder / "orgs.csv").read_text().replace("type", "kind of org", 1)
    (folder / "orgs.csv").write_text(renamed)
    with pytest.raises(BadInput, match=r"lacks type; .*\[columns\.\"orgs\.csv\"\]"):
        oneroster_csv(folder)
    mapping = DistrictMapping(columns={"orgs.csv": {"Kind of org": "type"}})
    assert values(oneroster_csv(folder, mapping), SCHOOLS, "school_id") == [("h",)]


def test_other_separators_and_other_files_are_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path, small())
    (folder / "resources.csv").write_text("a,b\n")
    (folder / "lunch.csv").write_text("a,b\n")
    (folder / "read me.txt").write_text("x")
    told = notes(oneroster_csv(folder))
    assert told["resources.csv", "out of scope: not read"] == 1
    assert told["lunch.csv", "not a table that we know: not read"] == 1
    assert told["read me.txt", "not a CSV file: ignored"] == 1
    (folder / "orgs.csv").write_text("sourcedId;name;type\n")
    with pytest.raises(BadInput, match="a semicolon"):
        oneroster_csv(folder)


def test_a_row_with_a_cell_too_few_is_rejected_with_its_line(tmp_path: Path) -> None:
    folder = write_set(tmp_path, small())
    with (folder / "users.csv").open("a") as file:
        file.write("3,,,h,student\n")
    [(file_name, line, field, why)] = reasons(oneroster_csv(folder), STUDENTS)
    assert (file_name, line, field) == ("users.csv", 5, None)
    assert "cells expected" in why


def test_nothing_there_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder and no zip"):
        oneroster_csv(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="holds no CSV file"):
        oneroster_csv(tmp_path)
    (tmp_path / "lunch.csv").write_text("a,b\n")
    with pytest.raises(BadInput, match="no table of OneRoster"):
        oneroster_csv(tmp_path)


@pytest.mark.parametrize("name", ["../orgs.csv", "/orgs.csv", "a\\..\\orgs.csv", "C:/orgs.csv"])
def test_a_zip_with_a_path_that_leads_out_of_it_is_refused(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", small())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadInput, match="leads out of it"):
        oneroster_csv(path)


def test_a_zip_that_grows_beyond_any_export_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("users.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(80):
            member.write(b"\0" * 2**20)
    with pytest.raises(BadInput, match="hundreds of times"):
        oneroster_csv(path)


def test_a_zip_of_too_many_files_a_link_or_a_password_is_refused(tmp_path: Path) -> None:
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as archive:
        for n in range(1001):
            archive.writestr(f"{n}.txt", "")
    link = write_zip(tmp_path / "link.zip", small())
    with zipfile.ZipFile(link, "a") as archive:
        info = zipfile.ZipInfo("link.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    secret = write_zip(tmp_path / "secret.zip", {"orgs": small()["orgs"]})
    data = bytearray(secret.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 8
    data[at : at + 2] = struct.pack("<H", 1)
    secret.write_bytes(data)
    for path, why in ((many, "more than 1,000 files"), (link, "a link"), (secret, "encrypted")):
        with pytest.raises(BadInput, match=why):
            oneroster_csv(path)


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", small())
    data = bytearray(path.read_bytes())
    data[60:70] = b"0123456789"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="damaged"):
        everything(oneroster_csv(path))
