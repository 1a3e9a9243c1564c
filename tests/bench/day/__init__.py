"""A remission day: thousands are released within two hours, each to be on an officer's board. `make bench-day`."""
