"""Who wants what, and in which bytes: subscriptions, demand, and one outbox per client."""
