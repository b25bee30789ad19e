"""Stand-ins for the world outside: Finnhub, the market behind a feed, and time."""
