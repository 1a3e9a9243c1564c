"""What services and their edges share: who signs the tokens with which somebody calls."""

import pytest

from deploy.local.tokens import Issuer


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """An issuer with a key pair of its own."""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    issuer.prepare()
    return issuer
