"""How a process comes up and goes down, as a user sees it."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import websockets.exceptions
from websockets.asyncio.client import connect

from photon_app import __version__, launcher
from photon_app.errors import StartError
from tests.fakes.process import ROOT, Process, environment, photon, run, wait_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0_and_clients_are_told(number: int) -> None:
    """Within ten seconds, whatever clients do."""

    async def told(url: str, stop: object) -> list[object]:
        seen: list[object] = []
        async with connect(url) as connection:
            await connection.recv()
            assert callable(stop)
            stopping = asyncio.get_running_loop().run_in_executor(None, stop)
            try:
                while True:
                    seen.append(json.loads(await connection.recv())["type"])
            except websockets.exceptions.ConnectionClosed:
                seen.append(connection.close_code)
            assert await stopping == 0
        return seen

    with photon() as process:
        seen = asyncio.run(told(process.ws, lambda: process.stop(number)))
        assert seen[-2:] == ["shutdown", 1012]
        assert "Traceback" not in process.output
        assert process.output.count("\n") == 1


def test_a_client_that_reads_nothing_does_not_hold_up_the_end() -> None:
    """It is cut off."""
    hello = (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    wanted = json.dumps({"action": "subscribe", "symbols": [f"S{n}" for n in range(100)]}).encode()
    frame = b"\x81\xfe" + len(wanted).to_bytes(2, "big") + b"\0\0\0\0" + wanted
    with photon(PHOTON_SIM_INTERVAL_MS=1) as process, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", process.port))
        client.sendall(hello)
        assert client.recv(12) == b"HTTP/1.1 101"
        client.sendall(frame)
        wait_for(lambda: _unsent(process.port) > 100_000, 60)
        assert process.stop() == 0


def _unsent(port: int) -> int:
    """Bytes that wait in the kernel for somebody to read them, on a server's connections."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if int(row[1].rpartition(":")[2], 16) == port]
    return sum(int(row[4].partition(":")[0], 16) for row in ours)


def test_the_one_line_says_what_runs_where_and_with_which_feed() -> None:
    """Dashboard, socket, API and feed."""
    with photon() as process:
        for part in (__version__, process.http, process.ws, "/docs", "SIMULATED"):
            assert part in process.banner


def test_a_taken_port_is_one_clear_line_and_a_failure() -> None:
    """Before anything else starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(PORT=port)
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is taken" in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"PORT": "http"}, "PORT='http' cannot be used"),
        ({"PHOTON_FEED": "finnhub"}, "FINNHUB_API_KEY not found"),
        ({"PHOTON_FEED": f"replay:{__file__}"}, "test_launcher.py"),
        ({"HOST": "no.such.host.invalid"}, "HOST='no.such.host.invalid'"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(settings: dict[str, str], says: str) -> None:
    """And fails, without a traceback."""
    done = run(**settings)
    assert done.returncode != 0
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_reads_well() -> None:
    """With the settings that matter."""
    done = run("--help")
    assert done.returncode == 0
    assert {"serve", "build", "PORT", "FINNHUB_API_KEY"} <= set(
        done.stdout.replace(",", "").split()
    )


def test_the_key_is_in_no_output() -> None:
    """With a Finnhub that is not there, at the most talkative level, on every surface."""
    canary = "canary-7d1e0b"
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
    urls = {"FINNHUB_WS_URL": f"ws://{dead}", "FINNHUB_API_URL": f"http://{dead}"}
    with photon(FINNHUB_API_KEY=canary, LOG_LEVEL="debug", **urls) as process:
        with httpx.Client(base_url=process.http) as client:
            bodies = [client.get(path).text for path in ("/health", "/", "/api/quotes", "/nothing")]
            page = client.get("/", headers={"Accept": "text/html"}).text
        assert '"state":"reconnecting"' in bodies[0] or '"state":"connecting"' in bodies[0]
        process.stop()
        assert canary not in process.output + page + "".join(bodies)


def test_a_password_with_an_at_sign_is_in_no_output() -> None:
    """With a database that is not there, at the most talkative level, and in a command's error."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
    url = f"postgresql://canaryuser:p@ss/canary@{place}/bars"
    with photon(DATABASE_URL=url, LOG_LEVEL="debug") as process:
        with httpx.Client(base_url=process.http) as client:
            health = client.get("/health").text
            bars = client.get("/api/bars", params={"symbol": "AAPL"}).text
        process.stop()
    said = run("export", "--symbol", "AAPL", DATABASE_URL=url).stderr
    assert f"postgresql+psycopg://***@{place}/bars" in health
    assert f"postgresql+psycopg://***@{place}/bars" in said
    assert "canary" not in process.output + health + bars + said


