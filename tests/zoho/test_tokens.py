"""Tokens: renewed by one for all, in time, seldom enough; kept in a file that only its owner reads."""

import contextlib
import json
import stat
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from daemon.core.org import Secret
from daemon.zoho import auth, tokenfile
from daemon.zoho.auth import Authority
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable
from daemon.zoho.transport import Transport

THROTTLE = {
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


@pytest.fixture
def authority(org, clock):
    return Authority(org, Transport(org), now=clock)


def another(org, clock):
    return Authority(org, Transport(org), now=clock)


def test_a_token_is_asked_for_once_and_then_kept(authority, server):
    first = authority.access_token()
    assert authority.access_token() == first
    assert len(server.token_calls) == 1


def test_the_credential_travels_in_the_form_body_only(authority, server):
    authority.access_token()
    [call] = server.token_calls
    assert call.query == {}
    assert call.form["grant_type"] == "refresh_token"
    assert call.form["client_secret"].startswith("canary")


def test_another_process_finds_the_token_in_the_file(authority, org, clock, server):
    token = authority.access_token()
    assert another(org, clock).access_token() == token
    assert len(server.token_calls) == 1


def test_the_token_is_renewed_five_minutes_early(authority, clock, server):
    authority.access_token()
    clock.advance(3600 - 301)
    authority.access_token()
    assert len(server.token_calls) == 1
    clock.advance(2)
    authority.access_token()
    assert len(server.token_calls) == 2


def test_a_short_life_is_renewed_a_tenth_early(authority, clock, server):
    server.lifetime = 60
    authority.access_token()
    clock.advance(53)
    authority.access_token()
    assert len(server.token_calls) == 1
    clock.advance(2)
    authority.access_token()
    assert len(server.token_calls) == 2


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"expires_in": 1800}, 1800),
        ({"expires_in": "1800"}, 1800),
        ({"expires_in": 600000, "expires_in_sec": 600}, 600),
        ({"expires_in": None}, 3600),
        ({"expires_in": -5}, 3600),
        ({"expires_in": 1e300}, 3600),
        ({"expires_in": True}, 3600),
    ],
)
def test_the_lifetime_is_read_by_the_rule_of_the_two_keys(authority, org, clock, server, answer, seconds):
    server.token_answers.append(server.answer(200, server.token("1000.a.b", **answer)))
    authority.access_token()
    assert tokenfile.read(org).expires_at == clock() + timedelta(seconds=seconds)


