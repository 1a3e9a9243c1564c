"""The settings of a service process, read once from its environment; a field is its variable in lower case.

A secret may also come as a file: DATABASE_URL_FILE names a file that holds what DATABASE_URL would say. So it shows in
no description of the process or its container.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

VERSION: Final = "0.1.0"

ROLES: Final = frozenset({"api", "worker", "relay"})
SECURITY_PROTOCOLS: Final = frozenset({"PLAINTEXT", "SSL", "SASL_SSL"})
LOG_LEVELS: Final = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
LOG_FORMATS: Final = frozenset({"json", "console"})

NEEDED_TO_RUN: Final = frozenset({"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "AUTH_ISSUER", "AUTH_JWKS"})
NEEDED_TO_MIGRATE: Final = frozenset({"DATABASE_URL"})

SECRETS: Final = frozenset(
    {
        "DATABASE_URL",
        "KAFKA_SASL_PASSWORD",
        "GATEWAY_TOKEN",
        "GATEWAY_RECEIPT_KEY",
        "GATEWAY_RECEIPT_KEY_OLD",
        "OBJECTS_S3_ACCESS_KEY_ID",
        "OBJECTS_S3_SECRET_ACCESS_KEY",
    }
)
FILE_SUFFIX: Final = "_FILE"

OBJECTS_FOLDER: Final = Path(".local/objects")

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_TOPIC_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")
_PORT_MAX: Final = 65_535

N = TypeVar("N", int, float)


class SettingsInvalid(Exception):
    """The environment of this process does not allow it to start."""

    def __init__(self, problems: list[str]) -> None:
        """Take every problem at once, so that one start shows all of them."""
        self.problems = tuple(problems)
        super().__init__("\n".join((f"{self.__doc__}", *(f"  {problem}" for problem in problems))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSettings:
    """Where files lie: a folder (`file:///folder`), or a bucket (`s3://bucket/prefix`) and how to get at it."""

    url: str
    s3_endpoint: str | None
    s3_region: str | None
    s3_access_key_id: str | None = field(repr=False)
    s3_secret_access_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one process of a service is told from outside."""

    service: str
    instance: str
    unit: str
    service_roles: frozenset[str]
    git_sha: str | None

    database_url: str = field(repr=False)

    kafka_bootstrap_servers: str
    kafka_topic_prefix: str
    kafka_security_protocol: str
    kafka_sasl_username: str | None
    kafka_sasl_password: str | None = field(repr=False)
    kafka_ca_file: Path | None

    http_host: str
    http_port: int

    auth_issuer: str
    auth_audience: str
    auth_jwks: str

    office_clock_file: Path | None
    reference_dir: Path | None

    smtp_host: str | None
    smtp_port: int
    mail_from: str | None
    gateway_url: str | None
    gateway_token: str | None = field(repr=False)
    gateway_receipt_key: str | None = field(repr=False)
    gateway_receipt_key_old: str | None = field(repr=False)
    officer_contacts: Path | None
    duty_roster: Path | None

    public_url: str
    objects: ObjectSettings

    otel_exporter_otlp_endpoint: str | None
    otel_traces_sampler_arg: float
    log_level: str
    log_format: str | None

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, service: str, needed: frozenset[str] = NEEDED_TO_RUN) -> "Settings":
        """Read and check every variable; what is wrong is reported all at once and by name."""
        env, problems = with_secrets(env)
        read = _Reader(env)
        read.problems += problems
        for name in sorted(needed):
            read.require(name)
        settings = cls(
            service=service,
            instance=read.text("INSTANCE") or f"{service}@{socket.gethostname()}",
            unit=read.text("UNIT") or "PLG-HQ",
            service_roles=read.roles(),
            git_sha=read.text("GIT_SHA"),
            database_url=read.url("DATABASE_URL", schemes=("postgresql", "postgres")),
            kafka_bootstrap_servers=read.text("KAFKA_BOOTSTRAP_SERVERS") or "",
            kafka_topic_prefix=read.topic_prefix(),
            kafka_security_protocol=read.one_of("KAFKA_SECURITY_PROTOCOL", SECURITY_PROTOCOLS) or "PLAINTEXT",
            kafka_sasl_username=read.text("KAFKA_SASL_USERNAME"),
            kafka_sasl_password=read.text("KAFKA_SASL_PASSWORD"),
            kafka_ca_file=read.path("KAFKA_CA_FILE"),
            http_host=read.text("HTTP_HOST") or "127.0.0.1",
            http_port=read.number("HTTP_PORT", default=8080, least=0, most=_PORT_MAX),
            auth_issuer=read.text("AUTH_ISSUER") or "",
            auth_audience=read.text("AUTH_AUDIENCE") or "bapas",
            auth_jwks=read.jwks(),
            office_clock_file=read.path("OFFICE_CLOCK_FILE", may_be_absent=True),
            reference_dir=read.path("REFERENCE_DIR"),
            smtp_host=read.text("SMTP_HOST"),
            smtp_port=read.number("SMTP_PORT", default=25, least=1, most=_PORT_MAX),
            mail_from=read.text("MAIL_FROM"),
            gateway_url=read.url("GATEWAY_URL", schemes=("http", "https")) or None,
            gateway_token=read.text("GATEWAY_TOKEN"),
            gateway_receipt_key=read.text("GATEWAY_RECEIPT_KEY"),
            gateway_receipt_key_old=read.text("GATEWAY_RECEIPT_KEY_OLD"),
            officer_contacts=read.path("OFFICER_CONTACTS"),
            duty_roster=read.path("DUTY_ROSTER"),
            public_url=read.public_url(),
            objects=read.objects(),
            otel_exporter_otlp_endpoint=read.url("OTEL_EXPORTER_OTLP_ENDPOINT", schemes=("http", "https")) or None,
            otel_traces_sampler_arg=read.number("OTEL_TRACES_SAMPLER_ARG", default=1.0, least=0.0, most=1.0),
            log_level=read.one_of("LOG_LEVEL", LOG_LEVELS) or "INFO",
            log_format=read.one_of("LOG_FORMAT", LOG_FORMATS),
        )
        read.problems += [*_unsafe_kafka(env), *_unusable_gateway(env), *_unusable_objects(env)]
        if read.problems:
            raise SettingsInvalid(read.problems)
        return settings


