"""How a process starts and stops: the port, the page, uvicorn.

Called by the command line only, in the main thread. It never imports the application itself:
uvicorn does, once the port is bound and the page is built.

SIGINT, SIGTERM and SIGHUP all mean the same at every moment: stop. Before the event loop runs there
is nothing to clean up except a build, so ``__main__`` ends the process at once. A start that is
under way is cancelled. A running server shuts down. A second signal ends the wait for clients, a
third one the process.
"""

import asyncio
import contextlib
import errno
import gc
import hashlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from photon_app import ROOT, __version__, printing, runtime
from photon_app.descriptors import (
    RESERVED_FILES,
    FileShortage,
    least_reserve,
    lengthen_table,
    room_for,
    sockets_for,
)
from photon_app.errors import PhotonError, StartError
from photon_app.feed.recording.file import Recording
from photon_app.feed.recording.replay import start_ms
from photon_app.gateway.handshake import HttpLimits, protocol
from photon_app.settings import Settings
from photon_app.storage import address
from photon_app.storage.address import Address
from photon_app.storage.faults import UnusableError
from photon_app.storage.file import refuse_other_kinds

BUILT_PAGE = Path(".web/build/client/index.html")
STAMP = Path(".web/build/photon-sources.sha256")
COPIES = Path(".web/public")
"""Reflex's copies of ``assets``. It renews a copy only when the source has a later date, which a
checkout that was moved or unpacked need not have."""
BUILD_COMMAND = ("-m", "reflex", "export", "--frontend-only", "--no-zip")
APP = "photon_app.photon_app:app"
PRODUCTION = {
    "REFLEX_ENV_MODE": "prod",
    "__REFLEX_SKIP_COMPILE": "true",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
}
"""The environment in which ``uvicorn --factory photon_app.photon_app:app`` serves the built
page."""
PING_S = 20.0
GRACE_S = 5
EXIT_S = 8.0
"""After serving, work that is still busy (a name lookup, a database that does not answer) has this
long; then the process ends anyway."""
SIGNAL_CHECK_S = 0.1
"""Longest delay before a signal ends a build."""
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
MOST_SIGNALS = 2
"""The next signal after these ends the process at once."""
BACKLOG = 4096
ACCEPTS_PER_ITERATION = 1
"""Connections accepted per iteration of the event loop; asyncio uses the backlog that it is given
as this limit. When a process has no file left to open, Python 3.11 tries the whole number all the
same, with a traceback and a timer for each. At uvicorn's 2,048 that stops everything else."""
SWITCH_S = 0.0005
"""Longest time that a thread that reads a file or bars may hold up the event loop when it is ready
to run. Python's own 5 ms add up when many threads have work to do."""
ANY_HOST = (
    "photon: HOST={} serves other machines under any Host, also a foreign name that leads here; "
    "PHOTON_ALLOWED_HOSTS=prices.example.com would serve that name and addresses only"
)
NO_SOURCES = (
    "{} has no rxconfig.py, and the page is built from it: install Photon from its folder, with "
    "pip install -e ."
)

