"""A ledger as the migrations make it, empty, put where a test's daemon will look: migrated once, then copied."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import make_url

from daemon.ledger import migrate
from daemon.ledger.database import locate


def put_blank(url: str) -> None:
    """Puts one where the url names a file that is not there. It has no identity yet: its first opening gives it one."""
    path = Path(make_url(url).database or "")
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(_blank())
    path.chmod(0o600)


@functools.cache
def _blank() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="blank"))
    try:
        database = locate(f"sqlite:///{folder}/ledger.db")
        database.make()
        migrate.upgrade(database)
        return (folder / "ledger.db").read_bytes()
    finally:
        shutil.rmtree(folder)
