"""The state of the market: trades folded into a book of newest prices and into bars."""
