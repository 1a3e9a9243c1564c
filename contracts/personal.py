"""What is personal and what is not: the field types of the network.

A field that could name, reach or describe a person has a type of the first half of this module and carries the
`Personal` marker into model and schema; a field of our own ordinary topics has a type of the second half.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

MASK: Final = "***"
_YEAR_MIN: Final = 1900
_YEAR_MAX: Final = 2200
# PostgreSQL cannot store NUL, and a control character in a name is a sign of a broken sender.
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
_FIELD_NAME: Final = re.compile(r"[a-z]{1,20}(_[a-z]{1,20}){0,4}")


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that may identify a person; the schema shows it as `x-personal`."""

    kind: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Carry the marker into the published schema."""
        return {**handler(schema), "x-personal": self.kind}


def _instant(value: datetime) -> datetime:
    """The same instant in UTC, refused when no calendar arithmetic could follow."""
    if not _YEAR_MIN < value.year < _YEAR_MAX:
        raise PydanticCustomError("out_of_range", "The year is out of range")
    return value.astimezone(UTC)


def _day(value: date) -> date:
    if not _YEAR_MIN <= value.year < _YEAR_MAX:
        raise PydanticCustomError("out_of_range", "The year is out of range")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_instant)]
"""A moment with its offset, kept in UTC."""
Day = Annotated[date, AfterValidator(_day)]
"""A local calendar date."""

# --- personal ---------------------------------------------------------------------------------------------------------

PersonName = Annotated[
    str, Personal("name"), StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE, strip_whitespace=True)
]
# Not the form of a number: a clerk's note in the wrong field must not keep a release from being read.
PhoneNumber = Annotated[str, Personal("phone"), StringConstraints(min_length=1, max_length=40, pattern=_PRINTABLE)]
StreetAddress = Annotated[str, Personal("address"), StringConstraints(min_length=1, max_length=300, pattern=_PRINTABLE)]
Village = Annotated[str, Personal("address"), StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
Regency = Annotated[str, Personal("address"), StringConstraints(min_length=1, max_length=60, pattern=_PRINTABLE)]
NationalId = Annotated[str, Personal("nik"), StringConstraints(min_length=1, max_length=32, pattern=_PRINTABLE)]
PrisonRegisterNo = Annotated[
    str, Personal("register"), StringConstraints(min_length=1, max_length=60, pattern=_PRINTABLE)
]
DecreeNo = Annotated[str, Personal("decree"), StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
DocumentNo = Annotated[str, Personal("document"), StringConstraints(min_length=1, max_length=100, pattern=_PRINTABLE)]
BirthDate = Annotated[date, Personal("birth"), AfterValidator(_day)]
BirthYear = Annotated[int, Personal("birth"), Field(ge=_YEAR_MIN, lt=_YEAR_MAX)]
Age = Annotated[int, Personal("birth"), Field(ge=0, le=130)]
Note = Annotated[str, Personal("note"), StringConstraints(min_length=1, max_length=200, pattern=_PRINTABLE)]
"""A short description that a prison writes about a person: work, schooling, a group of offences."""
ObjectReference = Annotated[
    str, Personal("reference"), StringConstraints(min_length=1, max_length=300, pattern=_PRINTABLE)
]

# --- not personal -----------------------------------------------------------------------------------------------------

# A code has a letter, so that no number of a person passes for one.
_CODE: Final = r"^[0-9]*[A-Z][A-Z0-9_.-]*$"
CODE_CHARS_MAX: Final = 40

Code = Annotated[str, StringConstraints(pattern=_CODE, max_length=CODE_CHARS_MAX)]
UnitCode = Annotated[str, StringConstraints(pattern=_CODE, max_length=CODE_CHARS_MAX)]
OfficerCode = Annotated[str, StringConstraints(pattern=_CODE, max_length=CODE_CHARS_MAX)]
FacilityCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_.-]*$", max_length=CODE_CHARS_MAX)]
"""As the prison writes it: we accept facilities that we do not know."""
RegisterNo = Annotated[str, StringConstraints(pattern=r"^[0-9]*[/.-]?[A-Z][A-Z0-9/_.-]*$", max_length=80)]
"""A number of one of our own registers, as in `0412/KLD-PB/PLG-TJR/IX/2026`."""
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,79}$")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
EventTypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{0,119}$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,199}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def personal_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """The dotted names of the fields of a model that may identify a person, at any depth."""
    return tuple(_personal_paths(model))


def _personal_paths(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if any(isinstance(mark, Personal) for mark in field.metadata) or is_personal(field.annotation):
            yield name
            continue
        for part in parts_of(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from (f"{name}.{inner}" for inner in _personal_paths(part))


def is_personal(annotation: Any) -> bool:
    """Whether a type, or a type inside it, carries the marker."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return any(isinstance(mark, Personal) for mark in marks) or is_personal(inner)
    return any(is_personal(part) for part in get_args(annotation))


def parts_of(annotation: Any) -> Iterator[Any]:
    """A type and every type inside it: the members of a union, the items of a tuple."""
    yield annotation
    for part in get_args(annotation):
        yield from parts_of(part)


def masked(data: Any, model: type[BaseModel]) -> Any:
    """The JSON data of an event with personal values hidden.

    Hidden too is what the model does not know, and a value that does not fit its field: a name may stand in the wrong
    place, also in that of a field's name.
    """
    if not isinstance(data, Mapping):
        return MASK
    return {
        _masked_name(name, model): None if value is None else _masked_field(value, name, model)
        for name, value in data.items()
    }


def _masked_name(name: str, model: type[BaseModel]) -> str:
    """The name of a field, also of one that is not known, as long as it looks like one."""
    return name if name in model.model_fields or _FIELD_NAME.fullmatch(name) else MASK


def _masked_field(value: Any, name: str, model: type[BaseModel]) -> Any:
    field = model.model_fields.get(name)
    if field is None or name in personal_fields(model):
        return MASK
    nested = [part for part in parts_of(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    if nested:
        return [masked(item, nested[0]) for item in value] if isinstance(value, list) else masked(value, nested[0])
    try:
        _reader_of(model, name).validate_json(json.dumps(value), strict=True)
    except ValidationError:
        return MASK
    return value


@cache
def _reader_of(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    annotation: Any = Annotated[field.annotation, *field.metadata, None]
    return TypeAdapter(annotation)
