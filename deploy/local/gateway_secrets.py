"""The secrets that the messaging gateway and notifications share: made once per stack, kept in files of its state."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.processes import write_whole

SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class GatewaySecrets:
    """The files that hold the sender's token and the key that signs receipts."""

    state: Path

    @property
    def token_file(self) -> Path:
        """What notifications shows to the gateway."""
        return self.state / "gateway_token"

    @property
    def key_file(self) -> Path:
        """With what the gateway signs its receipts."""
        return self.state / "gateway_receipt_key"

    def prepare(self) -> None:
        """Make what is not there yet."""
        for file in (self.token_file, self.key_file):
            if not file.exists():
                write_whole(file, secrets.token_hex(SECRET_BYTES))