def with_secrets(env: Mapping[str, str]) -> tuple[Mapping[str, str], list[str]]:
    """The environment with each secret that came as a file, and what is wrong with those files."""
    secrets: dict[str, str] = {}
    problems: list[str] = []
    for name in sorted(SECRETS):
        variable = f"{name}{FILE_SUFFIX}"
        file = env.get(variable, "").strip()
        if not file:
            continue
        if env.get(name, "").strip():
            problems.append(f"{name} and {variable} are both set; one of them is enough")
            continue
        try:
            secrets[name] = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as failure:
            problems.append(f"{variable} names {file!r}, which cannot be read ({type(failure).__name__})")
            continue
        if not secrets[name]:
            problems.append(f"{variable} names {file!r}, which is empty")
    return {**env, **secrets}, problems


class _Reader:
    """Reads variables and collects what is wrong with them; an empty variable counts as absent."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._env.get(name, "").strip() or None

    def require(self, name: str) -> None:
        # Of a secret whose file cannot be read, that is said already.
        by_file = name in SECRETS and self.text(f"{name}{FILE_SUFFIX}") is not None
        if self.text(name) is None and not by_file:
            self.problems.append(f"{name} is not set")

    def number(self, name: str, *, default: N, least: N, most: N) -> N:
        text = self.text(name)
        if text is None:
            return default
        try:
            number = type(default)(text)
        except ValueError:
            self.problems.append(f"{name} is {text!r}, which is not a number")
            return default
        if not least <= number <= most:
            self.problems.append(f"{name} is {number}; it must lie between {least} and {most}")
        return number

    def one_of(self, name: str, known: frozenset[str]) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        match = next((word for word in known if word.lower() == text.lower()), None)
        if match is None:
            self.problems.append(f"{name} is {text!r}; known are {', '.join(sorted(known))}")
        return match

    def roles(self) -> frozenset[str]:
        text = self.text("SERVICE_ROLES")
        if text is None:
            return ROLES
        roles = frozenset(word.strip() for word in text.split(",") if word.strip())
        if not roles or roles - ROLES:
            self.problems.append(f"SERVICE_ROLES is {text!r}; known are {', '.join(sorted(ROLES))}, parted by commas")
        return roles

    def topic_prefix(self) -> str:
        prefix = self.text("KAFKA_TOPIC_PREFIX") or ""
        if _TOPIC_PREFIX.fullmatch(prefix) is None:
            self.problems.append(f"KAFKA_TOPIC_PREFIX is {prefix!r}; letters, digits, '.', '_' and '-' are allowed")
        return prefix

    def url(self, name: str, *, schemes: tuple[str, ...]) -> str:
        text = self.text(name)
        if text is None:
            return ""
        # The value is not shown: it may carry a password.
        if urlsplit(text).scheme not in schemes:
            self.problems.append(f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text

    def path(self, name: str, *, may_be_absent: bool = False) -> Path | None:
        text = self.text(name)
        if text is None:
            return None
        path = Path(text)
        if not may_be_absent and not path.exists():
            self.problems.append(f"{name} names {text!r}, which does not exist")
        return path

    def public_url(self) -> str:
        """How the service is reached from outside, as papers say it; without a setting, where it listens."""
        host, port = self.text("HTTP_HOST") or "127.0.0.1", self.text("HTTP_PORT") or "8080"
        return self.url("PUBLIC_URL", schemes=("http", "https")) or f"http://{host}:{port}"

    def objects(self) -> ObjectSettings:
        return ObjectSettings(
            url=self.url("OBJECTS_URL", schemes=("file", "s3")) or OBJECTS_FOLDER.absolute().as_uri(),
            s3_endpoint=self.url("OBJECTS_S3_ENDPOINT", schemes=("http", "https")) or None,
            s3_region=self.text("OBJECTS_S3_REGION"),
            s3_access_key_id=self.text("OBJECTS_S3_ACCESS_KEY_ID"),
            s3_secret_access_key=self.text("OBJECTS_S3_SECRET_ACCESS_KEY"),
        )

    def jwks(self) -> str:
        text = self.text("AUTH_JWKS") or ""
        if text.startswith("http://"):
            self.problems.append(
                "AUTH_JWKS must be a file or an https:// address: keys fetched in the clear prove nothing"
            )
        elif text and not text.startswith("https://"):
            self.path("AUTH_JWKS")
        return text


def _unsafe_kafka(env: Mapping[str, str]) -> list[str]:
    """A password over a line that anybody can read is refused, as is half of a login."""
    protocol = env.get("KAFKA_SECURITY_PROTOCOL", "").strip().upper() or "PLAINTEXT"
    login = [name for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD") if env.get(name, "").strip()]
    if login and protocol != "SASL_SSL":
        return [f"{' and '.join(login)} would be sent without TLS: set KAFKA_SECURITY_PROTOCOL=SASL_SSL"]
    if protocol == "SASL_PLAINTEXT":
        return ["KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT sends the password without TLS: use SASL_SSL"]
    if protocol == "SASL_SSL" and len(login) < 2:  # noqa: PLR2004 - a name and a password
        return ["KAFKA_SECURITY_PROTOCOL=SASL_SSL needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"]
    return []


def _unusable_gateway(env: Mapping[str, str]) -> list[str]:
    """A token that anybody can read on the way is refused, as is a gateway of which one half is known."""
    url = env.get("GATEWAY_URL", "").strip()
    named = [name for name in ("GATEWAY_TOKEN", "GATEWAY_RECEIPT_KEY") if env.get(name, "").strip()]
    if not url:
        return [f"{' and '.join(named)} without GATEWAY_URL: no message leaves"] if named else []
    problems = [] if len(named) == 2 else ["GATEWAY_URL needs GATEWAY_TOKEN and GATEWAY_RECEIPT_KEY"]  # noqa: PLR2004
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problems.append("GATEWAY_URL must begin with https://: the token and the numbers would be sent in the clear")
    return problems


def _unusable_objects(env: Mapping[str, str]) -> list[str]:
    """Files that anybody can read on the way are refused, as is half of a key, and a bucket without a name."""
    url, endpoint = urlsplit(env.get("OBJECTS_URL", "").strip()), urlsplit(env.get("OBJECTS_S3_ENDPOINT", "").strip())
    named = [name for name in ("OBJECTS_S3_ACCESS_KEY_ID", "OBJECTS_S3_SECRET_ACCESS_KEY") if env.get(name, "").strip()]
    if url.scheme != "s3":
        idle = [*named, *(["OBJECTS_S3_ENDPOINT"] if endpoint.scheme else [])]
        return [f"{' and '.join(idle)} without OBJECTS_URL=s3://...: no file lies there"] if idle else []
    problems = [] if url.netloc else ["OBJECTS_URL names no bucket: s3://bucket/prefix"]
    if len(named) == 1:
        problems.append("OBJECTS_S3_ACCESS_KEY_ID and OBJECTS_S3_SECRET_ACCESS_KEY belong together")
    if endpoint.scheme == "http" and endpoint.hostname not in LOOPBACK:
        problems.append("OBJECTS_S3_ENDPOINT must begin with https://: files would be sent in the clear")
    return problems
