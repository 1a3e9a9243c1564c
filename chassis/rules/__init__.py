"""The pure part of the chassis: what an office rule may lean on, without a clock, a database or a network."""
