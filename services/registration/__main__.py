"""The command `python -m services.registration`."""

from services.registration.app import main

main()
