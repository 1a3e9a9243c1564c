"""Says of a recorded run what was broken: it reads files alone, and imports nothing of the house that it judges."""
