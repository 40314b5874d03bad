"""The matching matrix of upsert (facts 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json


def upsert(client: Client, record: Json, *check: str, module: str = "Contacts") -> Json:
    body: dict[str, Any] = {"data": [record]}
    if check:
        body["duplicate_check_fields"] = list(check)
    element: Json = client.post(f"{module}/upsert", body).json()["data"][0]
    return element


@pytest.fixture
def key(us: Client) -> str:
    return us.org.add_field(
        "Contacts", field_label="Source Record ID", data_type="text", unique={"case_sensitive": False}
    )


def test_without_a_match_it_inserts(us: Client, key: str) -> None:
    element = upsert(us, {"Last_Name": "x", key: "1:1"}, key)
    assert (element["action"], element["duplicate_field"], element["message"]) == ("insert", None, "record added")


def test_a_listed_key_finds_the_record(us: Client, key: str) -> None:
    first = upsert(us, {"Last_Name": "x", key: "1:1"}, key)
    again = upsert(us, {"Last_Name": "y", key: "1:1"}, key)
    assert (again["action"], again["duplicate_field"]) == ("update", key)
    assert again["details"]["id"] == first["details"]["id"]
    assert len(us.org.records("Contacts")) == 1


def test_the_system_field_takes_part_only_when_nothing_or_it_is_listed(us: Client, key: str) -> None:
    stranger = us.insert("Contacts", {"Last_Name": "s", "Email": "a@example.com"})[0]
    listed = upsert(us, {"Last_Name": "x", "Email": "a@example.com", key: "1:1"}, key)
    assert listed["action"] == "insert"
    unlisted = upsert(us, {"Last_Name": "y", "Email": "a@example.com"})
    assert (unlisted["action"], unlisted["details"]["id"]) == ("update", stranger)


def test_unlisted_unique_fields_match_too_and_overwrite_a_stranger(us: Client, key: str) -> None:
    stranger = us.insert("Contacts", {"Last_Name": "s", "Customer_Number": "C-1"})[0]
    element = upsert(us, {"Last_Name": "x", "Customer_Number": "C-1", key: "1:1"}, key)
    assert (element["action"], element["duplicate_field"]) == ("update", "Customer_Number")
    assert element["details"]["id"] == stranger


def test_a_match_that_collides_with_a_second_record_is_a_duplicate(us: Client, key: str) -> None:
    us.insert("Contacts", {"Last_Name": "a", key: "1:1"}, {"Last_Name": "b", "Customer_Number": "C-1"})
    element = upsert(us, {"Last_Name": "x", key: "1:1", "Customer_Number": "C-1"}, key)
    assert (element["code"], element["details"]["api_name"]) == ("DUPLICATE_DATA", "Customer_Number")


def test_an_id_in_the_element_names_the_record(us: Client) -> None:
    number = us.insert("Contacts", {"Last_Name": "a"})[0]
    assert upsert(us, {"id": number, "Last_Name": "b"})["action"] == "update"
    assert upsert(us, {"id": "5100000000000999999", "Last_Name": "b"})["code"] == "INVALID_DATA"


def test_which_of_several_matches_wins_is_a_quirk(emu: Emulator, us: Client) -> None:
    one, two = us.insert("Contacts", *[{"Last_Name": "a", "Email": "a@example.com"}] * 2)
    assert upsert(us, {"Last_Name": "x", "Email": "a@example.com"})["details"]["id"] == one
    emu.quirks(upsert_several_matches="last")
    assert upsert(us, {"Last_Name": "x", "Email": "a@example.com"})["details"]["id"] == two


def test_only_unique_fields_may_be_listed(us: Client) -> None:
    answer = us.post("Contacts/upsert", {"data": [{"Last_Name": "x"}], "duplicate_check_fields": ["City"]})
    assert answer.status_code == 400
    assert answer.json()["details"]["json_path"] == "$.duplicate_check_fields[0]"


def test_a_batch_matches_what_it_inserted_itself(us: Client, key: str) -> None:
    record = {"Last_Name": "x", key: "1:1"}
    answer = us.post("Contacts/upsert", {"data": [record, record], "duplicate_check_fields": [key]})
    assert [one["action"] for one in answer.json()["data"]] == ["insert", "update"]


def test_a_pure_insert_can_answer_201(emu: Emulator, us: Client) -> None:
    body = {"data": [{"Last_Name": "x"}]}
    assert us.post("Contacts/upsert", body).status_code == 200
    emu.quirks(pure_insert_upsert_status="201")
    assert us.post("Contacts/upsert", body).status_code == 201


def test_a_number_sent_for_a_key_of_digits_matches_too(us: Client) -> None:
    key = us.org.add_field("Contacts", field_label="Serial", data_type="bigint", unique={"case_sensitive": False})
    first = upsert(us, {"Last_Name": "x", key: "12"}, key)
    again = upsert(us, {"Last_Name": "y", key: 12}, key)
    assert (again["action"], again["details"]["id"]) == ("update", first["details"]["id"])


def test_an_id_and_keys_together_update_the_record_with_the_id(us: Client, key: str) -> None:
    one, two = us.insert("Contacts", {"Last_Name": "a", key: "1"}, {"Last_Name": "b", key: "2"})
    element = upsert(us, {"id": two, "Last_Name": "c", key: "3"}, key)
    assert (element["action"], element["details"]["id"], element["duplicate_field"]) == ("update", two, None)
    clash = upsert(us, {"id": two, key: "1"}, key)
    assert (clash["code"], clash["details"]["id"]) == ("DUPLICATE_DATA", one)
    assert upsert(us, {"id": one, "Last_Name": "d"}, "id")["action"] == "update"


def test_listed_keys_are_tried_in_their_order(us: Client, key: str) -> None:
    one, two = us.insert("Contacts", {"Last_Name": "a", key: "1"}, {"Last_Name": "b", "Email": "b@example.com"})
    record = {"Last_Name": "x", key: "1", "Email": "b@example.com"}
    clash = upsert(us, record, "Email", key)  # it is the second record, whose key the first one holds
    assert (clash["code"], clash["details"]["id"]) == ("DUPLICATE_DATA", one)
    assert upsert(us, {**record, key: "2"}, "Email", key)["details"]["id"] == two
    assert upsert(us, record, key, "Email")["details"]["id"] == one
