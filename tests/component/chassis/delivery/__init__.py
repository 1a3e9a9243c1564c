"""Deliveries, outbox, relay, timers and dead letters on a real PostgreSQL and a real Kafka."""
