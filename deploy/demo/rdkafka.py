"""How confluent-kafka reaches the broker: as a foreign program would, with what the stack says of it."""

import os
from typing import Any, Final, TypeAlias

from deploy.local.kafka_client import connection

Config: TypeAlias = dict[str, str | int | float | bool]

CRITICAL: Final = 2
"""The library's log level (syslog): what else goes wrong is told by its answers."""


def config(bootstrap_servers: str) -> Config:
    """The settings of a client; a Kafka that the user named is reached with the security that the user named."""
    known: dict[str, Any] = connection(bootstrap_servers)
    found: Config = {"bootstrap.servers": bootstrap_servers, "log_level": CRITICAL}
    if (protocol := known.get("security_protocol", "PLAINTEXT")) != "PLAINTEXT":
        found["security.protocol"] = protocol
        if authority := os.environ.get("KAFKA_CA_FILE", "").strip():
            found["ssl.ca.location"] = authority
    if "sasl_mechanism" in known:
        found |= {
            "sasl.mechanism": known["sasl_mechanism"],
            "sasl.username": known["sasl_plain_username"],
            "sasl.password": known["sasl_plain_password"],
        }
    return found
