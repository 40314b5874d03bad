"""[alerts]: one receiver, its address never shown, https unless it is this machine."""

from __future__ import annotations

from typing import Any

import pytest

KEY = "the-key-of-the-hook"


def test_without_the_table_nobody_is_told(house: Any) -> None:
    assert not house.load().alerts
    assert not house.load('[alerts]\n' + house.text({})).alerts  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [f"https://hooks.example.com/{KEY}", f"http://127.0.0.1:9/{KEY}?a=b", f"http://[::1]/{KEY}", "http://localhost/x"],
)
def test_a_webhook_is_kept_as_a_secret(house: Any, url: str) -> None:
    alerts = house.load({("alerts", "webhook"): f'"{url}"'}).alerts
    assert alerts.webhook.reveal() == url
    assert KEY not in repr(alerts)


def test_its_address_may_be_kept_elsewhere(house: Any) -> None:
    house.env["HOOK"] = f"https://hooks.example.com/{KEY}"
    alerts = house.load({("alerts", "webhook"): '{ env = "HOOK" }'}).alerts
    assert alerts.webhook.reveal() == house.env["HOOK"]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        (f"http://hooks.example.com/{KEY}", "https is required"),
        (f"http://127.0.0.1.example.com/{KEY}", "https is required"),
        (f"https://user:{KEY}@hooks.example.com/", "no user name and no password"),
        (f"ftp://hooks.example.com/{KEY}", 'it must be "https://HOST/PATH"'),
        (f"https:///{KEY}", 'it must be "https://HOST/PATH"'),
        (f"https://hooks.example.com/#{KEY}", 'it must be "https://HOST/PATH"'),
        (f"https://hooks.example.com:99999/{KEY}", "not an address"),
        (f"https://hooks.example.com/ {KEY}", "ASCII only"),
        (KEY, 'it must be "https://HOST/PATH"'),
    ],
)
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_address_that_may_not_be_is_refused_and_not_shown(house: Any, url: str, hint: str, where: str) -> None:
    house.env["HOOK"] = url
    value = f'"{url}"' if where == "here" else '{ env = "HOOK" }'
    [problem] = house.problems({("alerts", "webhook"): value})
    assert problem.path.startswith("alerts.webhook")
    assert hint in problem.hint or "blanks" in problem.found
    assert KEY not in str(problem)


def test_a_command_is_an_absolute_path_and_its_arguments(house: Any) -> None:
    alerts = house.load({("alerts", "command"): '["/bin/tell", "$(id)", ""]'}).alerts
    assert alerts.command == ("/bin/tell", "$(id)", "")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"/bin/tell --all"', "'/bin/tell --all' (a text)"),
        ("[]", "nothing"),
        ('["tell"]', "a relative path"),
        ('["~/tell"]', "a relative path"),
        ('["/bin/tell", 3]', "a number"),
        (r'["/bin/tell", "\u0000"]', "a text"),
    ],
)
def test_what_is_no_command_is_refused(house: Any, value: str, found: str) -> None:
    [problem] = house.problems({("alerts", "command"): value})
    assert problem.path.startswith("alerts.command")
    assert problem.found == found


def test_one_of_the_two_is_enough(house: Any) -> None:
    both = {("alerts", "command"): '["/bin/tell"]', ("alerts", "webhook"): '"https://hooks.example.com/"'}
    [problem] = house.problems(both)
    assert (problem.path, problem.found) == ("alerts", "both webhook and command")


def test_other_keys_are_not_known(house: Any) -> None:
    [problem] = house.problems({("alerts", "web_hook"): '"https://hooks.example.com/"'})
    assert problem.hint == 'did you mean "webhook"?'
