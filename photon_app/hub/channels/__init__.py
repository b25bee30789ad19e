"""The channels in which the hub delivers prices, and what they are made of."""
