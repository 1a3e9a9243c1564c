"""The fault lab: the real house under a seeded load, broken in a seeded way, healed, and everything recorded."""
