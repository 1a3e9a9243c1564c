"""The alert rules read what the services export, say whom they mean, ring when they should, and each has its page."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import promql_parser as promql
import pytest
import yaml

from tests.contract.exported import SCRAPE, exported, labels_of_the_scrape, service_of
from tests.contract.image import REPOSITORY
from tests.contract.promql import labels_of, problems

RULES_FILE: Final = REPOSITORY / "deploy/observability/alerts.yml"
PAGES: Final = REPOSITORY / "deploy/runbooks"
SCENES: Final = Path(__file__).parent / "alerts.scenes.yml"
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load(RULES_FILE.read_text())["groups"] for rule in group["rules"]
]
NAMES: Final = [rule["alert"] for rule in RULES]
TEMPLATE_LABEL: Final = re.compile(r"\$labels\.(\w+)")


@pytest.fixture(scope="module")
async def labels_by_name() -> dict[str, frozenset[str]]:
    """What there is to be read; a service is put together where a loop runs."""
    return dict(exported())


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}

    assert len(NAMES) == len(set(NAMES))
    assert pages == set(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
class TestEveryRule:
    """What holds for each rule."""

    async def test_it_reads_what_the_services_export(
        self, rule: dict[str, Any], labels_by_name: dict[str, frozenset[str]]
    ) -> None:
        assert list(problems(promql.parse(rule["expr"]), labels_by_name)) == []

    async def test_its_words_name_only_labels_that_its_result_bears(
        self, rule: dict[str, Any], labels_by_name: dict[str, frozenset[str]]
    ) -> None:
        named = set(TEMPLATE_LABEL.findall(rule["annotations"]["summary"]))

        assert named <= labels_of(promql.parse(rule["expr"]), labels_by_name)
        assert named & {"service", "instance", "consumer"}, "somebody must know where to look"

    def test_it_says_how_urgent_it_is_and_where_its_page_is(self, rule: dict[str, Any]) -> None:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert rule["annotations"]["runbook"] == f"deploy/runbooks/{rule['alert']}.md"
        assert (REPOSITORY / rule["annotations"]["runbook"]).is_file()


async def test_a_rule_that_reads_what_nobody_exports_is_found(labels_by_name: dict[str, frozenset[str]]) -> None:
    """The check above can fail: in the name of a metric, in a matcher, and in what is grouped by."""
    for wrong, words in {
        "rate(bapas_relayed[5m]) == 0": "bapas_relayed is exported by nobody",
        "bapas_outbox_age_seconds > 1": "bapas_outbox_age_seconds is exported by nobody",
        'rate(bapas_deliveries_total{kind="bug"}[5m]) > 0': "bapas_deliveries_total has no label kind",
        "max by (topic) (bapas_outbox_rows) > 0": "grouped by topic, which no series in it has",
    }.items():
        assert list(problems(promql.parse(wrong), labels_by_name)) == [words]


async def test_what_the_issue_asks_for_is_watched(labels_by_name: dict[str, frozenset[str]]) -> None:
    assert {
        "OutboxOld", "HeldKeyOld", "ConsumerNearRetention", "TimersLate", "DeadLettersOpen", "DeadLettersGrowing",
        "ConsumerStopped", "RelayWithoutLeader", "DatabasePoolExhausted", "ServiceDown", "FacilitySilent",
        "RosterGap", "AuditUnsealed", "AuditLost",
    } <= set(NAMES)  # fmt: skip
    assert {"service", "job", "instance"} == labels_of_the_scrape()


def test_what_a_service_shows_bears_its_name() -> None:
    [job] = [one for one in SCRAPE["scrape_configs"] if one["job_name"] == "services"]
    targets = [target for one in job["static_configs"] for target in one["targets"]]

    assert [service_of(target) for target in targets] == [
        "registration",
        "litmas",
        "supervision",
        "tpp",
        "notifications",
    ]
    assert SCRAPE["rule_files"] == ["/etc/prometheus/alerts.yml"]


def test_every_alert_is_played_once_when_it_rings_and_once_when_it_does_not() -> None:
    scenes = yaml.safe_load(SCENES.read_text())["tests"]
    asked = [
        (question["alertname"], bool(question["exp_alerts"])) for one in scenes for question in one["alert_rule_test"]
    ]

    assert {name for name, rings in asked if rings} == set(NAMES)
    assert {name for name, rings in asked if not rings} == set(NAMES)


def test_the_rules_ring_as_the_scenes_say(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: apt-get install prometheus); the rules were read and not evaluated")
    scenes = tmp_path / "scenes.yml"
    scenes.write_text(SCENES.read_text().replace("ALERTS_FILE", str(RULES_FILE)))

    done = subprocess.run([promtool, "test", "rules", str(scenes)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
