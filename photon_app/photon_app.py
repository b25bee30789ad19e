"""The composition root: one Reflex app, with Photon's API around it.

Layers, from the outside in: the Origin rule, ``/ws``, ``/finnhub``, Reflex's outermost ones, CORS,
``/`` by ``Accept``, the API's routes, the limits of Reflex's event socket, and Reflex itself (that
socket and, in production, the built page). Reflex's outermost layers cost each connection 4 KiB, so
sockets are served in front of them.
"""

import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Container, Mapping
from pathlib import Path

from reflex.istate.manager.memory import StateManagerMemory

from photon_app import logs, misnamed, printing, runtime, settings
from photon_app.errors import SettingsError
from photon_app.gateway.admission import Admission
from photon_app.gateway.cors import Cors
from photon_app.gateway.finnhub_socket import FinnhubEdge
from photon_app.gateway.http import NegotiatedRoot, create_api
from photon_app.gateway.origin import ASGIApp, OriginGuard, OriginRule
from photon_app.gateway.page_protocol import MAX_STORAGE_BYTES, Rule, Rules
from photon_app.gateway.page_socket import Outbox, PageEdge
from photon_app.gateway.questions import Questions
from photon_app.gateway.websocket import WebSocketEdge
from photon_app.storage import address
from photon_app.ui import events, pages
from photon_app.ui.visitors import Visitors

CLIENT_JS = Path(__file__).parent / "ui" / "live" / "photon-client.js"
DEVELOPMENT_PAGE = "http://localhost:3000"

_log = logging.getLogger(__name__)

try:
    loaded = settings.load()
    address.of(loaded)
except SettingsError as error:
    printing.complain(f"photon: {error}")
    sys.exit(2)

rules = Rules(
    events={one.name: Rule(one.arguments, one.kind) for one in events.accepted()},
    stored=events.stored(),
)
rule = OriginRule.of(loaded)
admission = Admission.of(loaded)
questions = Questions.of(loaded)
serves_page = os.environ.get("__REFLEX_MOUNT_FRONTEND_COMPILED_APP", "").lower() in {"true", "1"}


def with_layers(page: ASGIApp) -> ASGIApp:
    """Photon's layers for HTTP and the page's events, around Reflex's app."""
    frontend = None if serves_page else DEVELOPMENT_PAGE
    edge = PageEdge(page, admission, rules, on_left=visitors.left)
    return Cors(NegotiatedRoot(create_api(CLIENT_JS, admission, edge, questions), frontend))


def with_sockets(whole: ASGIApp) -> ASGIApp:
    """Photon's sockets and the Origin rule, around everything."""
    return OriginGuard(WebSocketEdge(FinnhubEdge(whole, admission), admission), rule)


@contextlib.asynccontextmanager
async def photon() -> AsyncIterator[None]:
    """The lifespan of the process: everything that runs besides requests."""
    with contextlib.ExitStack() as log:
        if not logs.is_owned():  # such as under `reflex run` or a separately started uvicorn
            log.enter_context(runtime.logged(loaded, prints=True))
            for warning in misnamed.warnings():
                _log.warning("%s", warning, extra={"kind": warning})
        async with runtime.running(loaded, sockets=admission):
            yield


def event_origin(origin: str | None, environ: Mapping[str, str]) -> bool:
    """Apply the same Origin rule to Reflex's event socket."""
    return rule.refusal(origin, environ.get("HTTP_HOST")) is None


def connected() -> Container[str]:
    """The tokens of tabs that have a socket."""
    return () if app.event_namespace is None else app.event_namespace.token_to_sid


app = pages.create_app(api_transformer=with_layers, outermost=with_sockets)
app.register_lifespan_task(photon)
assert app.sio is not None, "the page has state"
app.sio.eio.cors_allowed_origins = event_origin
app.sio.eio.create_queue = Outbox
app.sio.eio.max_http_buffer_size = MAX_STORAGE_BYTES
assert isinstance(app.state_manager, StateManagerMemory), "states are kept in memory"
visitors = Visitors(app.state_manager, connected)
