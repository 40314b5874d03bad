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
POST   /orgs/{org}/refresh_tokens       {"scopes": [...]}                 ->  {"refresh_token"}
GET    /orgs/{org}/{module}             every record as stored, no limits
POST   /orgs/{org}/{module}             raw insert (also with Created_Time, Modified_Time, Owner)
PATCH  /orgs/{org}/{module}/{id}        an edit by hand: no validation, Modified_Time moves
DELETE /orgs/{org}/{module}/{id}        ?permanent=true
POST   /orgs/{org}/restore/{module}/{id}
GET POST /orgs/{org}/schema/{module}/fields           POST adds (the body of one field of Zoho's create call)
PATCH DELETE /orgs/{org}/schema/{module}/fields/{name}   {"length", "mandatory", "unique", "add_values", ...}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.emulator import errors
from daemon.emulator.hands import Hands
from daemon.emulator.validation import parse_id
from daemon.emulator.world import World

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
            route("/reset", "POST", lambda hands, _, body: hands.reset(body.get("org"))),
            route("/seed", "POST", lambda hands, _, body: hands.seed(**body)),
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
        ]
    )


def _name(request: Request, key: str) -> str:
    return str(request.path_params[key])


def _module(request: Request) -> tuple[str, str]:
    return _name(request, "org"), _name(request, "module")


def _record(request: Request) -> tuple[str, str, int]:
    number = parse_id(_name(request, "id"))
    if number is None:
        raise ValueError(f"not an id: {_name(request, 'id')}")
    return (*_module(request), number)


def _delete(hands: Hands, request: Request, _: Json) -> Any:
    return hands.delete(*_record(request), permanent=request.query_params.get("permanent") == "true")


def _log(hands: Hands, request: Request, _: Json) -> Any:
    asked = request.query_params
    entries = hands.log(
        org=asked.get("org"), kind=asked.get("kind"), module=asked.get("module"), since=int(asked.get("since", 0))
    )
    return {"log": entries[-int(asked.get("limit", 1_000)) :]}


def _endpoint(hands: Hands, act: Act) -> Callable[[Request], Awaitable[Response]]:
    @wraps(act)
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = orjson.loads(raw) if raw else {}
            answer = act(hands, request, body)
        except errors.RecordError as refused:
            return _json(400, refused.element)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as wrong:
            status = 404 if isinstance(wrong, LookupError) else 400
            return _json(status, {"error": str(wrong).strip("'\"") or type(wrong).__name__})
        return _json(200, {"status": "done"} if answer is None else answer)

    return endpoint


def _json(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
