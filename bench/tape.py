"""An upstream that speaks Finnhub's protocol and prints trades at a steady rate, stamped with the
time at which they leave. Run as a process of its own: ``python -m bench.tape RATE PORT_FILE``.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from photon_app.feed import finnhub_wire as wire
from photon_app.model import Trade

FRAME_EVERY_S = 0.01


async def main(rate: int, port_file: Path) -> None:
    """Serve until killed."""

    async def play(connection: ServerConnection) -> None:
        symbols: list[str] = []
        listening = asyncio.create_task(_listen(connection, symbols))
        prices: dict[str, float] = {}
        rng = random.Random(1)
        loop = asyncio.get_running_loop()
        begun, sent = loop.time(), 0
        try:
            while True:
                await asyncio.sleep(FRAME_EVERY_S)
                due = round((loop.time() - begun) * rate)
                if not symbols:
                    sent = due
                    continue
                now_ms = time.time_ns() // 1_000_000
                batch = []
                for _ in range(due - sent):
                    symbol = rng.choice(symbols)
                    price = prices.get(symbol, 100.0) + rng.choice((-0.01, 0.01))
                    prices[symbol] = round(max(price, 1), 2)
                    batch.append(
                        Trade(symbol=symbol, price=prices[symbol], volume=100, time_ms=now_ms)
                    )
                sent = due
                if batch:
                    await connection.send(wire.encode_trades(batch))
        except ConnectionClosed:
            return
        finally:
            listening.cancel()

    async with serve(play, "127.0.0.1", 0) as server:
        port_file.write_text(str(server.sockets[0].getsockname()[1]))
        await server.serve_forever()


async def _listen(connection: ServerConnection, symbols: list[str]) -> None:
    async for text in connection:
        command = wire.decode_command(text)
        if isinstance(command, wire.Subscribe) and command.symbol not in symbols:
            symbols.append(command.symbol)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
