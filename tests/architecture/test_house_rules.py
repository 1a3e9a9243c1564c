"""The house keeps its rules, and each rule catches what it is for."""

import pytest

from tests.architecture import house_rules
from tests.architecture.house_rules import EVERYWHERE, IN_SERVICES_AND_CHASSIS, Module, Rule, modules

OURS = modules("chassis", "contracts", "services", "deploy", "tests")
CODE = [module for module in OURS if module.parts[0] in {"chassis", "services"}]


def broken(rule: Rule, these: list[Module]) -> list[str]:
    """What breaks a rule, with its place."""
    return [f"{module.path} {words}" for module in these for words in rule(module)]


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_module_keeps(rule: Rule) -> None:
    assert broken(rule, OURS) == [], rule.__doc__


@pytest.mark.parametrize("rule", IN_SERVICES_AND_CHASSIS, ids=lambda rule: rule.__name__)
def test_services_and_chassis_keep(rule: Rule) -> None:
    assert broken(rule, CODE) == [], rule.__doc__


SENTENCE = '"""A release starts the clocks."""'
STORE, HANDLERS = "services/registration/store.py", "services/registration/handlers.py"
LONG_HANDLER = f"async def open_registration(event, tx):\n    {SENTENCE}\n" + "    tx.save(event)\n" * 9

CAUGHT = [
    (house_rules.delivery_sql_stays_in_the_chassis, STORE, 'SQL = "INSERT INTO outbox (topic) VALUES ($1)"'),
    (house_rules.delivery_sql_stays_in_the_chassis, STORE, 'SQL = "SELECT 1 FROM a JOIN timer ON true"'),
    (house_rules.numbers_are_entered, HANDLERS, "seq = await tx.next_number(unit=u, register=r, year=y)"),
    (house_rules.subscribing_stays_in_the_chassis, HANDLERS, '@broker.subscriber("lapas.events")\nasync def f(): ...'),
    (house_rules.subscribing_stays_in_the_chassis, HANDLERS, 'consumer = aiokafka.AIOKafkaConsumer("a")'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = f"UPDATE {table} SET a = 1"'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = f"SELECT * FROM a WHERE b = {b}"'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = "DELETE FROM a WHERE b = %s" % b'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = "SELECT * FROM " + table'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = "SELECT * FROM {}".format(table)'),
    (house_rules.handlers_say_their_rule_in_one_sentence, HANDLERS, "async def open_registration(event, tx): ..."),
    (
        house_rules.handlers_say_their_rule_in_one_sentence,
        HANDLERS,
        'async def open_registration(event, tx):\n    """Opens. Then closes."""',
    ),
    (
        house_rules.handlers_say_their_rule_in_one_sentence,
        HANDLERS,
        'async def open_registration(event, tx):\n    """A title without an end"""',
    ),
    (house_rules.handlers_are_short, HANDLERS, LONG_HANDLER),
    (house_rules.functions_fit_a_screen, STORE, "def f():\n" + "    x = 1\n" * 50),
    (house_rules.functions_fit_a_screen, STORE, "def f():\n    def g():\n" + "        x = 1\n" * 50),
    (house_rules.modules_are_short, STORE, "x = 1\n" * 401),
    (house_rules.modules_are_named_for_a_job, "services/registration/utils.py", ""),
    (house_rules.modules_are_named_for_a_job, "chassis/common/thing.py", ""),
    (house_rules.log_lines_are_literal, STORE, 'log.info(f"client {name} registered")'),
    (house_rules.log_lines_are_literal, STORE, "self.log.warning(words)"),
    (house_rules.nothing_is_patched, "tests/unit/test_x.py", "from unittest.mock import patch"),
    (house_rules.nothing_is_patched, "tests/unit/test_x.py", "from unittest import mock"),
    (house_rules.nothing_is_patched, "tests/unit/test_x.py", "def test_x(mocker): ..."),
    (house_rules.nothing_is_patched, "tests/unit/test_x.py", "monkeypatch.setattr(store, 'insert', None)"),
]


@pytest.mark.parametrize(
    ("rule", "path", "text"), CAUGHT, ids=[f"{row[0].__name__}-{n}" for n, row in enumerate(CAUGHT)]
)
def test_a_rule_catches_what_it_is_for(rule: Rule, path: str, text: str) -> None:
    assert len(list(rule(Module(path, text)))) == 1


PASSED = [
    (house_rules.delivery_sql_stays_in_the_chassis, "chassis/outbox.py", 'SQL = "INSERT INTO outbox DEFAULT VALUES"'),
    (house_rules.delivery_sql_stays_in_the_chassis, STORE, 'SQL = "SELECT * FROM timeline"'),
    (house_rules.sql_is_never_composed, STORE, 'words = f"Update of {name}"'),
    (house_rules.sql_is_never_composed, STORE, 'SQL = "SELECT a FROM b WHERE c = $1"'),
    (
        house_rules.handlers_say_their_rule_in_one_sentence,
        HANDLERS,
        f"async def open_registration(event, tx):\n    {SENTENCE}\n\nasync def _load(tx): ...",
    ),
    (house_rules.functions_fit_a_screen, STORE, "def f():\n" + ("    def g():\n" + "        x = 1\n" * 40) * 2),
    (house_rules.log_lines_are_literal, STORE, 'log.info("registered", action="register", client=client_id)'),
]


@pytest.mark.parametrize(
    ("rule", "path", "text"), PASSED, ids=[f"{row[0].__name__}-{n}" for n, row in enumerate(PASSED)]
)
def test_a_rule_lets_good_work_pass(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(path, text))) == []


def test_every_rule_is_proven() -> None:
    assert {row[0] for row in CAUGHT} == set(EVERYWHERE) | set(IN_SERVICES_AND_CHASSIS)
