// Finnhub's documented JavaScript client in shape, with the npm package `ws`.
// node finnhub_sample.cjs <path of ws> <address>; ends after a trade of each symbol.

const WebSocket = require(process.argv[2])
const socket = new WebSocket(process.argv[3])
const missing = new Set(['AAPL', 'BINANCE:BTCUSDT', 'IC MARKETS:1'])

// Connection opened -> subscribe
socket.addEventListener('open', () => {
  for (const symbol of missing) {
    socket.send(JSON.stringify({ type: 'subscribe', symbol }))
  }
})

// Listen for messages
socket.addEventListener('message', (event) => {
  console.log(event.data)
  const message = JSON.parse(event.data)
  if (message.type !== 'trade') return
  for (const trade of message.data) {
    socket.send(JSON.stringify({ type: 'unsubscribe', symbol: trade.s }))
    missing.delete(trade.s)
  }
  if (missing.size === 0) socket.close()
})
