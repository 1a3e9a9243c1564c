"""A whole stack: broker, database server, mail, traces, and every service that exists."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from deploy.local import downloads, endpoints, running
from deploy.local.gateway_secrets import GatewaySecrets
from deploy.local.ground import Ground
from deploy.local.office_clock import set_office_clock
from deploy.local.own_programs import start_gateway, start_mailbox, start_otlp_relay
from deploy.local.ports import HOST, is_open, require_free
from deploy.local.problem import Problem
from deploy.local.processes import Process, Processes
from deploy.local.services import Services
from deploy.local.settings import REPOSITORY, STATE, Settings, existing_services, variable
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer
from deploy.local.traces import Traces
from deploy.local.waiting import wait_until

LISTEN_SECONDS: Final = 30.0
SAMPLES: Final = REPOSITORY / "deploy" / "samples"
# Meant for a Kafka of the user's, and of no use for ours.
KAFKA_SECURITY: Final = ("KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_CA_FILE")
MAIL_FROM: Final = "bapas.palembang@bapas.example"

Say = Callable[[str], None]


class Stack:
    """One running system in a state folder.

    It starts on `with` or `start()`, and keeps its data afterwards unless `keep` is false. `only_ours` refuses topics
    and databases that were not made here; `office_clock` lets the office's time stand at an instant until it is
    stepped; `service_env` adds to the environment of a service by its name.
    """

    def __init__(
        self,
        state: Path = STATE,
        *,
        settings: Settings,
        with_services: bool = True,
        keep: bool = True,
        only_ours: bool = False,
        office_clock: datetime | None = None,
        service_env: Mapping[str, Mapping[str, str]] | None = None,
        say: Say | None = None,
    ) -> None:
        self.state = state
        self.settings = settings
        self.issuer = Issuer(state / "auth")
        self.gateway_secrets = GatewaySecrets(state / "gateway")
        self.office_clock_file = state / "office-clock.json"
        self.logs = state / "logs"
        self.processes = Processes(state, remove_when_killed=[] if keep else [state])
        self.ground = Ground(state, settings=settings, processes=self.processes, logs=self.logs, only_ours=only_ours)
        self.services = Services(processes=self.processes, environment=self.environment, logs=self.logs)
        self._with_services = with_services
        self._keep = keep
        self._office_clock = office_clock
        self._service_env = service_env or {}
        self._say = say or (lambda _: None)
        self.is_begun = False
        self.is_ready = False
        self._claim: IO[str] | None = None
        self._names = existing_services()
        self._traces = Traces(state / "traces", port=settings.ports.traces, processes=self.processes, logs=self.logs)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def endpoints(self) -> endpoints.Endpoints:
        """Where everything is, as it stands in endpoints.json."""
        return self._endpoints()

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        self._claim = running.claim(self.state)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        self.is_ready = True

    def stop(self) -> None:
        """Stop everything in the reverse order; the data stays, or goes as the stack was made."""
        if self._claim is None:
            return
        self.services.stop_all()
        self.processes.stop_all()
        endpoints.remove(self.state)
        running.release(self.state, self._claim)
        self._claim = None
        if not self._keep:
            self.ground.postgres.remove()
            shutil.rmtree(self.state, ignore_errors=True)

    def start_service(
        self,
        name: str,
        *,
        instance: str | None = None,
        module: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a service, or a second instance of it, or another entry point of it, and wait until it is ready."""
        process = self.services.start(name, instance=instance, module=module, env=env)
        self.services.wait_ready(instance or name)
        self._publish()
        return process

    def restart_service(self, name: str) -> None:
        """Stop a service in order, if it runs, and start it again."""
        if name in self.services.instances():
            self.services.stop(name)
        self.start_service(name)

    def kill_service(self, name: str) -> None:
        """End a service as by kill -9."""
        self.services.kill(name)
        self._publish()

    def token(self, holder: Holder) -> str:
        """A bearer token that the services of this stack accept."""
        return self.issuer.issue(holder)

    def set_office_clock(self, office: datetime, *, factor: float = 0.0) -> None:
        """Let the office clock show this instant; with factor 0 it stands there."""
        set_office_clock(self.office_clock_file, office, factor=factor)

    def environment(self, name: str) -> dict[str, str]:
        """What a service of this stack is told; a test's own entry point is told the same."""
        ports = self.settings.ports
        samples = {"OFFICER_CONTACTS": "officer_contacts.toml", "DUTY_ROSTER": "duty_roster.toml"}
        return {
            "DATABASE_URL": self.ground.database_url(name),
            "KAFKA_BOOTSTRAP_SERVERS": self.ground.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": self.settings.topic_prefix,
            **(dict.fromkeys(KAFKA_SECURITY, "") if self.ground.kafka is not None else {}),
            "HTTP_HOST": HOST,
            "HTTP_PORT": str(ports.of(name)),
            "OFFICE_CLOCK_FILE": str(self.office_clock_file),
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_JWKS": str(self.issuer.jwks_file),
            "SMTP_HOST": HOST,
            "SMTP_PORT": str(ports.smtp),
            "MAIL_FROM": MAIL_FROM,
            "OBJECTS_URL": (self.state / "objects").absolute().as_uri(),
            **(self._messaging() if name == "notifications" else {}),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{ports.otlp}" if self.settings.traces else "",
            "PYTHONUNBUFFERED": "1",
            **{key: str(SAMPLES / file) for key, file in samples.items() if (SAMPLES / file).exists()},
            **self._service_env.get(name, {}),
        }

    def _messaging(self) -> dict[str, str]:
        return {
            "GATEWAY_URL": f"http://{HOST}:{self.settings.ports.gateway}",
            "GATEWAY_TOKEN_FILE": str(self.gateway_secrets.token_file),
            "GATEWAY_RECEIPT_KEY_FILE": str(self.gateway_secrets.key_file),
        }

    def _start(self) -> None:
        self._require_ports()
        self._fetch()
        self.is_begun = True
        self.issuer.prepare()
        self.gateway_secrets.prepare()
        if self._office_clock is not None:
            self.set_office_clock(self._office_clock)
        viewer = self._traces.start() if self.settings.traces else None
        helpers = self._start_helpers()
        self._say(f"{self.ground.starting(self._names)}bringing the databases up to date")
        self.ground.start(self._names, migrate=self._migrate)
        if self._with_services:
            self._start_services()
        for helper, port in helpers.items():
            self._await_listening(helper, port=port)
        if viewer is not None:
            self._traces.wait(viewer)
        self._publish()

    def _migrate(self) -> None:
        if self._names:
            self.services.migrate(self._names)

    def _start_services(self) -> None:
        if self._names:
            self._say(f"starting {', '.join(self._names)}")
        for name in self._names:
            self.services.start(name)
        for name in self._names:
            self.services.wait_ready(name)

    def _start_helpers(self) -> dict[Process, int]:
        ports = self.settings.ports
        mailbox = start_mailbox(self.processes, smtp_port=ports.smtp, http_port=ports.mail, logs=self.logs)
        gateway = start_gateway(
            self.processes,
            http_port=ports.gateway,
            receipts_url=f"http://{HOST}:{ports.notifications}/v1/receipts/gateway",
            token_file=self.gateway_secrets.token_file,
            key_file=self.gateway_secrets.key_file,
            logs=self.logs,
        )
        started = {mailbox: ports.mail, gateway: ports.gateway}
        if self.settings.traces:
            zipkin = f"http://{HOST}:{ports.traces}"
            relay = start_otlp_relay(self.processes, port=ports.otlp, zipkin=zipkin, logs=self.logs)
            started[relay] = ports.otlp
        return started

    def _await_listening(self, process: Process, *, port: int) -> None:
        if not wait_until(lambda: is_open(port) or not process.running, seconds=LISTEN_SECONDS) or not process.running:
            message = f"{process.program.name} did not start. The end of {process.program.log}:\n{process.log_tail()}"
            raise Problem(message)

    def _fetch(self) -> None:
        """Fetch before anything runs, in this thread, where a Ctrl-C arrives."""
        if self.ground.kafka is not None:
            downloads.class_path(downloads.KAFKA_JARS, what="Kafka")
        if self.settings.traces:
            downloads.class_path(downloads.ZIPKIN_JARS, what="Zipkin")

    def _require_ports(self) -> None:
        ports = self.settings.ports
        require_free({variable(name): ports.of(name) for name in self._ports_used()})

    def _ports_used(self) -> Sequence[str]:
        return [
            *(["kafka", "kafka_controller"] if self.ground.kafka is not None else []),
            *(["postgres"] if self.ground.needs_postgres(self._names) else []),
            *["smtp", "mail", "gateway"],
            *(["traces", "otlp"] if self.settings.traces else []),
            *(self._names if self._with_services else []),
        ]

    def _publish(self) -> None:
        endpoints.write(self.state, self._endpoints())

    def _endpoints(self) -> dict[str, Any]:
        ports = self.settings.ports
        traces = self.settings.traces
        running_now = self.processes.running()
        return {
            "kafka": {
                "bootstrap_servers": self.ground.bootstrap_servers,
                "topic_prefix": self.settings.topic_prefix,
            },
            "topics": self.ground.topics,
            "services": {instance: self._service_endpoint(instance) for instance in self.services.instances()},
            "databases": {name: self.ground.database_url(name) for name in self._names},
            "smtp": {"host": HOST, "port": ports.smtp},
            "mail": {"url": f"http://{HOST}:{ports.mail}"},
            "gateway": {"url": f"http://{HOST}:{ports.gateway}"},
            "traces": {
                "url": self._traces.url if traces else None,
                "otlp_endpoint": f"http://{HOST}:{ports.otlp}" if traces else None,
            },
            "office_clock_file": str(self.office_clock_file),
            "auth": {
                "issuer": ISSUER,
                "audience": AUDIENCE,
                "jwks": str(self.issuer.jwks_file),
                "private_key": str(self.issuer.private_key_file),
            },
            "processes": {
                process.program.name: {"pid": process.pid, "log": str(process.program.log)} for process in running_now
            },
        }

    def _service_endpoint(self, instance: str) -> dict[str, Any]:
        process = self.services.process(instance)
        return {
            "url": self.services.url(instance),
            "database_url": process.program.env["DATABASE_URL"],
            "pid": process.pid,
            "log": str(process.program.log),
        }
