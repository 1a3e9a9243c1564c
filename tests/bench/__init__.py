"""The pipeline measured beside what one would build instead: `python -m tests.bench --help`."""
