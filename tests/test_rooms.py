"""Who may import whom (design.md, section 5): reads the source, so that a wrong arrow fails before it can be used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "daemon"

# Room -> the other rooms that it may import.
ROOMS = {
    "core": set(),
    "zoho": {"core"},
    "ledger": {"core"},
    "sync": {"core", "zoho", "ledger"},
    "settings": {"core"},
    "service": {"sync", "ledger", "core", "settings"},
    "emulator": set(),
    "demo": {"settings", "ledger", "service", "emulator"},
    "cli": {"core", "zoho", "ledger", "sync", "settings", "service", "emulator", "demo"},
    "shipped": set(),
}
SHIPPED_IS_FREE_FOR = ROOMS.keys() - {"emulator", "core"}
# Connections are opened there, so it alone in its room names the client.
MORE = {"daemon/service/fleet.py": {"zoho"}}

# Room -> the libraries that it may use besides Python's own. Rooms that are not named may use what they like.
LIBRARIES = {
    "core": {"orjson", "simpleeval"},  # expressions are part of what is decided, and none but a library may read them
    "zoho": {"httpx", "httpcore", "orjson", "loguru"},
    "ledger": {"cryptography", "orjson", "psycopg", "sqlalchemy", "alembic", "loguru"},
    "sync": {"orjson", "loguru"},
    "settings": {"pydantic", "pydantic_core"},
    "service": {"apscheduler", "httpx", "loguru", "prometheus_client"},
    "emulator": {
        "starlette",
        "uvicorn",
        "httptools",
        "lark",
        "python_multipart",
        "sortedcontainers",
        "orjson",
        "click",
    },
    "shipped": set(),
}


@dataclass(frozen=True)
class Import:
    """One import: which room's module says it, and what it names."""

    module: str
    line: int
    room: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path.parent != HOUSE or path.name != "__init__.py")


def names_in(node: ast.AST, package: str) -> list[str]:
    """Every module that a statement imports, by its full name; `from a import b` may mean the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        return [_named_in(a, package) for a in node.args[:1]]
    return []


def _named_in(argument: ast.expr, package: str) -> str:
    """What a call imports; one that begins with a dot and goes on at run time: its own package."""
    match argument:
        case ast.Constant():
            return str(argument.value)
        case ast.JoinedStr(values=[ast.Constant(value="."), *_]):
            return package
        case _:
            return f"<{ast.unparse(argument)}>"


def imports_of(source: str, module: str, room: str) -> Iterator[Import]:
    package = ".".join(Path(module).parent.parts)
    for node in ast.walk(ast.parse(source)):
        for name in names_in(node, package):
            yield Import(module, getattr(node, "lineno", 0), room, name)


def allowed(found: Import) -> bool:
    head, _, rest = found.name.partition(".")
    if head != "daemon":
        mine = LIBRARIES.get(found.room)
        return mine is None or head in mine or head in sys.stdlib_module_names
    room = rest.partition(".")[0]
    if room == "shipped":
        return found.room in SHIPPED_IS_FREE_FOR
    if not rest or room not in ROOMS:  # the house itself holds its version, nothing else
        return room == "__version__"
    return room in ROOMS[found.room] | MORE.get(found.module, set()) | {found.room}


def wrong_arrows(source: str, module: str, room: str) -> list[str]:
    return [str(found) for found in imports_of(source, module, room) if not allowed(found)]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HOUSE.parent)))
def test_no_module_imports_what_its_room_may_not(path: Path) -> None:
    module = str(path.relative_to(HOUSE.parent))
    assert wrong_arrows(path.read_text(encoding="utf-8"), module, room_of(path)) == []


def test_every_room_is_known_to_this_test() -> None:
    assert {room_of(path) for path in modules()} <= ROOMS.keys()


def test_nobody_imports_the_commands_and_the_demo_keeps_away_from_what_it_judges() -> None:
    assert all("cli" not in rooms for rooms in ROOMS.values())
    assert not ROOMS["demo"] & {"core", "sync", "zoho"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("daemon/core/plan.py", "import httpx"),
        ("daemon/core/plan.py", "import daemon.zoho.client"),
        ("daemon/core/plan.py", "def f():\n    from daemon.ledger import tables"),
        ("daemon/core/plan.py", "from daemon import zoho"),
        ("daemon/core/plan.py", "from ..ledger import tables"),
        ("daemon/core/plan.py", "import importlib\nimportlib.import_module('daemon.sync')"),
        ("daemon/core/plan.py", "import importlib\nimportlib.import_module(f'..{x}', __name__)"),
        ("daemon/core/plan.py", "import importlib\nimportlib.import_module(f'{x}')"),
        ("daemon/zoho/client.py", "from daemon.ledger.tables import HEAD"),
        ("daemon/ledger/tables.py", "from daemon.zoho import client"),
        ("daemon/sync/cycle.py", "from daemon.settings import load"),
        ("daemon/sync/cycle.py", "import sqlalchemy"),
        ("daemon/service/daemon.py", "from daemon.zoho.client import Zoho"),
        ("daemon/service/daemon.py", "from daemon.cli import main"),
        ("daemon/settings/load.py", "from daemon.sync.check import check_all"),
        ("daemon/emulator/coql.py", "from daemon.core.record import is_record_id"),
        ("daemon/emulator/coql.py", "from daemon.shipped import shipped"),
        ("daemon/demo/oracle.py", "from daemon.core.translate import translate"),
    ],
)
def test_a_wrong_arrow_is_seen_however_it_is_written(module: str, source: str) -> None:
    assert len(wrong_arrows(source, module, Path(module).parts[1])) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("daemon/service/fleet.py", "from daemon.zoho.client import Zoho"),
        ("daemon/sync/cycle.py", "from daemon.core.plan import plan\nfrom daemon.ledger.ledger import Ledger"),
        ("daemon/core/plan.py", "import orjson\nfrom collections.abc import Mapping\nfrom .digest import cover"),
        ("daemon/cli/run.py", "from daemon.demo import run\nfrom daemon.shipped import shipped"),
    ],
)
def test_a_right_arrow_is_let_through(module: str, source: str) -> None:
    assert wrong_arrows(source, module, Path(module).parts[1]) == []


def deeds(source: str) -> set[str]:
    """What a module of decisions must not do: print, log, look at the clock, roll dice, touch files."""
    nodes = list(ast.walk(ast.parse(source)))
    calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    forbidden = {"print", "open", "input", "exec", "eval"}
    clocks = (".now", ".utcnow", ".today", "time.time", "time.monotonic", ".sleep")
    modules_ = {name.partition(".")[0] for node in nodes for name in names_in(node, "daemon.core")}
    return {c for c in calls if c in forbidden or c.endswith(clocks)} | (
        modules_ & {"logging", "loguru", "warnings", "time", "random", "secrets", "os", "io", "socket", "threading"}
    )


@pytest.mark.parametrize("path", sorted((HOUSE / "core").glob("*.py")), ids=lambda path: path.name)
def test_core_only_decides(path: Path) -> None:
    assert deeds(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    "source",
    ["print(1)", "datetime.now(UTC)", "import time", "from logging import getLogger", "open('x')", "date.today()"],
)
def test_a_deed_in_core_would_be_seen(source: str) -> None:
    assert deeds(source)