_log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until a signal arrives; returns the exit code.

    Raises:
        StartError: the database address leads to something that is not a file, the port is taken,
            too few files may be open, the page cannot be built, or the server cannot start.
        RecordingError: the file to replay is not a recording, or ends before the start.
        SettingsError: the database address is invalid.
    """
    where = _database(settings)
    if settings.replay_path is not None:  # the application reads it again, from another folder
        os.environ["PHOTON_FEED"] = f"replay:{settings.replay_path.resolve()}"
    with bind(settings.host, settings.port) as sock:
        if settings.replay_path is not None:
            start_ms(Recording(settings.replay_path), settings.replay_start)
        with runtime.logged(settings):
            limits = _http_limits(settings, where)
        build()
        if sys.stdout is None:
            sys.stdout = printing.nowhere()  # libraries ask it what it is
        if not settings.loopback and not settings.allowed_hosts:
            printing.complain(ANY_HOST.format(settings.host))
        with runtime.logged(settings, prints=True):
            os.environ.update(PRODUCTION)
            return _run(settings, sock, limits)


def _database(settings: Settings) -> Address:
    """The address of the database for bars. A file that can never be a database stops the start; a
    database that cannot be used right now does not.
    """
    where = address.of(settings)
    if where.path is not None:
        try:
            refuse_other_kinds(where.path)
        except UnusableError as error:
            raise StartError(f"DATABASE_URL cannot be used: {error}") from None
    return where


def _http_limits(settings: Settings, where: Address) -> HttpLimits:
    """The limits that this process's open files allow. The application reads its settings again
    from the environment, so the number of possible connections is passed there.
    """
    least = least_reserve(
        sqlite=where.is_sqlite,
        server=where.stores and not where.is_sqlite,
        upstream=settings.feed == "finnhub",
    )
    possible = room_for(settings.max_connections, least)
    os.environ["PHOTON_MAX_CONNECTIONS"] = str(possible)
    sockets = sockets_for(possible, least)
    lengthen_table(sockets + RESERVED_FILES)
    return HttpLimits(
        sockets=sockets,
        requests_per_s=settings.requests_per_s,
        proxy_hops=settings.proxy_hops,
    )


@contextlib.contextmanager
def bind(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, closed at the end of the block.

    Raises:
        StartError: the address cannot be bound; one line that says why and what to do.
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
        StartError: the build failed, with the end of its output; or there are no sources.
    """
    digest = sources_digest(ROOT)
    stamp = ROOT / STAMP
    fresh = (ROOT / BUILT_PAGE).is_file() and stamp.is_file() and stamp.read_text() == digest
    if fresh and not force:
        return
    printing.say("photon: building the page (once; about half a minute) …")
    try:
        stamp.unlink(missing_ok=True)  # a build that is cut off leaves half a page
        if (ROOT / COPIES).is_dir():
            shutil.rmtree(ROOT / COPIES)
    except OSError as error:
        raise StartError(f"{error.filename} cannot be removed: {error.strerror}") from None
    code, output = _run_build()
    if code != 0 or not (ROOT / BUILT_PAGE).is_file():
        tail = "\n".join(output.strip().splitlines()[-25:])
        message = f"the page could not be built (exit {code}):\n{tail}"
        raise StartError(message)
    try:
        stamp.write_text(digest)
    except OSError as error:
        raise StartError(f"{stamp} cannot be written: {error.strerror}") from None


