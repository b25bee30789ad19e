"""The truth about prices: trades folded into a book, and the exchange's calendar."""
