"""Ports: whether one is free, and some that are."""

import fcntl
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from deploy.local.downloads import cache_folder
from deploy.local.problem import Problem

HOST: Final = "127.0.0.1"
# Below the range that systems give to outgoing connections: there, a client that reconnects while its server is down
# may be given the server's own port and then talks to itself.
FREE_FIRST: Final = 20_000
FREE_LAST: Final = 32_000
TRIES_MAX: Final = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(wanted: Mapping[str, int]) -> None:
    """Of ports under the variables that change them, say which are taken, by whom as far as the system tells."""
    taken = {variable: port for variable, port in wanted.items() if not is_free(port)}
    if not taken:
        return
    lines = [f"  {variable}={port} is taken{_by(port)}" for variable, port in taken.items()]
    message = "\n".join(
        ["These ports are not free. End what holds them, set others, or use any free ones (ARGS=--free-ports):", *lines]
    )
    raise Problem(message)


def _by(port: int) -> str:
    holder = _holder(port)
    return f" by {holder}" if holder else ""


def _holder(port: int) -> str | None:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            here = connection.laddr and connection.laddr.port == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return None
    return None


def is_open(port: int) -> bool:
    """Whether somebody answers on this port."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


class Claims:
    """Ports that this process was given, kept from all others of this user until it ends.

    Between the choice of a port and the server that listens on it seconds may pass, in which the port looks free.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: int | None = None
        self._mine: set[int] = set()
        self._lock = threading.Lock()

    def take(self, port: int) -> bool:
        """Claim a port; false if it was given before, here or elsewhere."""
        with self._lock:
            if self._file is None:
                folder = self._folder or cache_folder()
                folder.mkdir(parents=True, exist_ok=True)
                self._file = os.open(folder / "ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # The system's locks do not hold against the process that has them.
            if port in self._mine:
                return False
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except OSError:
                return False
            self._mine.add(port)
            return True


_claims = Claims()


def free_ports(count: int) -> list[int]:
    """Different ports that are free now, and that no other process of this user is given while this one lives."""
    found: list[int] = []
    for _ in range(TRIES_MAX):
        if len(found) == count:
            break
        port = FREE_FIRST + secrets.randbelow(FREE_LAST - FREE_FIRST)
        if is_free(port) and _claims.take(port):
            found.append(port)
    if len(found) < count:
        message = f"no {count} free ports between {FREE_FIRST} and {FREE_LAST}"
        raise OSError(message)
    return found
