"""`orgsync emulator` and `python -m daemon.emulator`: options, the line that announces readiness, exit codes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from daemon.emulator.asked import FAR
from daemon.emulator.catalog import DATA_CENTERS
from daemon.emulator.credits import EDITIONS
from daemon.emulator.hands import MOST_RECORDS, Hands
from daemon.emulator.quirks import listing
from daemon.emulator.serve import PortTakenError, Servers
from daemon.emulator.snapshot import Snapshot, check_snapshot
from daemon.emulator.world import World

EXIT_USAGE, EXIT_UNAVAILABLE = 64, 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything the command line can say."""

    port: int = 0
    orgs: tuple[str, ...] = ("in", "us")
    records: int = 0
    seed: int = 1
    defects: float = 0.0
    latency: float = 0.0
    edition: str = "enterprise"
    access_lifetime: int = 3_600
    faults: Path | None = None
    fault: tuple[str, ...] = ()
    quirks: Path | None = None
    snapshot: tuple[str, ...] = ()


def serve(options: Options) -> int:
    """Run the emulator until SIGTERM or SIGINT; the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        world = _world(options)
    except (ValueError, OSError, LookupError) as wrong:
        click.echo(f"orgsync emulator: {wrong}", err=True)
        return EXIT_USAGE
    try:
        servers = Servers(world, options.port)
    except PortTakenError as taken:
        click.echo(f"orgsync emulator: {taken}; choose another --port, or 0 for any free one", err=True)
        return EXIT_UNAVAILABLE
    asyncio.run(_until_signal(servers))
    return 0


def _world(options: Options) -> World:
    snapshots = _snapshots(options)
    world = World(data_centers=options.orgs, seed=options.seed, edition=options.edition, snapshots=snapshots)
    hands = Hands(world)
    world.faults.base_latency = options.latency
    for site in world.sites.values():
        site.accounts.access_lifetime = options.access_lifetime
    if options.quirks is not None:
        _apply(hands.set_quirks, options.quirks)
    if options.faults is not None:
        _apply(hands.add_faults, options.faults)
    for text in options.fault:
        hands.add_faults(_json(text.encode(), "--fault"))
    if options.records:
        planted = hands.seed(records=options.records, seed=options.seed, defects=options.defects)["defects"]
        logging.getLogger("emulator").info("seeded %d records, %d defects", options.records, len(planted))
    return world


def _snapshots(options: Options) -> dict[str, Snapshot]:
    """`FILE` is for the first org, `us=FILE` for that one."""
    found = {}
    for text in options.snapshot:
        code, sign, name = text.partition("=")
        place, path = (code, Path(name)) if sign and code in DATA_CENTERS else (options.orgs[0], Path(text))
        if place in found:
            raise ValueError(f"--snapshot: two files for {place}")
        try:
            found[place] = check_snapshot(_read_json(path))
        except ValueError as wrong:
            raise ValueError(str(wrong) if str(path) in str(wrong) else f"{path}: {wrong}") from None
    return found


def _apply(act: Callable[[Any], Any], path: Path) -> None:
    content = _read_json(path)
    try:
        act(content)
    except (ValueError, LookupError) as wrong:
        raise ValueError(f"{path}: {wrong}") from None


def _read_json(path: Path) -> Any:
    return _json(path.read_bytes(), str(path))


def _json(text: bytes, where: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as wrong:
        raise ValueError(f"{where}: not JSON: {wrong}") from None


async def _until_signal(servers: Servers) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, servers.stop)

    def announce() -> None:
        document = Hands(servers.world).document()
        print(json.dumps(document, ensure_ascii=False), flush=True)  # noqa: T201 - the contract with whoever started us

    await servers.run(announce)


class Duration(click.ParamType[float]):
    """`300ms`, `2s`, `1.5` (seconds)."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds as a float."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        number, factor = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
        try:
            seconds = float(number) * factor
        except ValueError:
            self.fail(f"{value!r} is no duration; write 300ms or 2s", param, ctx)
        if not 0 <= seconds < 3_600:
            self.fail(f"{value!r} is out of range", param, ctx)
        return seconds


def _orgs(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    codes = tuple(part.strip() for part in value.split(",") if part.strip())
    unknown = [code for code in codes if code not in DATA_CENTERS]
    if unknown or not codes or len(set(codes)) < len(codes):
        raise click.BadParameter(f"{value!r}: distinct data centres out of {','.join(DATA_CENTERS)}")
    return codes


def _list_quirks(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(listing())
        ctx.exit()


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


_HELP = """A Zoho that fits in memory: OAuth and the CRM API on loopback ports.

Callbacks of bulk jobs are sent to loopback addresses (http) only; others are logged as not called."""


@click.command(name="emulator", help=_HELP)
@click.option("--port", type=click.IntRange(0, 65_500), default=0, help="Control port; orgs follow. 0: any free ports.")
@click.option(
    "--json", "as_json", is_flag=True, help="Accepted for symmetry: the announcement is always one JSON line."
)
@click.option("--orgs", default="in,us", callback=_orgs, show_default=True, help="Data centres, the source first.")
@click.option("--records", type=click.IntRange(0, MOST_RECORDS), default=0, help="Records to seed the first org with.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of records and credentials.")
@click.option("--defects", type=click.FloatRange(0, 1), default=0.0, help="Fraction of records the target must refuse.")
@click.option("--latency", type=Duration(), default=0.0, help="Delay of every answer, e.g. 300ms.")
@click.option(
    "--edition", type=click.Choice(EDITIONS), default="enterprise", show_default=True, help="It sets the credits."
)
@click.option("--access-lifetime", type=click.IntRange(1, FAR), default=3_600, help="Seconds an access token lives.")
@click.option("--faults", type=_FILE, help="JSON file of faults (see daemon/emulator/faults.py).")
@click.option("--fault", multiple=True, metavar="JSON", help='One fault: {"effect": "latency", "seconds": 2}.')
@click.option("--quirks", type=_FILE, help="JSON file of switches.")
@click.option(
    "--snapshot", multiple=True, metavar="[ORG=]FILE", help="Start an org from what `orgsync snapshot` wrote."
)
@click.option(
    "--list-quirks",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_quirks,
    help="Name every reading of Zoho that --quirks can switch.",
)
def command(as_json: bool, **given: Any) -> None:  # noqa: ARG001 - the announcement is always JSON
    """Start, announce, serve until a signal."""
    code = serve(Options(**given))
    if code:
        raise SystemExit(code)


def run(argv: list[str] | None = None) -> int:
    """The command as a function: arguments in, exit code out (64 for usage)."""
    try:
        code = command.main(args=argv, prog_name="orgsync emulator", standalone_mode=False)
    except click.UsageError as wrong:
        wrong.show()
        return EXIT_USAGE
    except SystemExit as ended:
        code = ended.code
    return code if isinstance(code, int) else 0
