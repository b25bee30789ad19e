"""The server's edge: WebSockets and HTTP, with the limits on both."""
