"""External ids in place of ids (facts 4.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json

OWN = {"X-EXTERNAL": "Products.SKU"}


@pytest.fixture
def sku(us: Client) -> str:
    return us.org.add_field("Products", field_label="SKU", data_type="text", external={"type": "org"})


def put(client: Client, path: str, body: Json, header: str) -> Json:
    element: Json = client.put(path, body, headers={"X-EXTERNAL": header}).json()["data"][0]
    return element


def quote(us: Client, product: Json, header: str | None) -> Json:
    body = {"data": [{"Subject": "q", "Quoted_Items": [{"Product_Name": product, "Quantity": 1}]}]}
    headers = {"X-EXTERNAL": header} if header else {}
    element: Json = us.http.post("/crm/v8/Quotes", json=body, headers=headers).json()["data"][0]
    return element


def test_they_stand_in_ids_and_in_the_elements_of_an_update(us: Client, sku: str) -> None:
    nut, bolt = us.insert("Products", {"Product_Name": "n", sku: "N"}, {"Product_Name": "b", sku: "B"})
    rows = us.get("Products", fields="Product_Name", ids="N,B", headers=OWN).json()["data"]
    assert {row["id"] for row in rows} == {nut, bolt}
    body = {"data": [{sku: "N", "Product_Name": "nut"}, {sku: "X", "Product_Name": "x"}]}
    done, wrong = us.put("Products", body, headers=OWN).json()["data"]
    assert (done["details"]["id"], wrong["message"]) == (nut, "The value of the external field is invalid.")
    gone = us.http.delete("/crm/v8/Products", params={"ids": "N,X"}, headers=OWN).json()["data"]
    assert [one["details"]["id"] for one in gone] == [nut, "X"]
    assert [one["code"] for one in gone] == ["SUCCESS", "INVALID_DATA"]


def test_a_lookup_inside_a_row_is_named_by_an_external_value(us: Client, sku: str) -> None:
    nut = us.insert("Products", {"Product_Name": "n", sku: "N"})[0]
    header = f"Quotes.Quoted_Items.Product_Name.{sku}"
    made = quote(us, {sku: "N"}, header)["details"]["id"]
    row = us.get(f"Quotes/{made}").json()["data"][0]["Quoted_Items"][0]
    assert row["Product_Name"] == {"name": "n", "id": nut}
    wrong = quote(us, {sku: "X"}, header)
    path = f"$.data[0].Quoted_Items[0].Product_Name.{sku}"
    assert wrong["message"] == "The external ID of the lookup field or the Price Book is incorrect"
    assert wrong["details"] == {"api_name": sku, "json_path": path}
    both = quote(us, {sku: "N", "id": nut}, header)
    assert both["code"] == "AMBIGUITY_DURING_PROCESSING"
    assert [one["api_name"] for one in both["details"]["ambiguity_due_to"]] == ["id", sku]
    assert quote(us, {sku: "N"}, None)["code"] == "EXPECTED_FIELD_MISSING"


@pytest.mark.parametrize("header", ["Quotes.Product_Name.SKU", "Quotes.Subject", "Products.SKU", "Quotes.SKU.", "SKU"])
def test_a_header_that_names_no_external_field_refuses_the_call(us: Client, sku: str, header: str) -> None:
    body = {"data": [{"Subject": "q"}]}
    answer = us.http.post("/crm/v8/Quotes", json=body, headers={"X-EXTERNAL": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")


def test_a_field_of_type_user_is_unique_among_the_records_of_one_owner(emu: Emulator, us: Client) -> None:
    key = us.org.add_field("Products", field_label="Mine", data_type="text", external={"type": "user"})
    other = us.get("users", type="ActiveUsers").json()["users"][1]["id"]
    theirs = us.insert("Products", {"Product_Name": "a", key: "1", "Owner": {"id": other}})[0]
    mine = us.insert("Products", {"Product_Name": "b", key: "1"})[0]
    assert us.refusal("Products", {"Product_Name": "c", key: "1"})["details"]["id"] == mine
    assert us.get("Products/1", headers={"X-EXTERNAL": f"Products.{key}"}).json()["data"][0]["id"] == mine
    body = {"data": [{"Product_Name": "d", key: "1"}], "duplicate_check_fields": [key]}
    assert us.post("Products/upsert", body).json()["data"][0]["details"]["id"] == mine
    assert us.org.record("Products", theirs)


def test_a_value_that_two_records_hold_is_refused_as_duplicate(us: Client, sku: str) -> None:
    for name in ("a", "b"):
        us.org.insert_raw("Products", {"Product_Name": name, sku: "N"})
    by_path = us.get("Products/N", headers=OWN)
    assert (by_path.status_code, by_path.json()["code"]) == (400, "DUPLICATE_DATA")
    by_lookup = quote(us, {sku: "N"}, f"Quotes.Quoted_Items.Product_Name.{sku}")
    text = "The external field contains duplicate data."
    assert (by_lookup["code"], by_lookup["message"]) == ("DUPLICATE_DATA", text)
