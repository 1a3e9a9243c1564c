"""The command `python -m services.supervision`."""

from services.supervision.app import main

main()
