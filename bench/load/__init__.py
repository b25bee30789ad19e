"""The load process: many WebSocket clients that read more than a server can write."""
