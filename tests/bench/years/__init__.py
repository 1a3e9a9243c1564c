"""What keeps it fast for years: the same parts with much behind them. `python -m tests.bench.years --help`."""
