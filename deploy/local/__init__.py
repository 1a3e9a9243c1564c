"""The whole system on one machine that has only Python and make: `python -m deploy.local --help`."""
