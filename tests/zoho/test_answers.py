"""The write-answer parser: a table of what Zoho says, and a property that it never says more than it knows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.answer import Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.record import is_record_id
from daemon.zoho.answers import Sent, read_answers, request_error
from daemon.zoho.errors import CODES, shown

ID, OTHER, TIME = "700000000000201", "700000000000202", "2026-03-01T09:05:00+01:00"
MOMENT = datetime(2026, 3, 1, 8, 5, tzinfo=UTC)


def success(**changes):
    details = {"id": ID, "Modified_Time": TIME, **changes.pop("details", {})}
    return {"code": "SUCCESS", "details": details, "message": "record added", "status": "success", **changes}


def error(code, message="no", **details):
    return {"code": code, "details": details, "message": message, "status": "error"}


def read(*elements, ids=(None,), **how):
    return read_answers({"data": list(elements)}, Sent(ids=ids, **how), shown)


def one(element, record_id=None, **how):
    [answer] = read(element, ids=(record_id,), **how)
    return answer


def test_a_success_with_id_and_time_is_done():
    assert one(success()) == Done(record_id=ID, modified_time=MOMENT)


@pytest.mark.parametrize(
    "changes",
    [
        {"details": {"id": None}},
        {"details": {"id": 700000000000201}},
        {"details": {"id": "x"}},
        {"details": {"id": "7" * 20}},
        {"details": {"Modified_Time": None}},
        {"details": {"Modified_Time": "2026-03-01"}},
        {"details": {"Modified_Time": "2026-03-01T09:05:00"}},
        {"details": {"Modified_Time": "0001-01-01T00:00:00+14:00"}},
        {"status": "error"},
    ],
)
def test_a_success_that_lacks_its_proof_is_uncertain(changes):
    assert isinstance(one(success(**changes)), Uncertain)


@pytest.mark.parametrize("details", [None, [], "x", 5])
def test_a_success_without_details_is_uncertain(details):
    assert isinstance(one({"code": "SUCCESS", "details": details, "status": "success"}), Uncertain)


def test_a_success_for_another_record_than_the_one_sent_is_uncertain():
    assert isinstance(one(success(), OTHER), Uncertain)
    assert isinstance(one(success(), ID), Done)


@pytest.mark.parametrize(
    ("element", "matched"),
    [
        (success(action="update"), True),
        (success(action="insert"), False),
        (success(message="record updated"), True),
        (success(message="record added"), False),
        (success(action="insert", message="record updated"), False),
    ],
)
def test_an_upsert_says_whether_the_record_was_there(element, matched):
    assert one(element, upsert=True).matched is matched
    assert one(element).matched is False


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (error("MANDATORY_NOT_FOUND", api_name="Last_Name"), ("MANDATORY_NOT_FOUND", "Last_Name", None)),
        (error("INVALID_DATA", json_path="$.data[0].Email"), ("INVALID_DATA", "Email", None)),
        (error("INVALID_DATA", api_name="id", json_path="$.data[0].Owner.id"), ("INVALID_DATA", "Owner", None)),
        (error("INVALID_DATA", json_path="$.data[12].Rows[3].City"), ("INVALID_DATA", "Rows", None)),
        (error("SOMETHING_NEW"), ("SOMETHING_NEW", None, None)),
        (error("NO_PERMISSION", permissions=["x"]), ("NO_PERMISSION", None, None)),
        (error("ALREADY_MODIFIED", id=ID), ("ALREADY_MODIFIED", None, None)),
        (error("DUPLICATE_DATA", api_name="Email", id=ID), ("DUPLICATE_DATA", "Email", ID)),
        (
            error("DUPLICATE_DATA", json_path="$.data[0].Key", duplicate_record={"id": ID}),
            ("DUPLICATE_DATA", "Key", ID),
        ),
        (
            error("DUPLICATE_DATA", api_name="Key", id=OTHER, duplicate_record={"id": ID}),
            ("DUPLICATE_DATA", "Key", ID),
        ),
        (error("DUPLICATE_DATA", api_name="Key", id=5, duplicate_record="x"), ("DUPLICATE_DATA", "Key", None)),
    ],
)
def test_a_refusal_tells_its_field_and_the_holder_of_the_value(element, expected):
    answer = one(element)
    assert (answer.code, answer.field, answer.existing_id) == expected


@pytest.mark.parametrize(
    "code",
    [
        "RECORD_LOCKED",
        "NOT_APPROVED",
        "NOT_REVIEWED",
        "RECORD_IN_BLUEPRINT",
        "INTERNAL_ERROR",
        "DEPENDENT_SERVICE_ERROR",
    ],
)
def test_a_state_that_passes_is_busy(code):
    assert one(error(code, "later")) == Busy(code=code, message="later")


def test_a_record_in_a_merge_is_busy_whatever_the_code():
    assert isinstance(one(error("CANNOT_PROCESS", "The record under merge is locked")), Busy)


@pytest.mark.parametrize("code", ["TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"])
def test_a_throttled_record_was_not_sent(code):
    assert one(error(code)) == NotSent(code=code, message="no")


@pytest.mark.parametrize(
    "element",
    [
        error("INVALID_DATA", "the id given seems to be invalid", id=ID),
        error("INVALID_DATA", "the id given seems to be invalid"),
        error("INVALID_DATA", "invalid data", api_name="id", json_path="$.data[0].id"),
        error("INVALID_DATA", "whatever", api_name="id"),
        error("INVALID_DATA", "record not deleted", id=ID),
        error("INVALID_DATA", "record not deleted", resource_path_index=1),
    ],
)
def test_an_unknown_id_of_the_record_itself_is_gone(element):
    assert one(element, ID) == Gone(record_id=ID, message=element["message"])


@pytest.mark.parametrize(
    "element",
    [
        error("INVALID_DATA", "the id given seems to be invalid", api_name="id", json_path="$.data[0].Account_Name.id"),
        error("INVALID_DATA", "the id given seems to be invalid", json_path="$.data[0].Account_Name"),
        error("INVALID_DATA", "the id given seems to be invalid", id=OTHER),
        error("INVALID_DATA", "invalid data"),
    ],
)
def test_an_unknown_id_of_a_lookup_is_a_refusal(element):
    assert isinstance(one(element, ID), Refused)


def test_nothing_is_gone_that_was_not_named_by_id():
    assert isinstance(one(error("INVALID_DATA", "the id given seems to be invalid")), Refused)


def test_of_several_faults_the_duplicate_of_the_key_is_told():
    faults = [
        error("INVALID_DATA", api_name="Email"),
        error("DUPLICATE_DATA", api_name="Phone", id=OTHER),
        error("DUPLICATE_DATA", api_name="Key", id=ID),
    ]
    several = error("MULTIPLE_OR_MULTI_ERRORS", errors=faults)
    assert (one(several).field, one(several).existing_id) == ("Phone", OTHER)
    assert (one(several, prefer=["Key"]).field, one(several, prefer=["Key"]).existing_id) == ("Key", ID)


def test_of_several_faults_content_comes_before_state():
    several = error(
        "MULTIPLE_OR_MULTI_ERRORS", errors=[error("RECORD_LOCKED"), error("INVALID_DATA", api_name="Email")]
    )
    assert one(several).field == "Email"


@pytest.mark.parametrize("errors", [None, [], "x", [5, None], [error("MULTIPLE_OR_MULTI_ERRORS")], [success()]])
def test_several_faults_that_name_none_are_still_a_refusal(errors):
    assert one(error("MULTIPLE_OR_MULTI_ERRORS", errors=errors)).code == "MULTIPLE_OR_MULTI_ERRORS"


@pytest.mark.parametrize("element", [None, [], "x", 5, {}, {"code": None}, {"code": 5}, {"code": ""}])
def test_an_element_that_says_nothing_is_uncertain(element):
    assert isinstance(one(element), Uncertain)


@pytest.mark.parametrize("data", [None, {}, "x", 5, True])
def test_results_that_are_no_list_are_uncertain(data):
    answers = read_answers({"data": data}, Sent(ids=(None, None)), shown)
    assert [type(answer) for answer in answers] == [Uncertain, Uncertain]


def test_order_is_kept_and_one_fault_does_not_spread():
    answers = read(success(), error("INVALID_DATA"), None, error("RECORD_LOCKED"), ids=[None] * 4)
    assert [type(answer) for answer in answers] == [Done, Refused, Uncertain, Busy]


def test_with_a_result_missing_only_those_that_name_their_record_are_believed():
    by_id = read(success(), ids=[ID, OTHER])
    assert [type(answer) for answer in by_id] == [Done, Uncertain]
    assert {type(answer) for answer in read(success(), ids=[None, None])} == {Uncertain}
    assert {type(answer) for answer in read(success(), success(), ids=[None])} == {Uncertain}


def test_a_deletion_takes_the_time_it_is_given():
    element = {"code": "SUCCESS", "details": {"id": ID}, "message": "record deleted", "status": "success"}
    assert one(element, ID, deleted_at=MOMENT) == Done(record_id=ID, modified_time=MOMENT)


# --- refusals of the whole request -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "found",
    [
        error("INVALID_MODULE", resource_path_index=0),
        error("LIMIT_EXCEEDED", maximum_length=100, api_name="data"),
        error("REQUIRED_PARAM_MISSING", param_name="ids"),
        error("OAUTH_SCOPE_MISMATCH"),
    ],
)
def test_a_refusal_of_the_request_is_known_bare_and_wrapped(found, wrapped):
    body = {"data": [found]} if wrapped else found
    assert request_error(400, body, Sent(ids=[None])) == found


@pytest.mark.parametrize(
    "found", [error("NO_PERMISSION"), error("INTERNAL_ERROR"), error("INVALID_DATA", json_path="$.data")]
)
def test_a_bare_error_about_the_request_is_not_about_its_only_record(found):
    assert request_error(400, found, Sent(ids=[None])) == found


@pytest.mark.parametrize("found", [error("ALREADY_MODIFIED"), error("INVALID_DATA", json_path="$.data[0].Email")])
def test_a_bare_error_about_the_only_record_is_its_answer(found):
    sent = Sent(ids=[ID])
    assert request_error(412, found, sent) is None
    assert [answer.code for answer in read_answers(found, sent, shown)] == [found["code"]]


def test_one_error_for_many_records_speaks_of_all_only_when_nothing_succeeded():
    body = {"data": [error("NO_PERMISSION")]}
    assert request_error(403, body, Sent(ids=[None, None])) == body["data"][0]
    assert request_error(207, body, Sent(ids=[None, None])) is None


# --- properties ------------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
WORDS = st.sampled_from(
    [*CODES, "MULTIPLE_OR_MULTI_ERRORS", "X", ID, OTHER, TIME, "id", "$.data[0].id", "error", "success"]
)
KEYS = st.sampled_from(
    ["code", "details", "message", "status", "id", "Modified_Time", "errors", "api_name", "json_path"]
)
JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)
ELEMENTS = st.fixed_dictionaries({}, optional={"code": WORDS | JSON, "details": JSON, "message": JSON, "status": WORDS})
SENT = st.builds(
    Sent,
    ids=st.lists(st.none() | st.sampled_from([ID, OTHER]), min_size=1, max_size=5),
    upsert=st.booleans(),
    prefer=st.just(("Key",)),
)


@settings(max_examples=600, deadline=None)
@given(st.fixed_dictionaries({}, optional={"data": st.lists(ELEMENTS | JSON, max_size=6) | JSON, "code": WORDS}), SENT)
def test_any_json_gives_exactly_one_answer_per_record(found, sent):
    request_error(400, found, sent)
    answers = read_answers(found, sent, shown)
    assert len(answers) == len(sent.ids)
    for answer, record_id in zip(answers, sent.ids, strict=True):
        if isinstance(answer, Done):
            assert is_record_id(answer.record_id)
            assert answer.modified_time.tzinfo is UTC
            assert record_id in (None, answer.record_id)
        if isinstance(answer, Gone):
            assert answer.record_id == record_id is not None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=100))
def test_successes_and_refusals_stay_with_their_records(outcomes):
    elements = [success(details={"id": str(n + 1)}) if good else error("X") for n, good in enumerate(outcomes)]
    answers = read(*elements, ids=[None] * len(outcomes))
    assert [isinstance(answer, Done) and answer.record_id == str(n + 1) for n, answer in enumerate(answers)] == outcomes
