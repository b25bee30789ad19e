"""The dashboard, the heads of all pages, and the Reflex app around them.

``photon_app/photon_app.py`` calls ``create_app`` once. The overview and the developers' page are
pages of their own, in modules of their own: a browser loads their code when they are opened. A link
from one page to another loads the document: the dashboard writes its address by itself, and
Reflex's router would not know of it. Reflex's own signs of a lost connection (a toast, a pulsing
icon) are left out: the badge in the header shows it, calmly.
"""

# mypy: disable-error-code="no-any-return"
# Reflex types its elements as Any.

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import reflex as rx
from reflex.app import default_error_boundary
from reflex.utils.imports import ImportVar
from reflex.vars import VarData
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from photon_app.ui import build, theme
from photon_app.ui.components.detail import stage
from photon_app.ui.components.developers import developers
from photon_app.ui.components.footer import footer
from photon_app.ui.components.header import header, theme_key, trouble
from photon_app.ui.components.icons import mark
from photon_app.ui.components.market import market
from photon_app.ui.components.rail import rail
from photon_app.ui.components.watchlist import list_facts, watchlist_panel
from photon_app.ui.hydration import StorageFirst
from photon_app.ui.live import parts
from photon_app.ui.state import Dashboard

TITLE = "Photon"
EARLY = ("storage", "begin", "early", "refused", "outdated")
"""The scripts of ``live/`` that stand in the head as they are, in this order."""
VIEWPORT = "width=device-width, initial-scale=1, viewport-fit=cover"
DESCRIPTION = "A self-hosted real-time stock ticker: live quotes, day figures and honest status."

log = logging.getLogger(__name__)


class PhotonApp(rx.App):
    """Reflex's app without its CORS.

    Reflex adds one layer around its own part and one around everything. Each lists methods that
    no route has, and answers a preflight before the Origin rule sees it.
    """

    outermost: Callable[[Any], Any] = staticmethod(lambda whole: whole)
    """Adds layers around everything that Reflex made."""

    def __call__(self) -> Any:
        """The ASGI app, as Reflex makes it for its servers, with the outermost layers."""
        for part in (self._api, made := super().__call__()):
            if isinstance(part, Starlette):
                layers: list[Any] = part.user_middleware
                part.user_middleware = [one for one in layers if one.cls is not CORSMiddleware]
        return self.outermost(made)


def index() -> rx.Component:
    """The dashboard: lists, chart of the selected symbol, its day and its trades."""
    return parts.page_root(
        list_facts(),
        parts.page_head(symbol=parts.shown),
        header(),
        trouble(),
        rx.el.main(watchlist_panel(), parts.list_edge(), stage(), _rail(), class_name="main"),
        parts.phone_dock(),
        footer(),
        parts.shortcuts(),
        theme_key(),
    )


def _rail() -> rx.Component:
    return rail(symbol=parts.shown, name=Dashboard.names[parts.shown])


def missing() -> rx.Component:
    """What stands under an address that there is not."""
    return _bare(
        rx.el.h1("Nothing is here"),
        rx.el.p("There is no page under this address."),
        rx.el.a("To the prices", href="/", reload_document=True),
    )


def broken() -> rx.Component:
    """What stands in the place of a page whose scripts failed."""
    return _bare(
        rx.el.h1("The page has stopped"),
        rx.el.p("This is an error of the page itself; your lists and choices are kept."),
        rx.el.pre(rx.Var("event_args.error.message")),
        rx.el.a("Load it again", href="/", reload_document=True),
    )


def _bare(*content: rx.Component) -> rx.Component:
    """A page of a few words."""
    return rx.el.main(mark(), *content, class_name="bare")


def head_components() -> list[rx.Component]:
    """The elements in every page's head besides Reflex's own."""
    return [
        rx.el.meta(name="viewport", content=VIEWPORT),
        *[_script(name) for name in EARLY],
        rx.el.link(
            rel="preload",
            href=_latin(),
            type="font/woff2",
            cross_origin="anonymous",
            custom_attrs={"as": "font"},
        ),
        rx.el.link(rel="manifest", href="/manifest.webmanifest"),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.link(rel="icon", href="/favicon.ico", sizes="32x32"),
        rx.el.link(rel="apple-touch-icon", href="/apple-touch-icon.png"),
    ]


def _script(name: str) -> rx.Component:
    """A script of ``live/`` within the page, without its comments: it costs no request."""
    text = (Path(__file__).parent / "live" / f"{name}.js").read_text(encoding="utf-8")
    code = re.sub(r"^\s*/\*\*.*?\*/\n", "", text, flags=re.DOTALL | re.MULTILINE)
    colors = {f"data-{name}": color for name, color in theme.THEME_COLORS.items()}
    return rx.el.script(
        custom_attrs={"dangerouslySetInnerHTML": {"__html": code}}
        | (colors if name == "early" else {})
    )


def _latin() -> rx.Var[str]:
    """The address of Inter's Latin letters, which the first paint needs; others follow if used."""
    imported = {f"{build.INTER_LATIN}?url": [ImportVar(tag="interLatin", is_default=True)]}
    return rx.Var("interLatin", _var_data=VarData(imports=imported))


def create_app(
    api_transformer: Sequence[Any] | Callable[..., Any] | Any | None = None,
    outermost: Callable[[Any], Any] = lambda whole: whole,
) -> rx.App:
    """The Reflex app with its pages.

    Args:
        api_transformer: Photon's own HTTP routes, as ``rx.App`` takes them.
        outermost: adds Photon's own sockets around everything else.
    """
    app = PhotonApp(
        api_transformer=api_transformer,
        head_components=head_components(),
        html_lang="en",
        toaster=None,
        app_wraps={
            (55, "ErrorBoundary"): lambda _stateful: default_error_boundary(
                fallback_render=rx.Var.create(broken())
            )
        },
        backend_exception_handler=_handler_failed,
    )
    app.outermost = outermost
    app.add_middleware(StorageFirst())
    app.add_page(
        index,
        route="/",
        title=TITLE,
        description=DESCRIPTION,
        image="/icon-512.png",
        on_load=Dashboard.arrive,
    )
    app.add_page(missing, route="404", title=f"Not found · {TITLE}", image="/icon-512.png")
    app.add_page(
        market,
        route="/market",
        title=f"Market · {TITLE}",
        description="What this Photon follows: heat map, breadth, movers.",
        image="/icon-512.png",
    )
    app.add_page(
        developers,
        route="/developers",
        title=f"Developers · {TITLE}",
        description="Photon's protocol: a live console, clients to copy, every message.",
        image="/icon-512.png",
    )
    return app


def _handler_failed(exception: Exception) -> None:
    """Log the exception; Reflex's own handler would show a toast or an alert over the page."""
    log.error("a handler of the page failed", exc_info=exception)
