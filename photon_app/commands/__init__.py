"""Commands other than the server."""
