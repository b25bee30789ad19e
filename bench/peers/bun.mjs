// Bun's `server.publish`, as its documentation broadcasts: a symbol is a topic. What is published in
// one turn of its loop goes to each client in one write at the turn's end (see `bench/RESULTS.md`).
// Started with the tape's port; prints its own.

const SYMBOL_AT = '{"type":"price_update","symbol":"'.length

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response('WebSocket only', { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0, // clients say nothing, and nobody pings them
    message(client, text) {
      for (const symbol of JSON.parse(text).symbols) client.subscribe(symbol)
    },
  },
})

let rest = ''
function data(_, bytes) {
  const lines = (rest + bytes.latin1Slice()).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    server.publish(line.slice(SYMBOL_AT, line.indexOf('"', SYMBOL_AT)), line)
  }
}

const ended = () => process.exit(0)
await Bun.connect({
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
  socket: { data, close: ended, error: ended },
})
console.log(server.port)
