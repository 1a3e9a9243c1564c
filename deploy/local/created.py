"""What was made on servers that the user runs, so that only that is ever removed from them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.processes import write_whole

FILE_NAME: Final = "created.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedTopic:
    """A topic that was made on a cluster; a topic of the same name on another cluster is not ours."""

    bootstrap_servers: str
    cluster: str
    name: str


@dataclass(slots=True, kw_only=True)
class Created:
    """The record of one state folder."""

    topics: list[CreatedTopic] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, state: Path) -> "Created":
        """The record as it was last written; empty if there is none."""
        file = state / FILE_NAME
        if not file.exists():
            return cls()
        found = json.loads(file.read_text())
        return cls(topics=[CreatedTopic(**topic) for topic in found["topics"]], databases=list(found["databases"]))

    def write(self, state: Path) -> None:
        """Keep the record; database addresses carry passwords, so only the owner may read it."""
        write_whole(state / FILE_NAME, json.dumps(asdict(self), indent=1))

    def has_topic(self, name: str, *, cluster: str) -> bool:
        """Whether we made this topic on this cluster."""
        return any(topic.name == name and topic.cluster == cluster for topic in self.topics)
