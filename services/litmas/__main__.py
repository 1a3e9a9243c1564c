"""The command `python -m services.litmas`."""

from services.litmas.app import main

main()
