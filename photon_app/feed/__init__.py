"""Where prices come from: upstream bytes become trades, and the feed's own state."""
