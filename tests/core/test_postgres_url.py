"""Where the url of a ledger in Postgres leads: to one server, which is the one that TLS is demanded for."""

from __future__ import annotations

import pytest

from daemon.core.postgres_url import host_of, problem

TWO_WAYS = [
    "postgresql://u@127.0.0.1/db?host=192.0.2.2&port=54999",
    "postgresql://u@localhost/db?host=192.0.2.2&sslmode=disable",
    "postgresql://u@localhost/db?host=/tmp",
    "postgresql://u@:5432/db?host=/tmp",
    "postgresql://u@/db?host=/tmp,192.0.2.2&port=5432,54999",
    "postgresql://u@/db?host=192.0.2.2:54999&host=/tmp:5432",
    "postgresql://u@/db?host=/tmp&host=192.0.2.2",
    "postgresql://u@/db?host=db.example.com",
    "postgresql://u@/db?host=@evil",
    "postgresql://u@localhost,192.0.2.2/db",
    "postgresql://u@localhost,db.example.com:5432/db",
    "postgresql://u@localhost/db?hostaddr=192.0.2.2",
    "postgresql://u@localhost/db?service=evil",
    "postgresql://u@%2Ftmp%2C192.0.2.2/db",
    "postgresql://u@localhost:5432/db?port=54999",
    "postgresql://u@localhost/db?port=5432,54999",
    "postgresql://u@localhost/db?sslmode=disable&sslmode=verify-full",
]


@pytest.mark.parametrize("url", TWO_WAYS)
def test_a_url_that_could_lead_to_another_server_than_the_one_that_is_judged_is_refused(url: str) -> None:
    assert problem(url) is not None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://u@db.example.com/db", "db.example.com"),
        ("postgresql://u@db.example.com:6432/db?sslmode=verify-ca", "db.example.com"),
        ("postgresql://u@127.0.0.1/db?port=6432", "127.0.0.1"),
        ("postgresql://u@[::1]:6432/db", "::1"),
        ("postgresql://u@/db?host=/run/postgresql&port=6432", "/run/postgresql"),
        ("postgres:///db", ""),
    ],
)
def test_a_url_that_names_one_server_is_taken(url: str, host: str) -> None:
    assert (problem(url), host_of(url)) == (None, host)
