"""The keys of a write beside its values: what starts or skips features, `$` keys, the bodies of actions (facts 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("data", {}, "$.data"),
        ("trigger", None, "$.trigger"),
        ("trigger", [5], "$.trigger[0]"),
        ("process", "review_process", "$.process"),
        ("process", [{}], "$.process[0]"),
        ("apply_feature_execution", {}, "$.apply_feature_execution"),
        ("apply_feature_execution", ["layout_rules"], "$.apply_feature_execution[0]"),
        ("apply_feature_execution", [{"name": "magic"}], "$.apply_feature_execution[0].name"),
        ("skip_feature_execution", [{}], "$.skip_feature_execution[0].name"),
        ("skip_feature_execution", [{"name": ["cadences"]}], "$.skip_feature_execution[0].name"),
        ("lar_id", {}, "$.lar_id"),
        ("lar_id", "rule", "$.lar_id"),
        ("wf_trigger", "maybe", "$.wf_trigger"),
    ],
)
@pytest.mark.parametrize("path", ["Leads", "Leads/upsert"])
def test_a_key_of_the_wrong_type_refuses_the_whole_write(
    us: Client, path: str, key: str, value: Any, where: str
) -> None:
    answer = us.post(path, {"data": [{"Last_Name": "x", "Company": "y"}], key: value})
    assert (answer.status_code, answer.json()["details"]["json_path"]) == (400, where)
    assert us.org.records("Leads") == []


def test_features_are_applied_and_skipped_by_name(us: Client) -> None:
    body = {
        "data": [{"Last_Name": "x", "Company": "y"}],
        "apply_feature_execution": [{"name": "layout_rules"}],
        "skip_feature_execution": [{"name": "cadences"}],
        "process": ["review_process"],
        "lar_id": "5100000000000000001",
    }
    assert us.post("Leads", body).status_code == 201
    refused = us.post("Leads/upsert", body).json()
    assert refused["details"]["json_path"] == "$.skip_feature_execution[0].action"
    body["skip_feature_execution"] = [{"name": "cadences", "action": "insert"}]
    assert us.post("Leads/upsert", body).status_code == 200


@pytest.mark.parametrize(
    ("key", "value", "path", "expected"),
    [
        ("Tag", {}, "Tag", "jsonarray"),
        ("Tag", "", "Tag", "jsonarray"),
        ("Tag", ["vip"], "Tag[0]", "jsonobject"),
        ("$append_values", 5, "$append_values", "jsonobject"),
        ("$append_values", {"Languages": "yes"}, "$append_values.Languages", "boolean"),
        ("$se_module", 5, "$se_module", "string"),
        ("id", {}, "id", "bigint"),
        ("Layout", 5.5, "Layout", "jsonobject"),
    ],
)
def test_the_special_keys_of_a_record_have_types_too(
    us: Client, key: str, value: Any, path: str, expected: str
) -> None:
    element = us.refusal("Contacts", {"Last_Name": "x", key: value})
    assert element["code"] == "INVALID_DATA"
    assert element["details"]["json_path"] == f"$.data[0].{path}"
    assert element["details"]["expected_data_type"] == expected


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("actions/convert", {"data": [{"overwrite": "yes"}]}, "$.data[0].overwrite"),
        ("actions/change_owner", {"owner": {"id": "{me}"}, "notify": "yes"}, "$.notify"),
        ("actions/change_owner", {"owner": {"id": "{me}"}, "related_modules": {}}, None),
        ("actions/change_owner", {"owner": {"id": "{me}"}, "related_modules": "all"}, "$.related_modules"),
        ("actions/add_tags", {"tags": [{"name": "x"}], "over_write": "yes"}, "$.over_write"),
        ("actions/merge", {"merge": [{"data": [{"id": "1"}], "master_record_fields": 5}]},
         "$.merge[0].master_record_fields"),
    ],
)  # fmt: skip
def test_actions_on_a_record_check_the_types_of_their_keys(
    us: Client, path: str, body: dict[str, Any], where: str | None
) -> None:
    if "owner" in body:
        body = {**body, "owner": {"id": us.get("users", type="CurrentUser").json()["users"][0]["id"]}}
    answer = us.post(f"Leads/{us.lead()}/{path}", body)
    assert answer.status_code == (200 if where is None else 400)
    if where is not None:
        assert answer.json()["details"]["json_path"] == where
