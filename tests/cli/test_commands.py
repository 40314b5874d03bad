"""The commands as a shell sees them: what they print, and their exit codes."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from daemon import cli
from daemon.cli import status
from daemon.cli.context import utc_now
from daemon.emulator import Emulator
from tests.service.site import Site
from tests.sync.pair import add_key


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        yield Site(emu, tmp_path, keys=False)


def run_here(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    """The entry point in this process, for what a frozen clock must reach."""
    monkeypatch.setattr(sys, "argv", ["orgsync", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_init_writes_the_template_and_never_overwrites(site: Site) -> None:
    assert site.call("init", "new.toml", "--all-keys").returncode == 0
    text = (site.folder / "new.toml").read_text()
    assert "[routes.india-to-us]" in text
    (site.folder / "new.toml").write_text("mine")
    again = site.call("init", "new.toml", "--all-keys")
    assert again.returncode == 64
    assert "exists" in again.stderr
    assert (site.folder / "new.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nonsense",), 64, "No such command"),
        (("chekc",), 64, "Did you mean 'check'?"),
        (("status", "--settings", "x"), 64, "orgsync --settings FILE status"),
        (("verify",), 64, "there are: india-to-us/Accounts"),
        (("auth",), 64, "there are: india, us"),
        (("retry", "--cause", "1", "--cause", "2"), 64, "--cause is given twice"),
        (("why", ""), 64, "RECORD is empty"),
        (("init", "no/where.toml", "--all-keys"), 64, "There is no folder"),
        (("retry",), 64, "say which"),
        (("retry", "--cause", "99999999999999999999"), 64, "--cause takes a whole number from 1 to 9,223,"),
        (("queue", "--limit", "x"), 64, "--limit takes a whole number from 1 to 10,000, not 'x'. Nothing was done"),
        (("status", "--watch", "0"), 64, "--watch takes a number from 0.2 to 3,600, not 0.0"),
        (("retry", "--record", "\udcff"), 64, "takes a record id"),
        (("retry", "--stream", "no/Such"), 64, "there are: india-to-us/Accounts"),
        (("release", "no/Such", "--accept", "1", "--reason", "x"), 64, "there are: india-to-us/Accounts"),
        (("release", "india-to-us/Leads", "--accept", "-1", "--reason", "x"), 64, "takes a number of records, or all"),
        (("release", "india-to-us/Leads", "--accept", "1", "--reason", " "), 64, "must say why"),
        (("release", "india-to-us/Leads", "--accept", "1"), 64, "--reason"),
        (("drop", "--reason", "x"), 64, "say which"),
        (("drop", "--cause", "1"), 64, "--reason"),
        (("drop", "--cause", "1", "--reason", " "), 64, "must say why"),
        (("resync", "no/Such"), 64, "there are: india-to-us/Accounts"),
        (("auth", "nobody"), 64, "there are: india, us"),
        (("status",), 69, "there is no ledger at"),
        (("--settings", "absent.toml", "check"), 78, "orgsync init"),
    ],
)
def test_a_mistake_is_one_message_and_a_code(site: Site, args: tuple[str, ...], code: int, said: str) -> None:
    done = site.call(*args)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr


def test_check_names_what_is_missing_and_makes_it_when_asked(site: Site) -> None:
    first = site.call("check")
    assert first.returncode == 2
    assert "has no field Source_Record_ID" in first.stdout
    made = site.call("check", "--create-keys")
    assert made.returncode == 0, made.stdout
    assert made.stdout.count("created us's") == 4
    lines = [json.loads(line) for line in site.call("check", "--json").stdout.splitlines()]
    assert all(line["ok"] is not False for line in lines)


def test_auth_reads_the_code_from_stdin_and_keeps_the_tokens_to_itself(site: Site) -> None:
    text = "\n".join(line for line in site.settings.read_text().splitlines() if "refresh_token" not in line)
    site.settings.write_text(text)
    refused = site.call("check")
    assert "orgsync auth india" in refused.stdout
    code = site.emu.orgs["india"].grant_tokens[0]
    assert site.call("auth", "india", stdin=code + "\n").returncode == 0
    kept = site.folder / "state" / "tokens" / "india.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    used = site.call("auth", "india", stdin=code + "\n")
    assert used.returncode == 2
    assert code not in used.stderr
    assert "ok india" in site.call("check").stdout


def test_what_retry_stores_is_the_time_in_utc_wherever_it_is_typed(site: Site) -> None:
    site.call("check", "--create-keys")
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Email": "none"})
    assert site.call("once").returncode == 1
    site.env["TZ"] = "Asia/Tokyo"
    assert site.call("retry", "--stream", "india-to-us/Leads").returncode == 0
    with sqlite3.connect(f"file:{site.folder / 'state' / 'orgsync.db'}?mode=ro", uri=True) as ledger:
        [(due,)] = ledger.execute("select due_at from retry_queue where state = 'due'").fetchall()
    assert abs(datetime.fromisoformat(due).replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=2)


def test_the_clock_of_the_commands_says_utc() -> None:
    with freeze_time("2026-03-01 23:30:00"):
        assert utc_now() == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def test_status_is_plain_text_where_no_terminal_is(site: Site) -> None:
    site.call("check", "--create-keys")
    site.call("once")
    shown = site.call("status")
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert [line.split()[:2] for line in shown.stdout.splitlines()[1:5]] == [
        [f"india-to-us/{module}", "ok"] for module in sorted(site.modules)
    ]


def test_a_sum_that_is_off_is_named_with_its_cycle_and_what_to_do(site: Site) -> None:
    site.call("check", "--create-keys")
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    assert site.call("once").returncode == 0
    with sqlite3.connect(site.folder / "state" / "orgsync.db") as ledger:
        ledger.execute("PRAGMA ignore_check_constraints = ON")
        ledger.execute("UPDATE cycles SET seen = 4")
    for command in ("status", "once"):
        told = site.call(command)
        assert told.returncode == 2
        assert "cycle #1 saw 4, and what became of it adds up to 1" in told.stdout + told.stderr


def test_once_says_what_a_first_run_refuses_and_status_repeats_it(site: Site) -> None:
    site.call("check", "--create-keys")
    site.emu.orgs["us"].insert_raw("Leads", {"Last_Name": "Stranger", "Company": "C"})
    refused = site.call("once")
    assert refused.returncode == 2
    assert "--first-run create" in refused.stderr
    assert "--first-run create" in site.call("status").stdout
    assert site.call("once", "--first-run", "create").returncode == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (-3, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")],
)
def test_durations_are_said_as_people_say_them(seconds: int | None, said: str) -> None:
    assert status.duration(seconds) == said


def test_a_value_from_a_record_cannot_move_the_cursor() -> None:
    assert status.printable("a\x1b[2Jb\r\nc\u202e") == "a\ufffd[2Jb\ufffd\ufffdc\ufffd"


def test_a_stream_that_was_taken_out_of_the_settings_does_not_fail_status_for_ever(site: Site) -> None:
    site.call("check", "--create-keys")
    text = site.settings.read_text()
    site.settings.write_text(text.replace("modules.Accounts]", "modules.Nonsense]"))
    assert site.call("once").returncode == 2
    site.settings.write_text(text)
    assert site.call("once").returncode == 0
    assert "Nonsense" not in site.call("status").stdout


def test_a_state_folder_that_cannot_be_made_is_a_message(site: Site) -> None:
    site.settings.write_text('state_dir = "/proc/nope"\n' + site.settings.read_text())
    done = site.call("once")
    assert (done.returncode, "Traceback" in done.stderr) == (69, False)
    assert "/proc/nope" in done.stderr


def test_the_state_folder_is_for_its_owner_alone(site: Site) -> None:
    site.call("auth", "india", stdin=site.emu.orgs["india"].grant_tokens[0] + "\n")
    assert (site.folder / "state").stat().st_mode & 0o077 == 0


def test_status_shows_a_comparison_that_goes_on(site: Site) -> None:
    site.call("check", "--create-keys")
    site.call("once")
    asked = site.call("resync", "india-to-us/Leads")
    assert (
        asked.stdout
        == "india-to-us/Leads is compared at the next `orgsync run` or `orgsync once`; see `orgsync status`\n"
    )
    shown = site.call("status").stdout
    assert "india-to-us/Leads is being compared: 0 records of the source and 0 of the target are read" in shown
    by_stream = {s["stream"]: s["comparison"] for s in json.loads(site.call("status", "--json").stdout)["streams"]}
    assert by_stream["india-to-us/Leads"]["source_seen"] == 0
    assert by_stream["india-to-us/Deals"] is None
    assert "being compared already" in site.call("resync", "india-to-us/Leads").stdout
    site.call("once")
    assert "being compared" not in site.call("status").stdout


def test_egress_shows_what_has_left_also_by_a_route_that_was_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        for name, value in site.env.items():
            monkeypatch.setenv(name, value)

        def egress(*args: str) -> tuple[int, str, str]:
            code = run_here(monkeypatch, "--settings", str(site.settings), "egress", *args)
            return code, *capsys.readouterr()

        assert egress("india-to-us")[0] == 69
        emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Phone": "1"})
        text = site.settings.read_text()
        listed = text.replace(
            "[routes.india-to-us.modules.Leads]",
            "egress = { Leads = ['Last_Name', 'Company'] }\n[routes.india-to-us.modules.Leads]\n"
            "fields = ['Last_Name', 'Company']",
        )
        site.settings.write_text(listed)
        assert site.call("once").returncode == 0
    site.settings.write_text(text.replace("india-to-us", "up"))
    code, shown, _ = egress("india-to-us")
    assert (code, "\x1b" in shown) == (0, False)
    assert [line.split()[:5] for line in shown.splitlines()[1:]] == [
        ["india", "Leads", field, "us", "us"] for field in ("Company", "Last_Name", "id")
    ]
    document = json.loads(egress("india-to-us", "--json")[1])
    assert (document["schema"], document["route"], len(document["fields"])) == (1, "india-to-us", 3)
    first = document["fields"][0]
    times = {"first_at": first["first_at"], "last_at": first["last_at"]}
    assert first == {
        **{"source": "india", "source_module": "Leads", "field": "Company"},
        **{"target": "us", "data_center": "us", "writes": 1},
        **times,
    }
    assert datetime.fromisoformat(first["first_at"]).tzinfo is not None
    assert egress("up") == (0, "nothing has left by up yet\n", "")
    code, _, said = egress("india-to-uk")
    assert code == 64
    assert "did you mean 'india-to-us'?); there are: india-to-us, up" in said


def test_a_stream_that_never_ran_is_silent_and_not_healthy(site: Site) -> None:
    assert site.call("db", "upgrade").returncode == 0  # makes the ledger
    shown = site.call("status", "--json")
    document = json.loads(shown.stdout)
    assert (shown.returncode, document["healthy"]) == (2, False)
    assert [s["health"] for s in document["streams"]] == ["silent"] * 4


def test_a_stream_whose_modules_were_changed_stops_alone_and_says_so(site: Site) -> None:
    site.call("check", "--create-keys")
    site.call("once")
    changed = site.settings.read_text().replace("modules.Accounts]", 'modules.Accounts]\ntarget_module = "Vendors"')
    site.settings.write_text(changed)
    site.emu.orgs["india"].insert_raw("Contacts", {"Last_Name": "C"})
    done = site.call("once")
    assert done.returncode == 2
    assert "india-to-us/Contacts: 1 created" in done.stdout
    assert done.stderr.count("is stopped") == 1
    assert "Give the route a new name, or put its orgs and modules back" in done.stderr


def test_once_ends_with_69_while_an_org_cannot_be_reached(site: Site) -> None:
    site.call("check", "--create-keys")
    site.emu.orgs["us"].faults.add(effect="status", status=429)
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    assert site.call("once").returncode == 69
    assert site.call("status").returncode == 2  # for status, which asks no org, it is a stream that is stopped


def test_a_fuse_is_said_until_it_is_released_and_what_it_holds_up_is_not_promised(site: Site) -> None:
    site.call("check", "--create-keys")
    text = site.settings.read_text().replace(
        "modules.Leads]", 'modules.Leads]\ndeletes = "delete"\nfuse = { deletes = 0 }'
    )
    site.settings.write_text(text)
    india = site.emu.orgs["india"]
    mine = [india.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(3)]
    site.call("once")
    india.delete("Leads", mine[0])
    assert site.call("once").returncode == 2
    assert "as soon as it runs again: it is stopped" in site.call("resync", "india-to-us/Leads").stdout
    assert "orgsync release" in site.call("status").stdout
    site.call("release", "india-to-us/Leads", "--accept", "1", "--reason", "meant")
    shown = site.call("status")
    assert (shown.returncode, "orgsync release" in shown.stdout) == (0, False)


def test_commands_that_only_need_the_ledger_need_no_secret_of_an_org(site: Site) -> None:
    site.env = {name: value for name, value in site.env.items() if not name.endswith(("_SECRET", "_TOKEN"))}
    codes = {
        words: site.call(*words.split()).returncode
        for words in (
            "db upgrade",
            "db current",
            "status",
            "egress india-to-us",
            "retry --stream india-to-us/Leads",
            "release india-to-us/Leads --accept 1 --reason none",
            "resync india-to-us/Leads",
        )
    }
    silent = {"status": 2}  # no stream ever ran
    assert codes == dict.fromkeys(codes, 0) | silent
    assert "no environment variable INDIA_SECRET" in site.call("once").stderr


def test_a_secret_in_the_settings_themselves_is_refused_by_every_command(site: Site) -> None:
    text = site.settings.read_text()
    site.settings.write_text(text.replace('{ env = "INDIA_SECRET" }', '"hunter2"'))
    refused = site.call("status")
    assert refused.returncode == 78
    assert "a text (not shown)" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_status_and_check_tell_what_the_credits_let_run(site: Site) -> None:
    add_key(site.emu.orgs["us"], "Leads")
    text = site.settings.read_text().split("[routes.india-to-us.modules")[0]
    text = text.replace("[orgs.us]", "[orgs.us]\nceiling = 100").replace('poll = "1s"', 'poll = "60s"')
    site.settings.write_text(text + '[routes.india-to-us.modules.Leads]\nkey = "Source_Record_ID"\n')
    checked = site.call("check").stdout
    assert "india: credits a day to read it: about 1,452 while nothing changes, 5,832 while every poll finds" in checked
    assert "us: credits a day to read it: about 12 while nothing changes, 72 while" in checked
    assert "its ceiling is 100" in checked
    for number in range(900):
        site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": f"L{number}", "Company": "C"})
    site.call("once")
    said = " ".join(site.call("status").stdout.split())
    assert "ceiling in us (100 credits in 24 hours) is near: " in said
    assert "retries, full comparisons and first passes wait until " in said
    [india, us] = json.loads(site.call("status", "--json").stdout)["credits"]
    assert (india["org"], india["allows"], india["ceiling"], india["about"]) == ("india", "everything", None, None)
    assert (us["org"], us["allows"], us["ceiling"], us["reserve"]) == ("us", "news", 100, 0)
    assert 80 <= us["spent_24h"] <= 100
    assert us["about"] in said
    assert us["until"] > datetime.now(UTC).isoformat()
