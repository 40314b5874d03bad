"""Writes: one answer per record, however the call ended; nothing is sent twice."""

import json
import socket

import pytest

from daemon.core.answer import Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.record import parse_instant
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, RequestRefused

ID, TIME = "700000000000201", "2026-03-01T09:05:00+01:00"
LEADS = [{"Last_Name": "A"}, {"Last_Name": "B"}]


def success(record_id=ID):
    details = {"id": record_id, "Modified_Time": TIME}
    return {"code": "SUCCESS", "details": details, "message": "record added", "status": "success"}


def error(code, message="no", **details):
    return {"code": code, "details": details, "message": message, "status": "error"}


def kinds(answers):
    return [type(answer) for answer in answers]


@pytest.mark.parametrize("status", [200, 201, 202, 207, 400])
def test_elements_are_judged_by_their_codes_and_not_by_the_status(zoho, server, status):
    server.say(status, {"data": [success(), error("INVALID_DATA", api_name="Email")]})
    assert kinds(zoho.insert("Leads", LEADS)) == [Done, Refused]


def test_insert_sends_data_and_quiet_triggers(zoho, server):
    server.say(201, {"data": [success(), success("2")]})
    zoho.insert("Leads", LEADS)
    [call] = server.calls
    assert (call.method, call.path, call.json) == ("POST", "/crm/v8/Leads", {"data": LEADS, "trigger": []})


def test_upsert_sends_its_key_fields(zoho, server):
    server.say(200, {"data": [success()]})
    zoho.upsert("Leads", LEADS[:1], ["Source_Key"], ["workflow"])
    [call] = server.calls
    assert call.path == "/crm/v8/Leads/upsert"
    assert (call.json["duplicate_check_fields"], call.json["trigger"]) == (["Source_Key"], ["workflow"])


def test_update_sends_ids_in_the_body_and_reads_412(zoho, server):
    body = {"data": [error("ALREADY_MODIFIED", id=ID, Modified_Time=TIME)]}
    server.say(412, body)
    [answer] = zoho.update("Leads", [{"id": ID, "Last_Name": "A"}], unmodified_since=parse_instant(TIME))
    [call] = server.calls
    assert (call.method, call.headers["if-unmodified-since"]) == ("PUT", "2026-03-01T08:05:00+00:00")
    assert answer.code == "ALREADY_MODIFIED"


def test_delete_takes_the_servers_time_and_knows_what_was_not_there(zoho, server):
    body = {"data": [{**success(), "details": {"id": ID}}, error("INVALID_DATA", "record not deleted", id="99")]}
    server.say(207, body)
    done, gone = zoho.delete("Leads", [ID, "99"])
    assert done == Done(record_id=ID, modified_time=zoho.server_time)
    assert gone == Gone(record_id="99", message="record not deleted")
    assert server.calls[0].query == {"ids": f"{ID},99", "wf_trigger": "false"}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_uncertain_for_every_record_and_not_repeated(zoho, server, status):
    server.say(status, error("INTERNAL_ERROR"))
    server.say(status, {"data": [success(), success("2")]})
    assert kinds(zoho.insert("Leads", LEADS)) == [Uncertain, Uncertain]
    assert len(server.calls) == 1
    assert kinds(zoho.insert("Leads", LEADS)) == [Uncertain, Uncertain]


@pytest.mark.parametrize("status", [200, 201, 204, 302, 304, 400, 403, 404])
@pytest.mark.parametrize("body", [b"<html>no</html>", b"", b"{", b"[]", b"null", b'{"data": 5}'])
def test_an_answer_that_says_nothing_is_uncertain_for_every_record(zoho, server, status, body):
    server.say(status, None if status in (204, 304) else body)
    assert kinds(zoho.insert("Leads", LEADS)) == [Uncertain, Uncertain]


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_a_write_whose_answer_is_cut_is_uncertain(zoho, server, cut):
    body = json.dumps({"data": [success(), success("2")]}).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    server.say_raw((head + body)[:cut])
    assert kinds(zoho.insert("Leads", LEADS)) == [Uncertain, Uncertain]
    assert len(server.calls) == 1


def test_a_write_without_answer_is_uncertain_after_its_deadline(make_org, clock, server):
    server.say_raw(b"", b"late", pause=2)
    with Zoho(make_org(call_deadline=0.3), now=clock) as zoho:
        [answer] = zoho.insert("Leads", LEADS[:1])
    assert (type(answer), answer.code) == (Uncertain, "NO_ANSWER")


@pytest.mark.parametrize("body", [error("TOO_MANY_REQUESTS"), b"<html>slow down", {"data": [error("X"), error("X")]}])
def test_429_is_not_sent_for_every_record(zoho, server, body):
    server.say(429, body)
    assert kinds(zoho.insert("Leads", LEADS)) == [NotSent, NotSent]
    assert zoho.credits_spent == 0


