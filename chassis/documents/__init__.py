"""Papers of the office: what is on them, how they are set, and how anybody can check that one is genuine."""
