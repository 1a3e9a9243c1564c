"""The small service as a process, through the same entry as every service: `python -m tests.bench.service`."""

from chassis.main import main
from tests.bench.service.app import SERVICE

main(SERVICE)
