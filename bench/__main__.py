"""``python -m bench``: run every measurement, print it, write ``bench/RESULTS.md``."""

import datetime as dt
from pathlib import Path

from bench import app, fold, machine

RESULTS = Path(__file__).with_name("RESULTS.md")
CLIENTS, SYMBOLS, RATE, SECONDS, ROUNDS = 200, 10, 1000, 10, 3
IDLE_CLIENTS = 1000


def main() -> None:
    """Measure and write."""
    lines = ["# Measurements", "", f"`make bench`, {dt.datetime.now(dt.UTC):%Y-%m-%d}.", ""]
    lines += [f"- {name}: {value}" for name, value in machine.describe()]
    lines += ["", "| what | figure | bar |", "|---|---|---|"]

    def row(what: str, figure: str, bar: str) -> None:
        lines.append(f"| {what} | {figure} | {bar} |")
        print(f"{what}: {figure} (bar: {bar})", flush=True)

    row(
        "decode and apply, frames of 4 trades, 50 symbols, one core, best of 7 rounds",
        f"{fold.run():,.0f} trades/s",
        "≥ 200,000",
    )
    rounds = [app.fan_out(CLIENTS, SYMBOLS, RATE, SECONDS) for _ in range(ROUNDS)]
    rounds.sort(key=lambda result: result["p99_ms"])
    result = rounds[ROUNDS // 2]
    every = ", ".join(f"{one['p99_ms']} ({one['stolen_cores']:.2f})" for one in rounds)
    setup = f"{CLIENTS} clients × {SYMBOLS} symbols at {RATE:,} trades/s for {SECONDS} s"
    row(f"{setup}: delivered", f"{result['updates_per_s']:,.0f} updates/s", f"{CLIENTS * RATE:,}")
    row(
        f"{setup}: trade to client",
        f"p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms, p99.9 {result['p999_ms']} ms "
        f"(the middle one of {ROUNDS} rounds; their p99 and, in brackets, the cores that the host "
        f"took away meanwhile: {every})",
        "p99 ≤ 100 ms",
    )
    row(f"{setup}: server", f"{result['server_cores']:.2f} cores", "< 1")
    row(f"{setup}: connections lost", str(result["lost"]), "0")
    row(
        f"memory at {IDLE_CLIENTS:,} idle clients",
        f"{app.idle_memory(IDLE_CLIENTS):.1f} KiB each",
        "≤ 40",
    )
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
