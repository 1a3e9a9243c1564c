"""One real Kafka node in KRaft mode, broker and controller in one process."""

import asyncio
import base64
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.local import downloads, ports
from deploy.local.blocking import wait_for
from deploy.local.java import java, small
from deploy.local.kafka_client import administrator
from deploy.local.ports import HOST
from deploy.local.problem import Problem
from deploy.local.processes import Process, Processes, Program, tail
from deploy.local.waiting import wait_until

START_SECONDS: Final = 60.0
FORMAT_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 5.0
STARTS_MAX: Final = 2
HEAP_MEGABYTES_MAX: Final = 384

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}{further_listeners}
advertised.listeners=PLAINTEXT://{host}:{port}{further_advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{further_protocols}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@{host}:{controller_port}
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# With the default of 9000 a broker that was killed can come back only after 11 s.
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
"""
LOG4J: Final = """\
Configuration:
  status: ERROR
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d{ISO8601} %p %c{1}: %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: out}}
"""


class Kafka:
    """A broker in a folder; it keeps its data over a stop and over a kill."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        controller_port: int,
        processes: Processes,
        logs: Path,
        java_options: Sequence[str] = small(HEAP_MEGABYTES_MAX),
    ) -> None:
        self.folder = folder
        self.port = port
        self.controller_port = controller_port
        self.log = logs / "kafka.log"
        self._processes = processes
        self._java_options = java_options
        self._process: Process | None = None
        self._class_path = ""
        self._advertised: dict[int, int] = {}

    def advertise(self, *, port: int, as_port: int) -> None:
        """From the next start on, listen on one more port, and send whoever comes by it to another port.

        There stands somebody who hands everything on: a client knows the broker only by the address that it tells.
        """
        self._advertised[port] = as_port

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    @property
    def process(self) -> Process:
        """The running broker."""
        if self._process is None:
            message = "Kafka is not running"
            raise Problem(message)
        return self._process

    def start(self) -> None:
        """Start the broker and wait until it answers; a folder is formatted first, once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._class_path = downloads.class_path(downloads.KAFKA_JARS, what="Kafka")
        self._configure()
        if not (self._data / "meta.properties").exists():
            self._format()
        for _ in range(STARTS_MAX):
            self._process = self._processes.start(self._program("kafka.Kafka", str(self._properties)))
            if (
                wait_until(lambda: self._answers() or not self.process.running, seconds=START_SECONDS)
                and self._answers()
            ):
                return
            self.kill()
        message = f"Kafka did not start. The end of {self.log}:\n{tail(self.log)}"
        raise Problem(message)

    def stop(self) -> None:
        """Stop the broker in order."""
        if self._process is not None:
            self._process.stop()
            self._gone(self._process)

    def kill(self) -> None:
        """End the broker at once, as by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._gone(self._process)

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP); it keeps its connections and answers nothing."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self.process.send(signal.SIGCONT)

    def _gone(self, process: Process) -> None:
        self._processes.forget(process)
        self._process = None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _configure(self) -> None:
        named = {f"FURTHER{port}": (port, as_port) for port, as_port in self._advertised.items()}
        text = PROPERTIES.format(
            host=HOST,
            port=self.port,
            controller_port=self.controller_port,
            data=self._data,
            further_listeners="".join(f",{name}://{HOST}:{port}" for name, (port, _) in named.items()),
            further_advertised="".join(f",{name}://{HOST}:{as_port}" for name, (_, as_port) in named.items()),
            further_protocols="".join(f",{name}:PLAINTEXT" for name in named),
        )
        self._properties.write_text(text)
        (self.folder / "log4j2.yaml").write_text(LOG4J)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # In one word: an id may begin with a dash, and would be taken for an option.
        tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(self._properties))
        self._processes.run_once(
            self._program(*tool), seconds=FORMAT_SECONDS, failure=f"Kafka could not format {self._data}"
        )

    def _program(self, *arguments: str) -> Program:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return Program(
            name="kafka",
            command=java(logging, *arguments, class_path=self._class_path, options=self._java_options),
            log=self.log,
            folder=self.folder,
            stop_seconds=STOP_SECONDS,
        )

    def _answers(self) -> bool:
        # An open port is not enough: a starting broker takes connections before it knows itself.
        return ports.is_open(self.port) and answers(self.bootstrap_servers)


def answers(bootstrap_servers: str) -> bool:
    """Whether a Kafka answers there with at least one broker in its metadata."""
    return wait_for(_lists_a_broker(bootstrap_servers))


async def _lists_a_broker(bootstrap_servers: str) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS), administrator(bootstrap_servers, seconds=PROBE_SECONDS) as admin:
            cluster = await admin.describe_cluster()
            return bool(cluster["brokers"])
    except (Problem, TimeoutError):
        return False