def test_one_build_serves_any_port() -> None:
    """No address is baked into the page."""
    launcher.build()
    built = ROOT / launcher.BUILT_PAGE.parent
    texts = [path.read_text() for path in (*built.glob("assets/*.js"), *built.glob("*.html"))]
    assert texts
    assert not any("localhost:8000" in text or "127.0.0.1:8000" in text for text in texts)


def test_a_page_is_as_new_as_its_sources() -> None:
    """The digest changes with any of them, and with nothing else."""
    digest = launcher.sources_digest(ROOT)
    assert digest == launcher.sources_digest(ROOT)
    names = {path.relative_to(ROOT).as_posix() for path in launcher._sources(ROOT)}
    assert {"rxconfig.py", "photon_app/ui/pages.py", "photon_app/ui/live/photon-client.js"} <= names
    assert not any(name.startswith(("assets/external", "photon_app/hub")) for name in names)


def test_binding_keeps_the_port_from_a_second_start() -> None:
    """Even before anything is served."""
    with launcher.bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StartError, match="is taken"), launcher.bind("127.0.0.1", port):
            pass


@pytest.mark.parametrize(
    ("wanted", "soft", "hard", "possible", "raised"),
    [
        (500, 64, 1000, 500, 756),
        (500, 800, 1000, 500, 800),
        (500, 64, 600, 344, 600),
        (500, 64, 200, 100, 200),
        (50, 64, 200, 50, 200),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(
    wanted: int, soft: int, hard: int, possible: int, raised: int
) -> None:
    """What does not fit is not promised, and one line says so."""
    code = (
        "import resource; from photon_app import descriptors; files = resource.RLIMIT_NOFILE; "
        f"resource.setrlimit(files, ({soft}, {hard})); "
        f"print(descriptors.room_for({wanted}), *resource.getrlimit(files))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(possible), str(raised), str(hard)]
    assert done.stderr.count("\n") == (possible < wanted)
    if possible < wanted:
        assert f"at most {possible} connections" in done.stderr
        assert f"PHOTON_MAX_CONNECTIONS={wanted}" in done.stderr


def test_files_that_run_out_are_one_line_and_the_server_goes_on() -> None:
    """It serves who is there, and accepts again when there is room."""

    async def scenario(process: Process) -> None:
        async with connect(process.ws) as early:
            await early.send('{"action":"subscribe","symbols":["AAPL"]}')
            idle = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(250)]
            while "no connection can be accepted" not in process.output:
                await early.recv()
            for _ in range(20):
                await early.recv()
            for sock in idle:
                sock.close()
            async with connect(process.ws, open_timeout=20) as late:
                await late.recv()

    with photon(200, PHOTON_SIM_INTERVAL_MS=20) as process:
        asyncio.run(scenario(process))
        assert "at most 100 connections are possible" in process.output
        assert process.stop() == 0
        assert process.output.count("no connection can be accepted") == 1
        assert "Traceback" not in process.output


def test_plain_uvicorn_serves_too() -> None:
    """With the three variables, as documented."""
    launcher.build()
    with launcher.bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", launcher.APP, "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(**launcher.PRODUCTION),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                page = client.get(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert "Photon" in page.text
        finally:
            server.terminate()
            server.wait(10)
