"""What can be said about a stack from outside: ports, and parts that the user runs already."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.local.ports import free_ports
from deploy.local.problem import Problem

REPOSITORY: Final = Path(__file__).resolve().parents[2]
STATE: Final = REPOSITORY / ".local"
SERVICES: Final = ("registration", "litmas", "supervision", "tpp", "notifications")
PORT_MAX: Final = 65_535
POSTGRES_PORT: Final = 5432
TOPIC_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where each part listens, always on the loopback address; none of the defaults is a usual one."""

    kafka: int = 19192
    kafka_controller: int = 19193
    postgres: int = 15432
    smtp: int = 12525
    mail: int = 18025
    gateway: int = 18026
    traces: int = 19411
    otlp: int = 14318
    registration: int = 18101
    litmas: int = 18102
    supervision: int = 18103
    tpp: int = 18104
    notifications: int = 18105

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Ports":
        """The defaults, as far as the environment does not name others."""
        return cls(**{name: _port(env, name) for name in _NAMES if env.get(variable(name), "").strip()})

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody uses now."""
        return cls(**dict(zip(_NAMES, free_ports(len(_NAMES)), strict=True)))

    def of(self, name: str) -> int:
        """The port of one part."""
        return int(getattr(self, name))


_NAMES: Final = tuple(one.name for one in fields(Ports))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One stack: its ports, and what is used instead of being started."""

    ports: Ports = field(default_factory=Ports)
    kafka_bootstrap_servers: str | None = None
    topic_prefix: str = ""
    database_urls: Mapping[str, str] = field(default_factory=dict)
    traces: bool = True

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, free: bool = False) -> "Settings":
        """Read the environment; empty variables count as absent."""
        prefix = env.get("KAFKA_TOPIC_PREFIX", "").strip()
        if TOPIC_PREFIX.fullmatch(prefix) is None:
            message = f"KAFKA_TOPIC_PREFIX is {prefix!r}; letters, digits, '.', '_' and '-' are allowed."
            raise Problem(message)
        urls = {name: env.get(f"{name.upper()}_DATABASE_URL", "").strip() for name in SERVICES}
        _require_databases({f"{name.upper()}_DATABASE_URL": url for name, url in urls.items() if url})
        return cls(
            ports=Ports.free() if free else Ports.from_env(env),
            kafka_bootstrap_servers=env.get("KAFKA_BOOTSTRAP_SERVERS", "").strip() or None,
            topic_prefix=prefix,
            database_urls={name: url for name, url in urls.items() if url},
            traces=env.get("TRACES", "").strip() != "0",
        )


def variable(port_name: str) -> str:
    """The environment variable that changes this port."""
    return f"BAPAS_{port_name.upper()}_PORT"


def existing_services(repository: Path = REPOSITORY) -> list[str]:
    """The services that can be started: those that have their wiring."""
    return [name for name in SERVICES if (repository / "services" / name / "app.py").exists()]


def _require_databases(urls: Mapping[str, str]) -> None:
    """Every address is one of a PostgreSQL database, and no two services share one."""
    found: dict[tuple[str, int, str], str] = {}
    for name, url in urls.items():
        place = _place(url)
        if place is None:
            message = f"{name} is not an address of the form postgresql://role:password@host:port/database."
            raise Problem(message)
        other = found.setdefault(place, name)
        if other != name:
            message = f"{other} and {name} name the same database; every service needs one of its own."
            raise Problem(message)


def _place(url: str) -> tuple[str, int, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or POSTGRES_PORT
    except ValueError:
        return None
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        return None
    return parts.hostname or "", port, parts.path


def _port(env: Mapping[str, str], name: str) -> int:
    text = env[variable(name)].strip()
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        message = f"{variable(name)} is {text!r}; it must be a number between 1 and {PORT_MAX}."
        raise Problem(message)
    return int(text)
