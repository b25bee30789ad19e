"""Fan-out to clients: subscriptions, demand, messages and frames, and one sink per client."""
