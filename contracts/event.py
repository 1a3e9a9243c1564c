"""What every event of the network has: a type, an owner, a subject and the topic that carries it.

An event class names itself: `ClientReleased` in `contracts/lapas.py` is `lapas.client-released.v1` on `lapas.events`,
and the value of its subject field is the partition key, so nothing is typed twice.
"""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

EVENT_TYPES: dict[str, type["Event"]] = {}
"""Every event class by its type; filled by importing the publishers' modules."""


class Fact(BaseModel):
    """A part of an event: frozen, closed for producers, silent about its values in errors and in `repr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_timedelta="iso8601")

    def __repr_args__(self) -> Any:
        """Show the names of the fields and never their values, which may identify a person."""
        return ((name, "..") for name in type(self).model_fields)


class Event(Fact):
    """A fact that its owner publishes; the subject is the matter whose order counts."""

    type: ClassVar[str]
    owner: ClassVar[str]
    version: ClassVar[int]
    subject_field: ClassVar[str]
    carrier: ClassVar[str]

    def __init_subclass__(cls, **_keywords: Any) -> None:
        """Take the class keywords; they are read once the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, subject: str | None = None, version: int = 1, carrier: str = "events", **kwargs: Any
    ) -> None:
        """Derive type and owner from class and module; a class without a subject is a base for others.

        `carrier` is the last word of the topic: `events`, or the name of a restricted topic such as `clients`.
        """
        super().__pydantic_init_subclass__(**kwargs)
        if subject is None:
            return
        if subject not in cls.model_fields:
            message = f"{cls.__name__} has no field {subject!r} to be its subject"
            raise TypeError(message)
        cls.owner = cls.__module__.rpartition(".")[2]
        cls.version = version
        cls.subject_field = subject
        cls.carrier = carrier
        name = _WORD_START.sub("-", cls.__name__.removesuffix(f"V{version}")).lower()
        cls.type = f"{cls.owner}.{name}.v{version}"
        known = EVENT_TYPES.setdefault(cls.type, cls)
        if known is not cls:
            message = f"{cls.type} is published by {known.__qualname__} already"
            raise TypeError(message)

    @property
    def subject(self) -> str:
        """The matter this fact is about: partition key and CloudEvents subject."""
        return str(getattr(self, self.subject_field))

    @property
    def is_juvenile(self) -> bool:
        """Whether this fact concerns a child and so travels on a topic of its own (UU 11/2012 art. 19)."""
        return False

    @property
    def topic(self) -> str:
        """The topic that carries this fact, without the deployment's prefix."""
        return self.topic_for(juvenile=self.is_juvenile)

    @classmethod
    def topic_for(cls, *, juvenile: bool) -> str:
        """The topic of this class for adults or for children."""
        return f"{cls.owner}.juvenile.{cls.carrier}" if juvenile else f"{cls.owner}.{cls.carrier}"