def test_eight_threads_ask_at_once_and_one_call_is_made(authority, server):
    server.token_pause = 0.2
    got = []
    threads = [threading.Thread(target=lambda: got.append(authority.access_token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.token_calls) == 1
    assert len(got) == 8
    assert len(set(got)) == 1


def test_eight_threads_hear_401_at_once_and_one_call_is_made(authority, server):
    old = authority.access_token()
    threads = [threading.Thread(target=authority.renew, args=(old,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.token_calls) == 2


def test_eight_threads_at_a_dead_endpoint_make_one_attempt(authority, server):
    server.token_pause = 0.2
    server.token_answers.extend([server.answer(200, b"<html>down</html>")] * 8)
    failed = []

    def ask():
        try:
            authority.access_token()
        except OrgUnavailable as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 8
    assert len(server.token_calls) == 1


SCRIPT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from daemon.core.org import Org, Secret
from daemon.zoho.auth import Authority
from daemon.zoho.transport import Transport
url, file, client_secret, refresh_token = sys.argv[1:]
org = Org(name="india", data_center="in", accounts_url=url, api_url=url, client_id="1000.CLIENT",
          client_secret=Secret(client_secret), refresh_token=Secret(refresh_token), token_file=Path(file))
authority = Authority(org, Transport(org), now=lambda: datetime(2026, 11, 24, 10, tzinfo=UTC))
print("ready", flush=True)
sys.stdin.readline()
print(authority.access_token().reveal(), flush=True)
"""


def test_two_processes_ask_at_once_and_one_call_is_made(org, server):
    server.token_pause = 0.3
    arguments = [server.url, str(org.token_file), org.client_secret.reveal(), org.refresh_token.reveal()]
    command = [sys.executable, "-c", SCRIPT, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    tokens = {process.communicate(timeout=20)[0] for process in processes}
    assert tokens == {"1000.access1.token\n"}
    assert len(server.token_calls) == 1


def test_the_ninth_renewal_in_ten_minutes_is_refused_here(authority, server, clock):
    for _ in range(8):
        authority.renew(authority.access_token())
        clock.advance(30)
        if len(server.token_calls) == 8:
            break
    with pytest.raises(OrgUnavailable, match=r"Wait until 10:10:00 UTC") as caught:
        authority.renew(authority.access_token())
    assert caught.value.retry_after == 600 - 7 * 30
    clock.advance(600)
    authority.renew(authority.access_token())
    assert len(server.token_calls) == 9


def test_the_count_of_renewals_is_shared_through_the_file(authority, org, clock, server):
    for _ in range(7):
        authority.renew(authority.access_token())
    with pytest.raises(OrgUnavailable):
        another(org, clock).renew(authority.access_token())
    assert len(server.token_calls) == 8


def test_a_clock_set_back_does_not_forget_the_renewals(authority, clock):
    for _ in range(7):
        authority.renew(authority.access_token())
    clock.advance(-300)
    with pytest.raises(OrgUnavailable):
        authority.renew(authority.access_token())


def test_a_clock_set_far_back_does_not_lock_for_long(authority, clock, server):
    for _ in range(7):
        authority.renew(authority.access_token())
    clock.advance(-3600)
    authority.renew(authority.access_token())
    assert len(server.token_calls) == 9


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", [THROTTLE, {**THROTTLE, "error": "拒绝访问"}, {"error": "access_denied"}])
def test_a_throttle_is_waited_out_by_everybody(authority, org, clock, server, status, body):
    server.token_answers.append(server.answer(status, body))
    with pytest.raises(OrgUnavailable, match="Wait until 10:10:00 UTC"):
        authority.access_token()
    with pytest.raises(OrgUnavailable, match="Wait until 10:10:00 UTC"):
        another(org, clock).access_token()
    assert len(server.token_calls) == 1
    clock.advance(601)
    authority.access_token()


def test_a_throttle_leaves_a_living_token_in_use(authority, clock, server):
    token = authority.access_token()
    clock.advance(3500)
    server.token_answers.append(server.answer(400, THROTTLE))
    assert authority.access_token() == token
    clock.advance(101)
    with pytest.raises(OrgUnavailable):
        authority.access_token()


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("invalid_code", "orgsync auth india"),
        ("invalid_client", r"orgs\.india\.client_id"),
        ("invalid_client_secret", r"orgs\.india\.client_secret"),
        ("something_new", "orgsync auth india"),
    ],
)
def test_an_error_under_200_is_an_error(authority, server, error, hint):
    server.token_answers.append(server.answer(200, {"error": error}))
    with pytest.raises(CredentialRefused, match=f"{error}.*{hint}"):
        authority.access_token()


def test_only_an_access_token_says_that_it_worked(authority, server, clock):
    server.token_answers.append(server.answer(200, {"token_type": "Bearer", "expires_in": 3600}))
    with pytest.raises(CredentialRefused, match="no reason given"):
        authority.access_token()
    clock.advance(6)
    server.token_answers.append(server.answer(200, server.token("1000.a.b", error="none")))
    assert authority.access_token() == Secret("1000.a.b")


def test_a_refused_credential_is_asked_about_less_and_less_and_stays_refused(authority, server, clock):
    for _ in range(20):
        server.token_answers.append(server.answer(200, {"error": "invalid_code"}))
    for _ in range(200):  # a daemon that polls every second for 200 seconds
        with pytest.raises(CredentialRefused, match="invalid_code"):
            authority.access_token()
        clock.advance(1)
    assert len(server.token_calls) == 6  # at 0, 5, 15, 35, 75 and 155 seconds


@pytest.mark.parametrize("token", [None, 5, "", " ", "a\nb", "tökén", ["x"]])
def test_an_access_token_that_is_none_is_no_token(authority, server, token):
    server.token_answers.append(server.answer(200, server.token(token)))
    with pytest.raises(OrgUnavailable, match="access_token"):
        authority.access_token()


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"access_token": "x"', b"null"])
def test_an_answer_that_is_no_object_means_that_nothing_was_executed(authority, server, body):
    server.token_answers.append(server.answer(200, body))
    with pytest.raises(OrgUnavailable):
        authority.access_token()


@pytest.mark.parametrize("status", [500, 503])
def test_a_broken_token_endpoint_counts_as_asked_and_says_when_to_ask_again(authority, org, server, status):
    server.token_answers.append(server.answer(status, {"error": "oops"}))
    with pytest.raises(OrgUnavailable, match=f"{status}: oops") as caught:
        authority.access_token()
    assert caught.value.retry_after == 5
    assert len(tokenfile.read(org).renewals) == 1


def test_nobody_at_the_token_endpoint_uses_up_no_allowance(make_org, clock):
    org = make_org(accounts_url="http://127.0.0.1:1")
    for _ in range(12):
        with pytest.raises(OrgUnavailable, match="no connection"):
            another(org, clock).access_token()


@pytest.mark.parametrize(
    "domain",
    [
        "https://www.zohoapis.com",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "//127.0.0.1",
        "http://127.0.0.1@evil.example",
        "javascript:alert(1)",
        "http://[",
        5,
        "",
    ],
)
def test_a_token_for_another_data_centre_is_refused(authority, org, server, domain):
    server.token_answers.append(server.answer(200, server.token("1000.a.b", api_domain=domain)))
    with pytest.raises(CredentialRefused, match=rf"{org.api_url}.*orgs\.india\.data_center") as caught:
        authority.access_token()
    assert str(domain) in str(caught.value)
    assert tokenfile.read(org).access_token is None


def test_the_same_address_may_be_written_in_other_ways(authority, server):
    server.token_answers.append(server.answer(200, server.token("1000.a.b", api_domain=server.url.upper() + "/")))
    assert authority.access_token() == Secret("1000.a.b")


@pytest.mark.parametrize(
    ("configured", "named", "good"),
    [
        ("https://sandbox.zohoapis.in", "https://www.zohoapis.in", True),
        ("https://sandbox.zohoapis.in", "https://sandbox.zohoapis.in:443/", True),
        ("https://sandbox.zohoapis.in", "https://www.zohoapis.com", False),
        ("https://www.zohoapis.in", "https://sandbox.zohoapis.in", False),
        ("https://other.zohoapis.in", "https://www.zohoapis.in", False),
        ("https://www.zohoapis.in", "https://user@www.zohoapis.in", False),
        ("https://www.zohoapis.in", "https://www.zohoapis.in/crm", False),
        ("https://www.zohoapis.in", "http://www.zohoapis.in", False),
        ("https://www.zohoapis.in", "https://www.zohoapis.in.evil.example", False),
    ],
)
def test_a_sandbox_may_be_given_a_token_of_its_data_centre(make_org, clock, server, configured, named, good):
    server.token_answers.append(server.answer(200, server.token("1000.a.b", api_domain=named)))
    authority = another(make_org(api_url=configured), clock)
    if good:
        assert authority.access_token() == Secret("1000.a.b")
    else:
        with pytest.raises(CredentialRefused, match="is configured for"):
            authority.access_token()


def test_a_redirect_of_the_token_endpoint_is_refused_and_named(authority, server):
    server.token_answers.append(server.answer(302, b"", Location="https://accounts.zoho.com/oauth"))
    with pytest.raises(CredentialRefused, match=r"redirects to accounts\.zoho\.com.*accounts_url"):
        authority.access_token()


def test_another_credential_ignores_the_cached_token(authority, make_org, clock, server):
    authority.access_token()
    for changes in ({"refresh_token": Secret("1000.other")}, {"client_id": "2"}, {"client_secret": Secret("other")}):
        another(make_org(**changes), clock).access_token()
    assert len(server.token_calls) == 4


def test_without_a_refresh_token_the_command_to_type_is_named(make_org, clock):
    with pytest.raises(CredentialRefused, match="Run: orgsync auth india"):
        another(make_org(refresh_token=None), clock).access_token()


def test_the_settings_refresh_token_wins_over_the_stored_one(make_org, clock, server):
    with tokenfile.locked(make_org(), 1):
        tokenfile.write(make_org(), tokenfile.Tokens(refresh_token=Secret("stored")))
    another(make_org(), clock).access_token()
    another(make_org(refresh_token=None), clock).access_token()
    assert [call.form["refresh_token"] for call in server.token_calls][1] == "stored"
    assert tokenfile.read(make_org()).refresh_token == Secret("stored")


def test_a_grant_code_is_stored_and_used(make_org, clock, server):
    org = make_org(refresh_token=None)
    server.token_answers.append(
        server.answer(200, server.token("1000.a.b", refresh_token="1000.r.r", scope="A.b.READ A.c.ALL,<b>"))
    )
    assert auth.exchange_grant(org, Secret("1000.code"), now=clock) == ("A.b.READ", "A.c.ALL")
    assert tokenfile.read(org).scopes == ("A.b.READ", "A.c.ALL")
    assert another(org, clock).access_token() == Secret("1000.a.b")
    [call] = server.token_calls
    assert (call.form["grant_type"], call.form["code"]) == ("authorization_code", "1000.code")


def test_a_grant_that_gives_no_refresh_token_is_no_success(make_org, server):
    server.token_answers.append(server.answer(200, server.token("1000.a.b")))
    with pytest.raises(BadAnswer, match="no refresh token"):
        auth.exchange_grant(make_org(refresh_token=None), Secret("1000.code"))


@pytest.mark.parametrize("body", [{"status": "failure"}, {}, {"error": "invalid_token"}])
def test_a_revocation_that_is_not_confirmed_keeps_the_file(org, authority, server, body):
    authority.access_token()
    server.token_answers.append(server.answer(200, body))
    with pytest.raises(CredentialRefused):
        auth.revoke(org)
    assert org.token_file.exists()


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_only(authority, org):
    authority.access_token()
    assert stat.S_IMODE(org.token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(org.token_file.parent.stat().st_mode) == 0o700
    assert {path.name for path in org.token_file.parent.iterdir()} == {"india.json", "india.json.lock"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused_with_the_command_to_type(authority, org, clock, mode):
    authority.access_token()
    org.token_file.chmod(mode)
    with pytest.raises(CredentialRefused, match=f"mode 0{mode:o}.*chmod 600 {org.token_file}"):
        another(org, clock).access_token()


def test_a_link_is_not_followed(org, clock, tmp_path):
    org.token_file.parent.mkdir(mode=0o700)
    org.token_file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CredentialRefused, match="cannot be opened"):
        another(org, clock).access_token()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"refresh_token": 5}', "\x00" * 100])
def test_a_damaged_cache_is_written_anew(authority, org, clock, server, content):
    authority.access_token()
    org.token_file.write_text(content)
    another(org, clock).access_token()
    assert json.loads(org.token_file.read_text())["access_token"] == "1000.access2.token"


def test_a_damaged_file_that_held_the_only_refresh_token_is_told(make_org, clock):
    org = make_org(refresh_token=None)
    with tokenfile.locked(org, 1):
        tokenfile.write(org, tokenfile.Tokens(refresh_token=Secret("stored")))
    org.token_file.write_text("{")
    with pytest.raises(CredentialRefused, match=r"is damaged.*orgsync auth india"):
        another(org, clock).access_token()


def test_a_folder_that_cannot_be_written_is_a_message(make_org, clock, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialRefused, match="cannot be opened"):
        another(make_org(token_file=tmp_path / "file" / "india.json"), clock).access_token()


def test_a_lock_that_never_opens_is_told(org, clock, monkeypatch):
    with (
        tokenfile.locked(org, 1),
        pytest.raises(OrgUnavailable, match="another process held"),
        tokenfile.locked(org, 0.1),
    ):
        pass


def test_an_outage_of_the_token_endpoint_is_outlasted_and_not_asked_to_death(authority, server, clock):
    for _ in range(5):
        server.token_answers.append(server.answer(503, {"error": "oops"}))
    for _ in range(200):  # a daemon that polls every second for 200 seconds
        with contextlib.suppress(OrgUnavailable):
            authority.access_token()
            break
        clock.advance(1)
    assert len(server.token_calls) == 6  # at 0, 5, 15, 35, 75 and 155 seconds
    assert authority.access_token()
