"""What a person is shown of a running stack can be copied from the narrowest terminal."""

from pathlib import Path

from deploy.local import endpoints

DATABASE = "postgresql://registration:8c6e297488835e4fc7926d5b1f4eab10@127.0.0.1:15432/registration"
SHOWN: endpoints.Endpoints = {
    "services": {"registration": {"url": "http://127.0.0.1:18101", "database_url": DATABASE}},
    "kafka": {"bootstrap_servers": "127.0.0.1:19192", "topic_prefix": ""},
    "mail": {"url": "http://127.0.0.1:18025"},
    "smtp": {"host": "127.0.0.1", "port": 12525},
    "gateway": {"url": "http://127.0.0.1:18026"},
    "traces": {"url": None},
}


def test_an_address_is_never_broken_at_the_edge_of_the_terminal() -> None:
    lines = endpoints.table(SHOWN, file=Path("endpoints.json")).splitlines()

    assert f"database of registration  {DATABASE}" in lines
