"""Pages of others: a browser on them gets nothing from this server."""

from playwright.sync_api import expect

from tests.fakes.process import Process
from tests.fakes.proxy import own_host
from tests.page.conftest import Visit

TOKEN = "6f1d2a9e-1c1b-4a3e-9c55-0d6b2f0e7a11"
PATHS = ("/ws", f"/_event/?EIO=4&transport=websocket&token={TOKEN}")

OPENS = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => { socket.close(); resolve(true); };
  socket.onerror = () => resolve(false);
})"""


def test_a_foreign_origin_opens_no_socket(visit: Visit, server: Process) -> None:
    """Neither for prices nor for the page's events; its own page has both."""
    own, foreign = visit(server.http), visit(f"http://localhost:{server.port}")
    for path in PATHS:
        url = f"ws://127.0.0.1:{server.port}{path}"
        assert own.page.evaluate(OPENS, url)
        assert not foreign.page.evaluate(OPENS, url)
    assert len(foreign.complaints) == len(PATHS)
    foreign.forgive("403")


def test_a_name_pointed_at_this_machine_gets_no_page(visit: Visit, server: Process) -> None:
    """Else its page would be its own origin here (DNS rebinding)."""
    visitor = visit(f"http://rebound.test:{server.port}")
    assert "loopback only" in visitor.page.inner_text("body")
    assert visitor.sockets == []
    visitor.close()
    visitor.forgive("403")


def test_a_page_whose_scripts_are_refused_says_why(visit: Visit, server: Process) -> None:
    """Behind a proxy with a Host of its own nothing of it runs."""
    with own_host(server.port) as port:
        visitor = visit(f"http://127.0.0.1:{port}")
        expect(visitor.badge).to_have_text("REFUSED")
        expect(visitor.page.locator(".trouble")).to_contain_text("FRONTEND_URL")
        expect(visitor.page.locator(".foot")).to_contain_text("Refused")
        visitor.close()
        visitor.forgive("403")


def test_a_page_whose_socket_is_refused_says_why(visit: Visit, server: Process) -> None:
    """It has never had the server, and says where to look."""
    refused = "this.addEventListener = () => {}; WebSocket = class { constructor() { "
    visitor = visit(
        server.http,
        init_script=refused
        + "setTimeout(() => this.onclose?.({ code: 1006, reason: '' }), 50); } close() {} };",
    )
    expect(visitor.badge).to_have_text("RECONNECTING")
    trouble = visitor.page.locator(".trouble")
    expect(trouble).to_contain_text(f"does not allow pages of {server.http}")
    expect(trouble).to_contain_text("FRONTEND_URL")