@pytest.mark.parametrize("code", ["TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_throttle_under_400_is_not_sent_for_every_record(zoho, server, code, wrapped):
    server.say(400, {"data": [error(code)]} if wrapped else error(code))
    assert kinds(zoho.insert("Leads", LEADS)) == [NotSent, NotSent]


def test_nobody_at_the_api_is_not_sent(make_org, clock, server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.token_answers.append(server.answer(200, server.token("1000.a.b", api_domain=url)))
    with Zoho(make_org(api_url=url), now=clock) as zoho:
        assert kinds(zoho.update("Leads", [{"id": ID}])) == [NotSent]
        assert zoho.credits_spent == 0


def test_nobody_at_the_token_endpoint_is_not_sent(make_org, clock):
    with Zoho(make_org(accounts_url="http://127.0.0.1:1"), now=clock) as zoho:
        assert kinds(zoho.insert("Leads", LEADS)) == [NotSent, NotSent]


def test_html_of_the_token_endpoint_is_not_sent(zoho, server):
    server.token_answers.append(server.answer(200, b"<html>"))
    assert kinds(zoho.insert("Leads", LEADS)) == [NotSent, NotSent]
    assert len(server.seen) == 1


def test_a_write_is_never_sent_after_its_deadline(org, clock, server):
    """The intent's clock starts before the call: a slow renewal may not push the write behind the deadline."""
    ticks = [0.0]

    def slow(connection):
        ticks[0] += org.call_deadline + 1
        return server.answer(200, server.token("1000.a.b"))(connection)

    server.token_answers.append(slow)
    with Zoho(org, now=clock, monotonic=lambda: ticks[0]) as zoho:
        assert kinds(zoho.insert("Leads", LEADS)) == [NotSent, NotSent]
    assert server.calls == []


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE", "INVALID_OAUTHTOKEN"])
def test_a_refused_token_is_renewed_once_and_the_write_sent_again(zoho, server, code):
    server.say(401, error(code))
    server.say(201, {"data": [success()]})
    assert kinds(zoho.insert("Leads", LEADS[:1])) == [Done]
    first, second = (call.headers["authorization"] for call in server.calls)
    assert (first, second) == ("Zoho-oauthtoken 1000.access1.token", "Zoho-oauthtoken 1000.access2.token")


def test_a_token_refused_twice_needs_a_person(zoho, server):
    server.default = server.answer(401, error("INVALID_TOKEN"))
    with pytest.raises(CredentialRefused, match="orgsync auth india"):
        zoho.insert("Leads", LEADS)
    assert (len(server.calls), len(server.token_calls)) == (2, 2)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_MODULE", RequestRefused),
        (400, "LIMIT_EXCEEDED", RequestRefused),
        (400, "REQUIRED_PARAM_MISSING", RequestRefused),
        (404, "INVALID_URL_PATTERN", RequestRefused),
        (401, "OAUTH_SCOPE_MISMATCH", CredentialRefused),
        (403, "NO_PERMISSION", CredentialRefused),
        (400, "AUTHORIZATION_FAILED", CredentialRefused),
    ],
)
def test_a_refusal_of_the_whole_request_is_raised(zoho, server, status, code, kind, wrapped):
    body = error(code, api_name="data")
    server.say(status, {"data": [body]} if wrapped else body)
    with pytest.raises(kind, match=code):
        zoho.insert("Leads", LEADS)
    assert len(server.calls) == 1


def test_a_body_too_large_is_a_refusal_of_the_whole_request(zoho, server):
    server.say(413, b"<html>")
    with pytest.raises(RequestRefused, match="too large") as caught:
        zoho.insert("Leads", LEADS)
    assert caught.value.code == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize("wrapped", [False, True])
def test_zohos_own_failure_over_a_batch_is_uncertain(zoho, server, wrapped):
    body = error("INTERNAL_ERROR")
    server.say(400, {"data": [body]} if wrapped else body)
    assert kinds(zoho.insert("Leads", LEADS)) == [Uncertain, Uncertain]


def test_zohos_own_failure_over_one_record_of_a_batch_is_busy(zoho, server):
    server.say(207, {"data": [success(), error("INTERNAL_ERROR")]})
    assert kinds(zoho.insert("Leads", LEADS)) == [Done, Busy]


def test_records_that_cannot_be_sent_are_refused_and_the_others_go(zoho, server):
    server.say(207, {"data": [success("1"), error("RECORD_LOCKED")]})
    records = [{"id": "x"}, {"id": "1"}, {"id": "3", "Name": "\ud800"}, {}, {"id": "2"}, {"id": "4", "N": 2**70}]
    answers = zoho.update("Leads", records)
    assert kinds(answers) == [Refused, Done, Refused, Refused, Busy, Refused]
    assert [record["id"] for record in server.calls[0].json["data"]] == ["1", "2"]


def test_ids_that_are_none_are_refused_and_the_others_deleted(zoho, server):
    server.say(200, {"data": [{**success(), "details": {"id": "2"}}]})
    assert kinds(zoho.delete("Leads", ["x,1", "2"])) == [Refused, Done]
    assert server.calls[0].query["ids"] == "2"


def test_nothing_to_send_is_no_call(zoho, server):
    assert zoho.insert("Leads", []) == zoho.delete("Leads", []) == []
    assert zoho.update("Leads", [{"id": None}])[0].code == "BAD_ID"
    assert server.seen == []


@pytest.mark.parametrize("name", ["Leads/1", "Leads\n", "../users", "", "a?b"])
def test_a_module_name_that_is_none_is_refused_before_anything_is_sent(zoho, server, name):
    for call in (
        lambda: zoho.insert(name, LEADS),
        lambda: zoho.update(name, [{"id": "1"}]),
        lambda: zoho.upsert(name, LEADS, ["Key"]),
        lambda: zoho.upsert("Leads", LEADS, [name]),
        lambda: zoho.delete(name, ["1"]),
    ):
        with pytest.raises(ValueError, match="is not an API name"):
            call()
    assert server.seen == []


def test_more_than_a_hundred_records_are_a_mistake_of_the_caller(zoho):
    with pytest.raises(ValueError, match="at most 100"):
        zoho.insert("Leads", [{}] * 101)
    with pytest.raises(ValueError, match="at most 100"):
        zoho.delete("Leads", ["1"] * 101)


@pytest.mark.parametrize(("records", "price"), [(1, 1), (10, 1), (11, 2), (100, 10)])
def test_a_write_costs_a_credit_per_ten_records(zoho, server, records, price):
    server.say(500)
    zoho.insert("Leads", [{"Last_Name": "x"}] * records)
    assert zoho.credits_spent == price
