"""The HTTP face of one data centre: reads a request, lets faults strike, authenticates, routes, charges, answers, logs.

A call is executed in one go between two awaits, so each call is atomic: no other call sees half of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, MutableMapping
from typing import Any

import orjson

from daemon.emulator import accidents, errors, wire
from daemon.emulator.accounts_http import ACCOUNTS_KINDS, accounts_kind, token_call
from daemon.emulator.bulk_write import work_off
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import http_date
from daemon.emulator.credits import over_limit
from daemon.emulator.faults import Fault, Misfortune
from daemon.emulator.handlers import HANDLERS
from daemon.emulator.jobs import run_due
from daemon.emulator.journal import Entry
from daemon.emulator.oauth import Access
from daemon.emulator.org import Org
from daemon.emulator.request import Request
from daemon.emulator.rights import demand
from daemon.emulator.routes import Route, find_route
from daemon.emulator.scopes import allowed
from daemon.emulator.tariff import is_sub, module_of, price_of, scope_kind
from daemon.emulator.world import Site, World

log = logging.getLogger("emulator")
_RECORD_CALLS = frozenset({"list", "get", "insert", "update", "upsert", "delete", "deleted"})


class Gateway:
    """The ASGI application of one data centre."""

    def __init__(self, world: World, site: Site) -> None:
        self._world, self._site = world, site
        self._turn = asyncio.Lock()

    async def __call__(self, scope: MutableMapping[str, Any], receive: wire.Receive, send: wire.Send) -> None:
        if scope["type"] != "http":
            return
        body = await wire.read_body(receive)
        if body is None:
            return
        request = Request(scope, body)
        route = _route_or_refusal(request)
        kind = route.kind if isinstance(route, Route) else "unknown"
        module = module_of(request, route) if isinstance(route, Route) else None
        entry = self._open_entry(request, kind, module)
        met = self._world.faults.draw(self._site.org.name, kind, module)
        entry.faults = met.names
        if met.clock_step:
            self._step(met.clock_step)
        await self._play(_Exchange(request, route, entry, met), receive, send)

    def _step(self, seconds: float) -> None:
        # many steps in a row end at the end of the calendar
        now = self._world.clock.now()
        with contextlib.suppress(ValueError):
            self._world.clock.advance(seconds)
            for site in self._world.sites.values():
                site.org.bulk.keep_pace(now, seconds)

    def _open_entry(self, request: Request, kind: str, module: str | None) -> Entry:
        return self._world.journal.open(
            at=self._world.clock.now(),
            org=self._site.org.name,
            kind=kind,
            module=module,
            method=request.method,
            path=request.path,
            query={} if kind in ACCOUNTS_KINDS else request.query,
            body=b"" if kind in ACCOUNTS_KINDS else request.body,
            if_modified_since=request.headers.get("if-modified-since"),
        )

    async def _play(self, exchange: _Exchange, receive: wire.Receive, send: wire.Send) -> None:
        """Run the call and send its answer, with the accident that was drawn for it."""
        met, transport = exchange.met, exchange.request.transport
        accident = met.accident
        with self._in_flight(exchange) as crowded:
            if met.latency > 0:
                await asyncio.sleep(met.latency)
                async with self._turn:  # of answers that are due at once each lets the loop read what came in meanwhile
                    await asyncio.sleep(0)
            if accident is not None and accident.effect in ("cut", "stall") and accident.when == "before":
                await _hang_up(accident, receive, transport)
                return
            reply = self._answer(exchange, crowded=crowded)
            if accident is not None and accident.effect in ("cut", "stall"):
                await _hang_up(accident, receive, transport)
                return
            headers = self._headers(reply, exchange)
            if accident is not None and accident.effect == "half" and reply.body:
                await wire.send_half(send, transport, reply.status, headers, reply.body)
            else:
                await wire.send_reply(send, reply.status, headers, reply.body)

    @contextlib.contextmanager
    def _in_flight(self, exchange: _Exchange) -> Iterator[bool]:
        """Count a CRM call while it runs; says whether it is one too many, which is not counted (facts 9.3)."""
        meter, sub = self._site.meter, is_sub(exchange.entry.kind, exchange.request)
        crowded = meter.crowded(sub=sub) and self._site.quirks["concurrency_caps"] == "on"
        counted = int(not crowded and exchange.entry.kind not in ACCOUNTS_KINDS)
        meter.in_flight += counted
        meter.sub_in_flight += counted * sub
        try:
            yield crowded
        finally:
            meter.in_flight -= counted
            meter.sub_in_flight -= counted * sub

    def _answer(self, exchange: _Exchange, *, crowded: bool) -> Reply:
        """The answer that goes out: Zoho's own, or the accident's in its place."""
        accident, entry = exchange.met.accident, exchange.entry
        instead = accidents.reply_instead(accident)
        if instead is not None and accident is not None and accident.when == "before":
            entry.status = instead.status
            return instead
        try:
            reply = self._execute(exchange, crowded=crowded)
        except errors.ZohoError as refused:
            reply = self._refusal(refused, entry)
        except Exception:
            # a bug of the emulator must look like Zoho's own failure, and be found in the log
            log.exception("%s %s", entry.method, entry.path)
            reply = self._refusal(errors.internal_error(), entry)
        entry.codes = _codes(entry.kind, reply)
        if instead is not None:
            reply = instead
        entry.status = reply.status
        return reply

    def _refusal(self, refused: errors.ZohoError, entry: Entry) -> Reply:
        wraps = entry.kind in _RECORD_CALLS and refused.status != 401 and "data" not in refused.body
        if wraps and self._site.quirks["error_envelope"] == "data":
            return Reply.of(refused.status, {"data": [refused.body]})
        return Reply.of(refused.status, refused.body)

    def _execute(self, exchange: _Exchange, *, crowded: bool) -> Reply:
        request, route, entry = exchange.request, exchange.route, exchange.entry
        if isinstance(route, Route) and route.kind in ACCOUNTS_KINDS:
            entry.executed = True
            return token_call(self._site.accounts, route.kind, request.method, request.form(), self._site.base_url)
        access = self._authenticate(request, exchange.met.accident)
        if isinstance(route, errors.ZohoError):
            raise route
        if not self._allowed(access, route.kind, entry.module, request):
            raise errors.scope_mismatch()
        call = _call(self._site.org, request, route, access)
        self._charge(call, entry, crowded=crowded)
        work_off(self._site.org)
        run_due(self._site.org)
        self._site.org.write_delay = exchange.met.visibility
        try:
            demand(self._site.org, call.user, call.kind, entry.module)
            reply = HANDLERS[route.kind](call)
        except errors.ZohoError:
            if self._site.quirks["refused_calls_cost"] == "no":
                self._site.meter.spend(call.kind, -entry.credits, self._world.clock.now())
                entry.credits = 0
            raise
        finally:
            self._site.org.write_delay = 0.0
        entry.executed = True
        entry.automations = call.automations
        return reply

    def _authenticate(self, request: Request, accident: Fault | None) -> Access:
        """The caller (facts 1.8)."""
        prefix, _, token = request.headers.get("authorization", "").strip().partition(" ")
        prefixes = {"zoho-oauthtoken"} | ({"bearer"} if self._site.quirks["bearer_prefix"] == "accept" else set())
        if prefix.lower() not in prefixes or not token.strip():
            raise errors.authentication_failure()
        accounts = self._site.accounts
        access = accounts.access(token.strip())
        if access is None or self._site.org.user(access.user) is None:
            raise errors.invalid_token()
        if accident is not None and accident.effect in ("token_expired", "token_revoked"):
            accounts.expire(access.token)
            if accident.effect == "token_revoked":
                owner = next((one for one in accounts.refreshes.values() if access.token in one.live), None)
                accounts.revoke(owner.token if owner else "")
            raise errors.invalid_token()
        return access

    def _allowed(self, access: Access, kind: str, module: str | None, request: Request) -> bool:
        found = self._site.org.modules.get(module or "")
        custom = found is not None and found.generated == "custom"
        return allowed(access.scopes, scope_kind(kind, request, self._site.quirks), module, custom=custom)

    def _charge(self, call: Call, entry: Entry, *, crowded: bool) -> None:
        """429 when too much runs or too much was spent, else book the price (facts 9)."""
        now, meter = self._world.clock.now(), self._site.meter
        price = price_of(call)
        if crowded or not meter.affords(price, now):
            raise over_limit(self._site.quirks)
        meter.spend(call.kind, price, now)
        entry.credits = price

    def _headers(self, reply: Reply, exchange: _Exchange) -> list[tuple[bytes, bytes]]:
        now = self._world.clock.now()
        headers = [(b"date", http_date(now + exchange.met.date_skew).encode())]
        if reply.body is not None:
            headers.append((b"content-type", reply.content_type.encode()))
        headers += reply.headers
        if exchange.entry.kind not in ACCOUNTS_KINDS and reply.status != 401:
            headers += self._site.meter.headers(now, ratelimit=self._site.quirks["ratelimit_headers"] == "on")
        return headers


class _Exchange:
    """A request with what was decided about it before it runs."""

    def __init__(self, request: Request, route: Route | errors.ZohoError, entry: Entry, met: Misfortune) -> None:
        self.request, self.route, self.entry, self.met = request, route, entry, met


def _route_or_refusal(request: Request) -> Route | errors.ZohoError:
    kind = accounts_kind(request.path)
    if kind is not None:
        return Route(kind=kind, version=2)
    try:
        return find_route(request.method, request.path)
    except errors.ZohoError as refused:
        return refused


def _call(org: Org, request: Request, route: Route, access: Access) -> Call:
    return Call(
        org=org,
        user=org.user(access.user) or org.administrator,
        kind=route.kind,
        method=request.method,
        path=request.path,
        version=route.version,
        query=request.query,
        headers=request.headers,
        raw_body=request.body,
        module_name=route.module,
        record_id=route.item,
        related=route.related,
        part=route.part,
    )


async def _hang_up(accident: Fault, receive: wire.Receive, transport: asyncio.Transport) -> None:
    if accident.effect == "cut":
        await wire.cut(transport)
    else:
        await wire.stall(receive, transport, accident.seconds())


def _codes(kind: str, reply: Reply) -> dict[str, int]:
    """How often each code stands in the answer to a write, for the log."""
    if kind not in ("insert", "update", "upsert", "delete", "create_field") or not reply.body:
        return {}
    content = orjson.loads(reply.body)
    counts: dict[str, int] = {}
    for element in content.get("data") or content.get("fields") or [content]:
        code = str(element.get("code"))
        counts[code] = counts.get(code, 0) + 1
    return counts
