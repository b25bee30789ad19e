"""How a process comes up and goes down, as a user sees it."""

import asyncio
import contextlib
import errno
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import websockets.exceptions
from websockets.asyncio.client import connect

from photon_app import __version__, descriptors, launcher
from photon_app.errors import StartError
from photon_app.gateway.origin import Receive, Send
from tests.fakes.process import (
    ROOT,
    Process,
    environment,
    photon,
    run,
    starting,
)
from tests.fakes.time import HandTime
from tests.fakes.waiting import wait_for, wait_until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_with_code_0_and_clients_are_notified(number: int) -> None:
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


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_start_at_each_of_its_moments(number: int) -> None:
    """With code 0 and without a word: first of all, while the page and the application are looked
    for, and while the database is waited for.
    """
    with launcher.bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    for is_there in (
        lambda process: _handles(process, signal.SIGHUP),  # the last that it sets
        lambda process: _listens(process, port),
        lambda process: "pydantic_core" in _maps(process),
    ):
        with starting(PORT=port) as process:
            wait_for(functools.partial(is_there, process), 60)
            assert process.stop(number) == 0
            assert process.output == ""


def _handles(process: Process, number: int) -> bool:
    """Whether a process handles a signal."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def _maps(process: Process) -> str:
    """What a process has loaded of compiled libraries."""
    return Path(f"/proc/{process.popen.pid}/maps").read_text()


def _listens(process: Process, port: int) -> bool:
    assert process.popen.poll() is None, process.output
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("signals", "code"), [(1, 0), (2, 0), (3, 1)])
def test_a_signal_ends_a_start_that_waits_for_its_database(signals: int, code: int) -> None:
    """It is given up; a third signal ends the process as it is."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/bars"
        with starting(DATABASE_URL=url) as process, silent.accept()[0]:
            for _ in range(signals - 1):
                process.popen.send_signal(signal.SIGTERM)
                time.sleep(0.05)  # two at once are one
            assert process.stop(signal.SIGTERM, within_s=12) == code
            assert not {"Traceback", "dashboard"} & set(process.output.split())


