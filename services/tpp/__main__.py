"""The command `python -m services.tpp`."""

from services.tpp.app import main

main()
