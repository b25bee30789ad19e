// Node's `ws`, as its documentation broadcasts: `client.send(data, {binary: false})` for each client.
// Started with the tape's port; prints its own.

'use strict'

const net = require('node:net')
const http = require('node:http')
const { WebSocketServer } = require('ws')

const SYMBOL_AT = '{"type":"price_update","symbol":"'.length
const NEWLINE = 10
const QUOTE = 34

const rooms = new Map()
const server = http.createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })

sockets.on('connection', (client) => {
  client.on('error', () => {})
  client.on('message', (text) => {
    for (const symbol of JSON.parse(text).symbols) {
      if (!rooms.has(symbol)) rooms.set(symbol, new Set())
      rooms.get(symbol).add(client)
    }
  })
  client.on('close', () => {
    for (const room of rooms.values()) room.delete(client)
  })
})

function publish(text) {
  const symbol = text.latin1Slice(SYMBOL_AT, text.indexOf(QUOTE, SYMBOL_AT))
  for (const client of rooms.get(symbol) ?? []) client.send(text, { binary: false })
}

let rest = Buffer.alloc(0)
const tape = net.connect(Number(process.argv[2]), '127.0.0.1')
tape.on('data', (data) => {
  rest = rest.length ? Buffer.concat([rest, data]) : data
  for (let end; (end = rest.indexOf(NEWLINE)) >= 0; rest = rest.subarray(end + 1)) {
    publish(rest.subarray(0, end))
  }
})
tape.on('close', () => process.exit(0))
tape.on('error', () => process.exit(0))

server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, () => {
  console.log(server.address().port)
})
