"""The dashboard shows what the services export, and all that an alert looks at; Grafana finds it."""

import json
import re
from typing import Any, Final

import promql_parser as promql
import pytest
import yaml

from tests.contract.exported import exported
from tests.contract.image import REPOSITORY
from tests.contract.promql import labels_of, problems, selectors
from tests.contract.test_alerts import RULES

GRAFANA: Final = REPOSITORY / "deploy/observability/grafana"
DASHBOARD: Final[dict[str, Any]] = json.loads((GRAFANA / "dashboards/bapas.json").read_text())
PANELS: Final[list[dict[str, Any]]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TITLES: Final = [panel["title"] for panel in PANELS]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
LEGEND: Final = re.compile(r"\{\{(\w+)\}\}")


@pytest.fixture(scope="module")
async def labels_by_name() -> dict[str, frozenset[str]]:
    """What there is to be read; a service is put together where a loop runs."""
    return dict(exported())


@pytest.mark.parametrize("panel", PANELS, ids=TITLES)
async def test_a_panel_reads_what_the_services_export(
    panel: dict[str, Any], labels_by_name: dict[str, frozenset[str]]
) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        expression = promql.parse(target["expr"])
        assert list(problems(expression, labels_by_name)) == []
        assert set(LEGEND.findall(target["legendFormat"])) <= labels_of(expression, labels_by_name)


def test_whatever_an_alert_looks_at_is_on_the_dashboard() -> None:
    shown = {
        one.name for panel in PANELS for target in panel["targets"] for one in selectors(promql.parse(target["expr"]))
    }
    watched = {one.name for rule in RULES for one in selectors(promql.parse(rule["expr"]))}

    assert watched <= shown


def test_panels_have_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(ids) == len(set(ids))
    assert len(TITLES) == len(set(TITLES))
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/bapas.yml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in COMPOSE["grafana"]["volumes"])
    [port] = [port.rpartition(":")[2] for port in COMPOSE["prometheus"]["ports"]]

    assert source["url"] == f"http://prometheus:{port}"
    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    assert mounts["/etc/grafana/provisioning"] == "./deploy/observability/grafana/provisioning"
    assert mounts[provider["options"]["path"]] == "./deploy/observability/grafana/dashboards"
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/bapas.json"


def test_nobody_can_log_in_to_grafana_and_nothing_leaves_it() -> None:
    env = COMPOSE["grafana"]["environment"]

    assert env["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert env["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert env["GF_AUTH_BASIC_ENABLED"] == env["GF_ANALYTICS_REPORTING_ENABLED"] == "false"
