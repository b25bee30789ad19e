"""When exchanges trade: days, hours, and where bars begin and end."""
