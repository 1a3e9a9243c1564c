"""What Prometheus gets from the services: every metric that a registry of theirs holds, with its labels."""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from chassis.settings import VERSION
from tests.architecture.services import SERVICES, context, described
from tests.contract.image import REPOSITORY
from tests.contract.promql import OF_PROMETHEUS

SCRAPE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "deploy/observability/prometheus.yml").read_text())


def labels_of_the_scrape() -> frozenset[str]:
    """The labels that each series of a service gets where it is scraped."""
    [job] = [one for one in SCRAPE["scrape_configs"] if one["job_name"] == "services"]
    return frozenset({"job", "instance", *(rule["target_label"] for rule in job["relabel_configs"])})


def exported() -> Mapping[str, frozenset[str]]:
    """The labels of each series by its name, over all services; a service is put together as its process does it."""
    found: dict[str, frozenset[str]] = {name: labels | labels_of_the_scrape() for name, labels in OF_PROMETHEUS.items()}
    for service in SERVICES:
        parts = context(service)
        description = described(service)
        description.routes(parts)
        description.senders(parts)
        parts.metrics.identify(parts.settings, VERSION)
        for collector, names in dict(parts.metrics.registry._collector_to_names).items():  # noqa: SLF001
            own = frozenset(collector._labelnames) if isinstance(collector, MetricWrapperBase) else frozenset()  # noqa: SLF001
            own |= {"le"} if isinstance(collector, Histogram) else frozenset()
            for name in names:
                found[name] = own | labels_of_the_scrape()
    return found


def service_of(address: str) -> str | None:
    """The label `service` that the scrape gives to what comes from an address."""
    [job] = [one for one in SCRAPE["scrape_configs"] if one["job_name"] == "services"]
    [rule] = [one for one in job["relabel_configs"] if one["target_label"] == "service"]
    match = re.fullmatch(rule["regex"], address)
    return match.expand(rule.get("replacement", "$1").replace("$1", r"\1")) if match else None
