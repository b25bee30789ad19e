"""How what the page costs is counted, kept and compared."""

from pathlib import Path

from bench.findings import Finding
from bench.page.__main__ import earlier, keep, table
from bench.page.traffic import Traffic, is_ping
from bench.tape import price_at

FOUND = [
    Finding("frames", "3 a second", "≥ 30", holds=False),
    Finding("scripts", "330 KB", "", None),
]


def sent(traffic: Traffic, key: str, at: float, url: str = "http://photon/") -> None:
    """The browser asks; its own clock began at 1000."""
    traffic._sent(
        {
            "requestId": key,
            "request": {"url": url},
            "type": "Script",
            "timestamp": at - 1000,
            "wallTime": at,
        }
    )


def finished(traffic: Traffic, key: str, at: float, size: float) -> None:
    """The browser has the answer."""
    traffic._finished({"requestId": key, "timestamp": at - 1000, "encodedDataLength": size})


def test_a_price_tells_when_it_was_printed() -> None:
    """To 10 ms, and with two decimals, so that the page shows all of it."""
    assert [price_at(ms) for ms in (0, 9, 10, 1234, 600_000)] == [
        1000.0,
        1000.0,
        1000.01,
        1001.23,
        1600.0,
    ]


def test_findings_are_read_as_they_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    keep(file, FOUND, {"processor": "one"})
    assert earlier(file) == FOUND


def test_a_table_has_what_an_earlier_run_found_beside() -> None:
    """A dash where it found nothing of the kind."""
    lines = table(FOUND, [Finding("frames", "2 a second", "≥ 20", holds=False)]).splitlines()
    assert lines[0] == "|  | before | now | bar |  |"
    assert lines[2] == "| frames | 2 a second | 3 a second | ≥ 30 | **no** |"
    assert lines[3] == "| scripts | – | 330 KB |  |  |"
    assert "before" not in table(FOUND)


def test_requests_count_from_when_they_begin_and_bytes_from_when_they_are_there() -> None:
    """What is not of the network is left out."""
    traffic = Traffic()
    sent(traffic, "a", 2000)
    sent(traffic, "b", 2001)
    sent(traffic, "c", 2000.5, "data:image/png;base64,")
    finished(traffic, "a", 2000.4, 70.0)
    finished(traffic, "b", 2003, 30.0)
    finished(traffic, "c", 2000.6, 5.0)
    assert traffic.until(2001.5) == (2, 70)
    assert traffic.until(2004) == (2, 100)


def test_a_tab_is_recorded_by_what_it_says_on_a_socket() -> None:
    """Without what only measures the way there."""
    traffic = Traffic()
    traffic._socket({"requestId": "1", "url": "ws://photon/_event/?EIO=4"})
    traffic._socket({"requestId": "2", "url": "ws://photon/ws?format=batch"})
    for said in ('{"action":"subscribe","symbols":["AAPL"]}', '{"action":"ping","id":1}'):
        traffic._frame({"requestId": "2", "response": {"payloadData": said}})
    url, texts = traffic.frames_to("/ws")
    assert url.endswith("format=batch")
    assert [is_ping(text) for text in texts] == [False, True]