def _run_build() -> tuple[int, str]:
    """Run the build in a process group of its own, which is killed when a signal stops this
    process.

    Raises:
        StartError: it cannot be run.
        SystemExit: a signal arrived.
    """
    received: list[int] = []
    with _handling(lambda number, _: received.append(number)):
        try:
            child = subprocess.Popen(
                [sys.executable, *BUILD_COMMAND],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise StartError(f"the page cannot be built: {error.strerror}") from None
        with child:
            try:
                output = _output(child, received)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                raise
    return child.returncode, output


def _output(child: "subprocess.Popen[str]", received: list[int]) -> str:
    """All output of a child process, unless a signal arrives. The signal is polled and not raised,
    because an exception raised in a signal handler can get lost.
    """
    while True:
        if received:
            raise SystemExit(0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=SIGNAL_CHECK_S)[0]


def sources_digest(root: Path) -> str:
    """A digest of all files from which the page is built.

    Raises:
        StartError: the sources are missing, for example because only the package was installed.
    """
    if not (root / "rxconfig.py").is_file():
        raise StartError(NO_SOURCES.format(root))
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield root / "rxconfig.py"
    yield root / "requirements.txt"
    yield root / "photon_app" / "photon_app.py"
    yield root / "reflex.lock" / "package-lock.json"  # Reflex rewrites the other file at will
    generated = root / "assets" / "external"
    for folder in (root / "photon_app" / "ui", root / "assets"):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and generated not in path.parents:
                yield path


def _run(settings: Settings, sock: socket.socket, limits: HttpLimits) -> int:
    config = uvicorn.Config(
        APP,
        factory=True,
        loop="asyncio",  # not uvloop if installed: the wire was measured and tested with asyncio
        http=protocol(limits),
        ws="photon_app.gateway.wire:PhotonWebSocketProtocol",
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        proxy_headers=False,
        server_header=False,
        access_log=False,  # it would log query strings, and with them tokens
        log_config=None,  # its records go to the log of the process
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        backlog=ACCEPTS_PER_ITERATION,
    )
    os.chdir(ROOT)  # Reflex looks for its files in the working directory
    sys.setswitchinterval(SWITCH_S)
    gc.disable()  # until everything is loaded: none of it is garbage, and collecting takes 0.2 s
    with _one_line("the application cannot be loaded"):
        config.load()
    server = _Server(config, banner(settings, sock.getsockname()[1]))
    logging.getLogger("uvicorn.error").addFilter(server.filter_record)
    with _handling(server.signalled), contextlib.suppress(asyncio.CancelledError):
        try:
            with _one_line("it cannot start"):
                server.run(sockets=[sock])
        except SystemExit:  # uvicorn's, when the application did not start
            raise StartError(f"it cannot start: {server.why}") from None
    return 0 if (server.started or server.signals) and not runtime.failed else 1


@contextlib.contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Report an error of the start in one line; its traceback is logged at the level ``debug``."""
    try:
        yield
    except PhotonError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever libraries raise
        _log.debug("%s", what, exc_info=True)
        said = next(iter(str(error).splitlines()), "")
        message = f"{what}: {type(error).__name__}{said and ': '}{said} (LOG_LEVEL=debug says more)"
        raise StartError(message) from None


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle the signals while a block runs; SIGHUP only where it is not ignored, as under
    ``nohup``.
    """
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class _Server(uvicorn.Server):
    """uvicorn's server that prints one line when it is ready, accepts connections in small batches,
    and can be stopped at any time.
    """

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready
        self._starting: asyncio.Task[object] | None = None
        self.signals = 0
        """Signals received."""
        self.why = "see the log"
        """Why the application did not start."""

    def signalled(self, *_: object) -> None:
        """Handle a signal; runs in the main thread, between any two of its instructions."""
        self.signals += 1
        if self.signals > MOST_SIGNALS:
            os._exit(1)
        self.force_exit = self.should_exit
        self.should_exit = True
        if (starting := self._starting) is not None:
            starting.get_loop().call_soon_threadsafe(self._give_up_start)

    def _give_up_start(self) -> None:
        if self._starting is not None:
            self._starting.cancel()

    def filter_record(self, record: logging.LogRecord) -> bool:
        """Keep uvicorn's records of a failed start (a traceback and one line) out of the log."""
        said = record.getMessage()
        if said.startswith("Traceback"):
            if not self.signals:
                _log.debug("the application did not start", extra={"more": said})
            self.why = f"{said.strip().splitlines()[-1]} (LOG_LEVEL=debug says more)"
        return not said.startswith(("Traceback", "Application startup failed"))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the signals are handled already, and none is raised again at the end."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped, then limit the time that remaining work may take."""
        try:
            await super().serve(sockets)
        finally:
            code = 0 if self.signals and not runtime.failed else 1
            leaving = threading.Timer(EXIT_S, os._exit, [code])
            leaving.daemon = True
            leaving.start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(FileShortage())
        self._starting = asyncio.current_task()
        if self.should_exit:
            return
        try:
            await super().startup(sockets)
        finally:
            self._starting = None
        for sock in sockets or ():
            sock.listen(BACKLOG)
        # What is loaded by now stays in memory. A full collection that scans all of it would stop
        # everything for some 50 ms each time.
        gc.collect()
        gc.freeze()
        gc.enable()
        if self.started and not self.should_exit:
            printing.say(self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:  # then uvicorn leaves the application as it is
            await self.lifespan.shutdown()


def banner(settings: Settings, port: int) -> str:
    """The line that says which version runs, where, and with which feed."""
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


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken (is Photon running already?): "
            "stop what uses it, or choose another with PORT=…"
        )
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs privileges: choose one above 1023 with PORT=…"
    return f"cannot listen on {host}:{port}: {error.strerror}"
