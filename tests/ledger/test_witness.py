"""A ledger that is an older copy of itself is noticed, and then takes nothing it says of the target for granted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from daemon.core.ends import Linked
from daemon.ledger import Ledger

pytestmark = pytest.mark.sqlite


def written(make: Any, *ids: str) -> Any:
    return make.page(
        {"created": len(ids)},
        linked=[make.linked(i, f"9{i}") for i in ids],
        written=[make.written(i, f"9{i}") for i in ids],
    )


def test_a_ledger_that_nobody_replaced_is_trusted(ledger: Ledger, contacts: Any, make: Any, file: Any) -> None:
    ledger.settle(contacts, written(make, "1"), None, make.now)
    ledger.close()
    with Ledger.open(f"sqlite:///{file.path}") as again:
        assert again.distrusted == 0
        assert again.links(contacts, ["1"])["1"].whole is not None


def test_an_older_copy_knows_its_links_but_not_what_they_hold(
    ledger: Ledger, contacts: Any, make: Any, file: Any, tmp_path: Path
) -> None:
    ledger.settle(contacts, written(make, "1"), None, make.now)
    ledger.close()
    copy = tmp_path / "copy.db"
    shutil.copy(file.path, copy)
    with Ledger.open(f"sqlite:///{file.path}") as newer:
        newer.settle(contacts, written(make, "2"), None, make.now)
    shutil.copy(copy, file.path)
    with Ledger.open(f"sqlite:///{file.path}") as older:
        assert older.distrusted == 1
        link = older.links(contacts, ["1"])["1"]
        assert (link.target_id, link.whole, dict(link.by_field)) == ("91", None, {})
        older.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    with Ledger.open(f"sqlite:///{file.path}") as again:
        assert again.distrusted == 0  # it was noticed once, and what was confirmed since is believed
        assert again.links(contacts, ["1"])["1"].whole is not None


def test_a_witness_that_cannot_be_read_or_written_stops_nothing(
    ledger: Ledger, contacts: Any, make: Any, file: Any
) -> None:
    witness = file.path.with_name(file.path.name + ".witness")
    witness.write_text("not a number")
    ledger.settle(contacts, written(make, "1"), None, make.now)
    assert witness.stat().st_mode & 0o777 == 0o600
    witness.unlink()
    witness.mkdir()
    ledger.settle(contacts, written(make, "2"), None, make.now)
    ledger.close()
    with Ledger.open(f"sqlite:///{file.path}") as again:
        assert again.distrusted == 0
        assert isinstance(make.linked("1", "91"), Linked)
