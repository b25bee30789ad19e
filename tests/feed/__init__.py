"""Laws of the feeds: decoding, inventing, replaying and staying connected."""
