"""What Prometheus gets from the services: every metric that a registry of theirs holds, with its labels."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml
from prometheus_client import Counter, Histogram
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
        description.measures(parts)
        parts.metrics.identify(parts.settings, VERSION)
        registry = parts.metrics.registry
        for collector in list(registry._collector_to_names):  # noqa: SLF001  what has no sample yet is nowhere else
            if isinstance(collector, MetricWrapperBase):
                for name, labels in _series_of(collector):
                    found[name] = labels | labels_of_the_scrape()
        for sample in (sample for family in registry.collect() for sample in family.samples):
            found.setdefault(sample.name, frozenset(sample.labels) | labels_of_the_scrape())
    return found


def _series_of(collector: MetricWrapperBase) -> Iterator[tuple[str, frozenset[str]]]:
    """The series of a metric by their names, with their own labels."""
    name, labels = collector._name, frozenset(collector._labelnames)  # noqa: SLF001  it tells them to nobody
    match collector:
        case Counter():
            yield f"{name}_total", labels
        case Histogram():
            yield f"{name}_bucket", labels | {"le"}
            yield f"{name}_sum", labels
            yield f"{name}_count", labels
        case _:
            yield name, labels


def service_of(address: str) -> str | None:
    """The label `service` that the scrape gives to what comes from an address."""
    [job] = [one for one in SCRAPE["scrape_configs"] if one["job_name"] == "services"]
    [rule] = [one for one in job["relabel_configs"] if one["target_label"] == "service"]
    match = re.fullmatch(rule["regex"], address)
    return match.expand(rule.get("replacement", "$1").replace("$1", r"\1")) if match else None