def test_a_second_signal_ends_the_waiting_for_clients() -> None:
    """Not that for the application, which has bars to write."""
    ended: list[str] = []

    async def application(_scope: object, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        ended.append("written")
        await send({"type": "lifespan.shutdown.complete"})

    async def scenario(sock: socket.socket) -> None:
        server = launcher._Server(uvicorn.Config(application, log_config=None), "ready")
        serving = asyncio.ensure_future(uvicorn.Server.serve(server, [sock]))
        while not server.started:
            await asyncio.sleep(0)
        waits = asyncio.create_task(asyncio.Event().wait())
        server.server_state.tasks.add(waits)  # type: ignore[arg-type] # an answer under way
        server.signalled()
        async with asyncio.timeout(5):
            await wait_until(lambda: sock.fileno() == -1)
            assert not ended
            server.signalled()
            await serving
        waits.cancel()

    with launcher.bind("127.0.0.1", 0) as sock:
        asyncio.run(scenario(sock))
    assert ended == ["written"]


LAST = """
import atexit, runpy, signal, sys
numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
atexit.register(lambda: print(*map(signal.getsignal, numbers)))
sys.argv = ["photon_app", "--version"]
runpy.run_module("photon_app", run_name="__main__")
"""


def test_a_signal_while_python_itself_ends_changes_no_exit_code() -> None:
    """It gives signals back to the system before it is gone, but for those that are ignored."""
    done = subprocess.run(
        [sys.executable, "-c", LAST], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[1:] == [" ".join([str(signal.SIG_IGN)] * 3)]


LEAVES = """
import asyncio, time, uvicorn
from photon_app import launcher
async def application(_, receive, send):
    await receive()
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
launcher.EXIT_S = 0.2
with launcher.bind("127.0.0.1", 0) as sock:
    server = launcher._Server(uvicorn.Config(application), "ready")
    with launcher._handling(server.signalled):
        server.run([sock])
"""


def test_what_is_still_busy_at_the_end_is_left() -> None:
    """As a name that is looked up, which nothing can break off."""
    with subprocess.Popen([sys.executable, "-c", LEAVES], cwd=ROOT, stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"ready\n"
        ours.send_signal(signal.SIGTERM)
        assert ours.wait(20) == 0


BUILDS = """
import pathlib, sys
from photon_app import launcher
launcher.BUILT_PAGE = launcher.STAMP = launcher.COPIES = pathlib.Path("no/such/page")
launcher.BUILD_COMMAND = ("-c", "import time; print('builds', flush=True); time.sleep(60)")
launcher.build()
"""


@pytest.mark.parametrize("numbers", [*((one,) for one in SIGNALS), SIGNALS])
def test_a_signal_ends_a_build_with_its_children(numbers: tuple[int, ...]) -> None:
    """The code of serving is 0, also when more than one comes."""
    with subprocess.Popen([sys.executable, "-c", BUILDS], cwd=ROOT, stdout=subprocess.PIPE) as ours:
        children = Path(f"/proc/{ours.pid}/task/{ours.pid}/children")
        wait_for(children.read_text)
        child = int(children.read_text())
        for number in numbers:
            ours.send_signal(number)
        assert ours.wait(5) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_page_is_built_from_its_sources_and_not_from_older_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the dates of the files say."""
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    monkeypatch.setattr(launcher, "sources_digest", lambda _: "digest")
    page, copy = tmp_path / launcher.BUILT_PAGE, tmp_path / launcher.COPIES / "client.js"
    for path in (page, copy):
        path.parent.mkdir(parents=True)
        path.write_text("old")

    def built() -> tuple[int, str]:
        page.write_text("old" if copy.exists() else "new")
        return 0, ""

    monkeypatch.setattr(launcher, "_run_build", built)
    launcher.build()
    assert page.read_text() == "new"


def test_half_a_page_is_not_taken_for_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever cut the build off; also where the sources are those of the page before it."""
    monkeypatch.setattr(launcher, "ROOT", tmp_path)
    monkeypatch.setattr(launcher, "sources_digest", lambda _: "digest")
    page, stamp = tmp_path / launcher.BUILT_PAGE, tmp_path / launcher.STAMP
    page.parent.mkdir(parents=True)
    builds: list[str] = []

    def half() -> tuple[int, str]:
        page.write_text("half")
        raise SystemExit(0)

    def whole() -> tuple[int, str]:
        builds.append(page.read_text())
        page.write_text("whole")
        return 0, ""

    page.write_text("old")
    stamp.write_text("digest")
    launcher.build()
    monkeypatch.setattr(launcher, "_run_build", half)
    with pytest.raises(SystemExit):
        launcher.build(force=True)
    monkeypatch.setattr(launcher, "_run_build", whole)
    launcher.build()
    launcher.build()
    assert builds == ["half"]
    assert page.read_text() == "whole"


FAILS = """
import sys
from photon_app import __main__, upstream
def fails(*_, **__):
    raise OSError("the moon is down")
upstream.of = fails
sys.exit(__main__.main([]))
"""


def test_a_start_that_fails_is_one_line_and_code_1() -> None:
    """For every kind of error; the traceback is logged at the level debug."""
    for level, lines in (("info", 1), ("debug", 10)):
        done = subprocess.run(
            [sys.executable, "-c", FAILS],
            cwd=ROOT,
            env=environment(LOG_LEVEL=level),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        last = done.stderr.splitlines()[-1]
        assert last.startswith("photon: it cannot start: OSError: the moon is down")
        assert min(done.stderr.count("\n"), 10) == lines
        assert ("Traceback" in done.stderr) == (level == "debug")


@pytest.mark.parametrize(
    ("redirection", "variables"),
    [
        ("> /dev/full", {}),
        ("> /dev/full 2> /dev/full", {"PYTHONUNBUFFERED": 1}),
        ("> >(true)", {}),
        (">&-", {}),
        ("<&- >&- 2>&-", {}),
        ("> /dev/null", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}),
    ],
)
def test_a_banner_that_cannot_be_written_holds_up_nothing(
    redirection: str, variables: dict[str, Any]
) -> None:
    """It serves, and ends when it is asked to."""
    with launcher.bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    script = f'exec "$@" {redirection}'
    with (
        starting("bash", "-c", script, "bash", PORT=port, **variables) as process,
        httpx.Client(transport=httpx.HTTPTransport(retries=9)) as client,
    ):
        wait_for(lambda: _listens(process, port), 60)
        assert client.get(f"http://127.0.0.1:{port}/health", timeout=60).status_code == 200
        assert process.stop() == 0
        assert process.output == ""


def test_what_nohup_keeps_from_it_does_not_end_it() -> None:
    """It goes on when its terminal goes."""
    with starting("sh", "-c", 'trap "" HUP; exec "$@"', "sh") as process:
        process.wait_ready()
        process.popen.send_signal(signal.SIGHUP)
        assert httpx.get(f"{process.http}/health").status_code == 200
        assert process.stop() == 0


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
    """Bytes in the kernel that no peer has read, on a server's connections."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [row for row in rows if int(row[1].rpartition(":")[2], 16) == port]
    return sum(int(row[4].partition(":")[0], 16) for row in ours)


def test_the_one_line_says_what_runs_where_and_with_which_feed() -> None:
    """Dashboard, socket, API and feed."""
    with photon() as process:
        for part in (__version__, process.http, process.ws, "/docs", "SIMULATED"):
            assert part in process.banner


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"HOST": "0.0.0.0"}, True),
        ({"HOST": "0.0.0.0", "PHOTON_ALLOWED_HOSTS": "prices.example.com"}, False),
        ({}, False),
    ],
)
def test_a_start_for_other_machines_says_that_any_host_is_accepted(
    settings: dict[str, str], says: bool
) -> None:
    """In one line, which names the setting."""
    with photon(**settings) as process:
        lines = [line for line in process.output.splitlines() if "PHOTON_ALLOWED_HOSTS" in line]
    assert [("any Host" in line, "HOST=0.0.0.0" in line) for line in lines] == [(True, True)] * says


def test_a_taken_port_is_one_clear_line_and_a_failure() -> None:
    """Before anything else starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(PORT=port)
    assert done.returncode == 1
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
        (
            {"DATABASE_URL": "sqlite:////dev/zero"},
            "DATABASE_URL cannot be used: /dev/zero is a dev",
        ),
        ({"DATABASE_URL": "sqlite:////tmp"}, "DATABASE_URL cannot be used: /tmp is a folder"),
        ({"DATABASE_URL": "sqlite:////tmp/a\x1b[2J"}, "DATABASE_URL cannot be used: expected"),
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
    """No address is baked into the page, but that of the examples, in whose place a browser puts
    its own (``tests/page/test_developers.py``).
    """
    launcher.build()
    built = ROOT / launcher.BUILT_PAGE.parent
    files = [*built.glob("assets/*.js"), *built.glob("*.html")]
    texts = [path.read_text() for path in files if "developers" not in path.name]
    assert len(files) > len(texts) > 2
    assert not any("localhost:8000" in text or "127.0.0.1:8000" in text for text in texts)


def test_a_page_is_as_new_as_its_sources() -> None:
    """The digest changes with any of them, and with nothing else."""
    digest = launcher.sources_digest(ROOT)
    assert digest == launcher.sources_digest(ROOT)
    names = {path.relative_to(ROOT).as_posix() for path in launcher._sources(ROOT)}
    assert {"rxconfig.py", "photon_app/ui/pages.py", "photon_app/ui/live/photon-client.js"} <= names
    assert not any(name.startswith(("assets/external", "photon_app/hub")) for name in names)


def test_a_page_without_its_sources_is_refused(tmp_path: Path) -> None:
    """A package that was installed without the project's folder has none."""
    with pytest.raises(StartError, match=r"has no rxconfig\.py, .* pip install -e \."):
        launcher.sources_digest(tmp_path)


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long the table is")
@pytest.mark.parametrize(("files", "limit", "places"), [(3_000, 4_096, 4_096), (3_000, 700, 704)])
def test_the_table_of_open_files_does_not_grow_later(files: int, limit: int, places: int) -> None:
    """Nor is any file left open by that, or closed."""
    code = (
        "import os, resource; from photon_app import descriptors; files = resource.RLIMIT_NOFILE; "
        f"resource.setrlimit(files, ({limit}, {limit})); os.dup2(1, {min(files, limit) - 1}); "
        f"before = os.listdir('/proc/self/fd'); descriptors.lengthen_table({files}); "
        "assert os.listdir('/proc/self/fd') == before; "
        "print(*(line for line in open('/proc/self/status') if line.startswith('FDSize')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[1]) >= places


@pytest.mark.parametrize(
    ("files", "database", "places"), [(24, "none", 10), (40, "sqlite", 16), (64, "sqlite", 32)]
)
def test_as_many_connections_as_are_promised_are_there(
    tmp_path: Path, files: int, database: str, places: int
) -> None:
    """Each is sent prices, one more is refused as the server is full, and the database works."""

    async def scenario(process: Process) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(places):
                connection = await stack.enter_async_context(connect(process.ws))
                await connection.recv()
            with pytest.raises(websockets.exceptions.InvalidStatus, match="503"):
                await stack.enter_async_context(connect(process.ws))
            async with httpx.AsyncClient() as client:
                asked = {"symbol": "AAPL", "timeframe": "1d"}
                bars = await client.get(f"{process.http}/api/bars", params=asked)
                assert "partial" not in bars.json()
                health = (await client.get(f"{process.http}/health")).json()
            assert health["clients"] == places
            assert health["storage"]["state"] in {"off", "ok"}

    url = "none" if database == "none" else f"sqlite:///{tmp_path / 'photon.db'}"
    with photon(files, DATABASE_URL=url) as process:
        assert f"at most {places} connections are possible" in process.output
        asyncio.run(scenario(process))
        assert "no connection can be accepted" not in process.output


def test_who_could_serve_nobody_does_not_start(tmp_path: Path) -> None:
    """It says how many files it may have open, and how many it needs."""
    url = f"sqlite:///{tmp_path / 'photon.db'}"
    limited = ("sh", "-c", 'ulimit -n 24 && exec "$@"', "sh")
    with starting(*limited, DATABASE_URL=url) as process:
        assert process.popen.wait(30) == 1
        process._reader.join(5)
        assert process.output.count("\n") == 1
        assert "may have 24 files open and needs 24 without any client" in process.output


@pytest.mark.parametrize(
    ("files", "possible", "sockets"), [(10_256, 10_000, 10_192), (200, 100, 150), (9_000, 50, 306)]
)
def test_sockets_leave_files_for_the_process_itself(
    monkeypatch: pytest.MonkeyPatch, files: int, possible: int, sockets: int
) -> None:
    """Those of HTTP too, of which there are no more than the reserve."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert descriptors.sockets_for(possible) == sockets


def test_files_that_run_out_all_the_same_are_one_line_in_ten_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever has them."""
    time = HandTime()
    shortage = descriptors.FileShortage(time)
    loop = asyncio.new_event_loop()
    for time.at_s in (0.0, 5.0, 9.9, 10.0):
        shortage(loop, {"exception": OSError(errno.EMFILE, "Too many open files")})
    loop.close()
    assert len(caplog.records) == 2
    assert "no connection can be accepted for now: Too many open files" in caplog.text


def test_files_do_not_run_out_for_connections_that_say_nothing() -> None:
    """It serves who is there, and who comes: the oldest of those that say nothing go."""

    async def scenario(process: Process) -> None:
        async with connect(process.ws) as early:
            await early.send('{"action":"subscribe","symbols":["AAPL"]}')
            idle = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(250)]
            for _ in range(20):
                await early.recv()
            async with asyncio.timeout(5), connect(process.ws) as late:
                await late.recv()
            assert idle[0].recv(1) == b""
            for sock in idle:
                sock.close()

    with photon(200, PHOTON_SIM_INTERVAL_MS=20) as process:
        asyncio.run(scenario(process))
        assert "at most 100 connections are possible" in process.output
        assert process.stop() == 0
        assert "no connection can be accepted" not in process.output
        assert "Traceback" not in process.output


def test_plain_uvicorn_serves_too(tmp_path: Path) -> None:
    """With the three variables, as documented; and its log is Photon's, without secrets."""
    launcher.build()
    with launcher.bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", launcher.APP, "--port", str(port)]
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(FINHUB_API_KEY="canary", **launcher.PRODUCTION),
            stdout=file,
            stderr=file,
        ) as server,
    ):
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                url = f"http://127.0.0.1:{port}/?token=canary"
                page = client.get(url, headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert "Photon" in page.text
        finally:
            server.terminate()
            server.wait(10)
    said = log.read_text()
    assert "did you mean FINNHUB_API_KEY?" in said
    assert "INFO uvicorn.access: " in said and "/?token=***" in said
    assert "canary" not in said
