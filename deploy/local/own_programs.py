"""The mailbox, the messaging gateway and the trace relay, each as a process of its own."""

import sys
from pathlib import Path

from deploy.local.processes import Process, Processes, Program
from deploy.local.settings import REPOSITORY


def start_mailbox(processes: Processes, *, smtp_port: int, http_port: int, logs: Path) -> Process:
    """Start the SMTP sink with its page."""
    ports = ("--smtp-port", str(smtp_port), "--http-port", str(http_port))
    return _start(processes, "mailbox", *ports, logs=logs)


def start_gateway(
    processes: Processes, *, http_port: int, receipts_url: str, token_file: Path, key_file: Path, logs: Path
) -> Process:
    """Start the messaging gateway that shows what it is given and reports on it."""
    arguments = ("--http-port", str(http_port), "--receipts-url", receipts_url)
    secrets = ("--token-file", str(token_file), "--key-file", str(key_file))
    return _start(processes, "gateway", *arguments, *secrets, logs=logs)


def start_otlp_relay(processes: Processes, *, port: int, zipkin: str, logs: Path) -> Process:
    """Start what stands between the services and Zipkin."""
    return _start(processes, "otlp_relay", "--port", str(port), "--zipkin", zipkin, logs=logs)


def _start(processes: Processes, module: str, *arguments: str, logs: Path) -> Process:
    name = module.replace("_", "-")
    command = [sys.executable, "-m", f"deploy.local.{module}", *arguments]
    return processes.start(Program(name=name, command=command, log=logs / f"{name}.log", folder=REPOSITORY))
