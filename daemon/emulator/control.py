"""The control endpoint: everything a test or a rehearsal may do that no Zoho client can. No tokens.

GET    /                                the document that `orgsync emulator` prints at start
POST   /reset          {"org"?}         as at the start; tokens keep working
POST   /seed           {"org", "records", "seed", "defects": 0.03}  ->  {"defects": [{"module","id","kind","field"}]}
GET POST DELETE /faults                 the forms in `faults`; POST adds, DELETE clears
GET POST /quirks       {"name": "value", "orgs": {"us": {...}}}
GET POST /clock        {"advance": s} {"set": epoch or ISO} {"freeze": true} {"resume": true}
GET    /log            ?org= &kind= &module= &since=number &limit=        DELETE /log
GET    /credits
POST   /orgs/{org}/tokens               {"access_lifetime": s, "grant_lifetime": s, "expire": true, "revoke": true}
POST   /orgs/{org}/grants               {"scopes": [...], "lifetime": s}  ->  {"code"}
POST   /orgs/{org}/refresh_tokens       {"scopes": [...], "user"?}        ->  {"refresh_token"}
POST   /orgs/{org}/profiles             {"name", "denied": ["Crm_Implied_View_Leads"], "users": ["a@b.c"]}
POST   /orgs/{org}/views/{module}       {"name", "criteria"}              ->  {"id"}
GET    /orgs/{org}/{module}             every record as stored, no limits
POST   /orgs/{org}/{module}             raw insert (also with Created_Time, Modified_Time, Owner)
PATCH  /orgs/{org}/{module}/{id}        an edit by hand: no validation, Modified_Time moves
DELETE /orgs/{org}/{module}/{id}        ?permanent=true
POST   /orgs/{org}/restore/{module}/{id}
GET POST /orgs/{org}/schema/{module}/fields           POST adds (the body of one field of Zoho's create call)
PATCH DELETE /orgs/{org}/schema/{module}/fields/{name}   {"length", "mandatory", "unique", "add_values", ...}
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.emulator import asked, errors
from daemon.emulator.hands import Hands
from daemon.emulator.validation import parse_id
from daemon.emulator.world import World

log = logging.getLogger("emulator")
Json = dict[str, Any]
Act = Callable[[Hands, Request, Json], Any]


def control_app(world: World) -> Starlette:
    """The control endpoint as an ASGI application."""
    hands = Hands(world)

    def route(path: str, method: str, act: Act) -> Route:
        return Route(path, _endpoint(hands, act), methods=[method])

    record, field = "/orgs/{org}/{module}/{id}", "/orgs/{org}/schema/{module}/fields/{name}"
    return Starlette(
        routes=[
            route("/", "GET", lambda hands, *_: hands.document()),
            route("/reset", "POST", lambda hands, _, body: hands.reset(_org(body))),
            route("/seed", "POST", lambda hands, _, body: hands.seed(**_planting(body))),
            route("/faults", "GET", lambda *_: {"faults": world.faults.as_json()}),
            route("/faults", "POST", lambda hands, _, body: hands.add_faults(body)),
            route("/faults", "DELETE", lambda hands, *_: hands.clear_faults()),
            route("/quirks", "GET", lambda *_: world.quirks.as_dict()),
            route("/quirks", "POST", lambda hands, _, body: hands.set_quirks(body)),
            route("/clock", "GET", lambda hands, *_: hands.clock({})),
            route("/clock", "POST", lambda hands, _, body: hands.clock(body)),
            route("/log", "GET", _log),
            route("/log", "DELETE", lambda *_: world.journal.clear()),
            route("/credits", "GET", lambda hands, *_: hands.credits()),
            route("/orgs/{org}/tokens", "POST", lambda hands, at, body: hands.tokens(_name(at, "org"), body)),
            route("/orgs/{org}/grants", "POST", lambda hands, at, body: hands.grant(_name(at, "org"), body)),
            route("/orgs/{org}/refresh_tokens", "POST", lambda hands, at, body: hands.refresh(_name(at, "org"), body)),
            route("/orgs/{org}/profiles", "POST", lambda hands, at, body: hands.profile(_name(at, "org"), body)),
            route("/orgs/{org}/views/{module}", "POST", lambda hands, at, body: hands.view(*_module(at), body)),
            route("/orgs/{org}/restore/{module}/{id}", "POST", lambda hands, at, _: hands.restore(*_record(at))),
            route("/orgs/{org}/schema/{module}/fields", "GET", lambda hands, at, _: hands.fields(*_module(at))),
            route(
                "/orgs/{org}/schema/{module}/fields",
                "POST",
                lambda hands, at, body: hands.add_field(*_module(at), body),
            ),
            route(field, "PATCH", lambda hands, at, body: hands.change_field(*_module(at), _name(at, "name"), body)),
            route(field, "DELETE", lambda hands, at, _: hands.remove_field(*_module(at), _name(at, "name"))),
            route("/orgs/{org}/{module}", "GET", lambda hands, at, _: {"data": hands.records(*_module(at))}),
            route("/orgs/{org}/{module}", "POST", lambda hands, at, body: hands.insert_raw(*_module(at), body)),
            route(record, "PATCH", lambda hands, at, body: hands.edit(*_record(at), body)),
            route(record, "DELETE", _delete),
        ],
        exception_handlers={404: _no_path, 405: _no_path},
    )


async def _no_path(request: Request, refused: Exception) -> Response:
    status = refused.status_code if isinstance(refused, HTTPException) else 500
    return _json(status, {"error": f"no {request.method} {request.url.path}; the paths are listed in control.py"})


def _org(body: Json) -> str | None:
    return asked.text(asked.an_object(body, "reset", ("org",)), "org", "reset")


def _planting(body: Json) -> Json:
    given = asked.an_object(body, "seed", ("org", "records", "seed", "defects"))
    asked.text(given, "org", "seed")
    return given


def _name(request: Request, key: str) -> str:
    return str(request.path_params[key])


def _module(request: Request) -> tuple[str, str]:
    return _name(request, "org"), _name(request, "module")


def _record(request: Request) -> tuple[str, str, int]:
    number = parse_id(_name(request, "id"))
    if number is None:
        raise ValueError(f"an id is digits, not {asked.shown(_name(request, 'id'))}")
    return (*_module(request), number)


def _delete(hands: Hands, request: Request, _: Json) -> Any:
    given = asked.an_object(dict(request.query_params), "the query", ("permanent",))
    asked.choice(given, "permanent", "the query", ("true", "false"))
    return hands.delete(*_record(request), permanent=given.get("permanent") == "true")


def _log(hands: Hands, request: Request, _: Json) -> Any:
    given = asked.an_object(dict(request.query_params), "the query", ("org", "kind", "module", "since", "limit"))
    numbers = {key: _digits(given, key) for key in ("since", "limit")}
    texts = {key: given[key] for key in ("org", "kind", "module") if key in given}
    entries = hands.log(**texts, since=numbers["since"] or 0)
    return {"log": entries[-(numbers["limit"] or 1_000) :]}


def _digits(given: Json, key: str) -> int | None:
    value = given.get(key)
    number = int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 19 else value
    return asked.whole({key: number}, key, "the query", least=int(key == "limit"), most=10**18)


def _endpoint(hands: Hands, act: Act) -> Callable[[Request], Awaitable[Response]]:
    @wraps(act)
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = orjson.loads(raw) if raw else {}
            orjson.dumps(body)  # what can be read may still be nested too deeply to be printed
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return _json(400, {"error": "the body is not JSON, or nested too deeply"})
        try:
            answer = act(hands, request, body)
        except errors.RecordError as refused:
            return _json(400, refused.element)
        except errors.ZohoError as refused:
            return _json(refused.status, refused.body)
        except (KeyError, TypeError, AttributeError, OverflowError):
            log.exception("control: %s %s", request.method, request.url.path)
            return _json(400, {"error": "the body does not fit this path; see control.py for its form"})
        except (ValueError, LookupError) as wrong:
            return _json(404 if isinstance(wrong, LookupError) else 400, {"error": str(wrong)})
        return _json(200, {"status": "done"} if answer is None else answer)

    return endpoint


def _json(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
