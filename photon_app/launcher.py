"""How a process comes up and goes down: the port, the page, uvicorn.

Called by the command line only, in the main thread. It never imports the application itself:
uvicorn does, once the port is ours and the page is built.
"""

import asyncio
import contextlib
import errno
import gc
import hashlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from photon_app import __version__
from photon_app.descriptors import FileShortage, room_for
from photon_app.errors import StartError
from photon_app.feed.recording import Recording
from photon_app.feed.replay import start_ms
from photon_app.settings import Settings
from photon_app.storage import address

ROOT = Path(__file__).resolve().parent.parent
BUILT_PAGE = Path(".web/build/client/index.html")
STAMP = Path(".web/build/photon-sources.sha256")
BUILD_COMMAND = ("-m", "reflex", "export", "--frontend-only", "--no-zip")
APP = "photon_app.photon_app:app"
PRODUCTION = {
    "REFLEX_ENV_MODE": "prod",
    "__REFLEX_SKIP_COMPILE": "true",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
}
"""What makes ``uvicorn --factory photon_app.photon_app:app`` serve the built page."""
PING_S = 20.0
GRACE_S = 5
BACKLOG = 2048
ACCEPTS_A_TURN = 1
"""Connections accepted in one turn of the event loop, which asyncio takes from the backlog that it
is given. Python 3.11 goes on for the whole number when a process has no file left to open, with a
traceback and a timer each: at uvicorn's 2,048 that stops everything else."""


def serve(settings: Settings) -> int:
    """Serve until a signal says stop; returns the exit code.

    Raises:
        StartError: the port is taken, or the page cannot be built.
        RecordingError: the file to replay is not a recording, or ends before the start.
        SettingsError: the database's address is none.
    """
    address.of(settings)
    if settings.replay_path is not None:  # the application reads it again, from another folder
        os.environ["PHOTON_FEED"] = f"replay:{settings.replay_path.resolve()}"
    with bind(settings.host, settings.port) as sock:
        if settings.replay_path is not None:
            start_ms(Recording(settings.replay_path), settings.replay_start)
        build()
        _log_to_stderr(settings)
        # the application reads its settings again, from the environment
        os.environ["PHOTON_MAX_CONNECTIONS"] = str(room_for(settings.max_connections))
        os.environ.update(PRODUCTION)
        with _quiet_signals():
            return _run(settings, sock)


@contextlib.contextmanager
def bind(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, closed at the end.

    Raises:
        StartError: the address cannot be had; one line saying why and what to do.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        message = f"HOST={host!r} is not an address of this machine: {error.strerror or error}"
        raise StartError(message) from None
    sock = socket.socket(family, kind, proto)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(address)
            sock.listen(BACKLOG)
        except OSError as error:
            raise StartError(_why_not(host, port, error)) from None
        yield sock
    finally:
        sock.close()


def build(*, force: bool = False) -> None:
    """Build the page when it is missing or older than its sources.

    Raises:
        StartError: the build failed; with the end of its output.
    """
    digest = sources_digest(ROOT)
    stamp = ROOT / STAMP
    fresh = (ROOT / BUILT_PAGE).is_file() and stamp.is_file() and stamp.read_text() == digest
    if fresh and not force:
        return
    print("photon: building the page (once; about half a minute) …", flush=True)
    code, output = _run_build()
    if code != 0 or not (ROOT / BUILT_PAGE).is_file():
        tail = "\n".join(output.strip().splitlines()[-25:])
        message = f"the page could not be built (exit {code}):\n{tail}"
        raise StartError(message)
    stamp.write_text(digest)


def _run_build() -> tuple[int, str]:
    """Run the build as a group of its own, which ends with us whichever signal we can handle."""
    with subprocess.Popen(
        [sys.executable, *BUILD_COMMAND],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            output, _ = child.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    return child.returncode, output


def sources_digest(root: Path) -> str:
    """A digest of everything that the built page is made from."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield root / "rxconfig.py"
    yield root / "requirements.txt"
    yield root / "photon_app" / "photon_app.py"
    yield root / "reflex.lock" / "package-lock.json"  # Reflex rewrites the other file as it likes
    generated = root / "assets" / "external"
    for folder in (root / "photon_app" / "ui", root / "assets"):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and generated not in path.parents:
                yield path


def _run(settings: Settings, sock: socket.socket) -> int:
    config = uvicorn.Config(
        APP,
        factory=True,
        loop="asyncio",  # not whatever is installed: the wire was measured and tested with this one
        http="photon_app.gateway.handshake:PhotonHTTPProtocol",
        ws="photon_app.gateway.wire:PhotonWebSocketProtocol",
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        access_log=False,  # it would log query strings, and with them tokens
        log_level="warning",  # its own lines too would show query strings
        timeout_graceful_shutdown=GRACE_S,
        backlog=ACCEPTS_A_TURN,
    )
    server = _Server(config, banner(settings, sock.getsockname()[1]))
    os.chdir(ROOT)  # Reflex looks for its files in the working directory
    server.run(sockets=[sock])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """uvicorn's server that says one line when it serves, and accepts in small portions."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(FileShortage(time.monotonic))
        await super().startup(sockets)
        for sock in sockets or ():
            sock.listen(BACKLOG)
        # What is loaded by now stays: a full collection that looks at all of it again and again
        # would stop everything for some 50 ms each time
        gc.collect()
        gc.freeze()
        if self.started and not self.should_exit:
            print(self._ready, flush=True)


def banner(settings: Settings, port: int) -> str:
    """The one line that says what runs where and with which feed."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    host = f"[{host}]" if ":" in host else host
    feed = {
        "finnhub": "Finnhub",
        "simulated": "SIMULATED prices (set FINNHUB_API_KEY for real ones)",
        "replay": f"REPLAY of {settings.replay_path}",
    }[settings.feed]
    return (
        f"Photon {__version__}: dashboard http://{host}:{port} · "
        f"WebSocket ws://{host}:{port}/ws · API http://{host}:{port}/docs · feed: {feed}"
    )


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("photon_app").setLevel(settings.log_level.upper())


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken (is Photon running already?): "
            "stop what uses it, or choose another with PORT=…"
        )
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs privileges: choose one above 1023 with PORT=…"
    return f"cannot listen on {host}:{port}: {error.strerror}"


@contextlib.contextmanager
def _quiet_signals() -> Iterator[None]:
    """Uvicorn raises the signal that stopped it again, after a clean end: let that be nothing, so
    that the exit code is 0.
    """
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
