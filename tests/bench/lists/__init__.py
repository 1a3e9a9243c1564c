"""Every list that an officer opens, on a house that has a hundred thousand cases behind it. `make bench-lists`."""
