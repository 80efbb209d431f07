"""The strict base of all payload models, and the field types they share."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from packwitness.evidence.canonical import INTEGER_LIMIT, format_time, parse_time, to_milliseconds
from packwitness.evidence.errors import Malformed


def _read_time(value: object) -> datetime:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return to_milliseconds(value)
    raise ValueError("expected a time with a zone")


Time = Annotated[datetime, BeforeValidator(_read_time), PlainSerializer(format_time, return_type=str)]
"""UTC with milliseconds; made from an aware datetime (cut to milliseconds) or from its JSON text."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^ed25519:[0-9a-f]{64}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""An id that is also a file's name."""
Text = Annotated[str, StringConstraints(max_length=200)]
Count = Annotated[int, Field(ge=0, le=INTEGER_LIMIT)]
Integer = Annotated[int, Field(ge=-INTEGER_LIMIT, le=INTEGER_LIMIT)]


class Record(BaseModel):
    """A frozen object whose JSON form is exactly what was read: nothing is added, coerced or dropped."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def payload(self) -> dict[str, Any]:
        """Return the JSON object."""
        return self.model_dump(mode="json")

    @classmethod
    def from_payload(cls, payload: Any) -> Self:
        """Read a JSON object.

        Raises:
            Malformed: it breaks the format; the message names the first fields that do.
        """
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise Malformed(f"{cls.__name__.lower()}: {_first_errors(error)}") from error


def _first_errors(error: ValidationError) -> str:
    shown = error.errors(include_url=False, include_context=False, include_input=False)[:3]
    rest = error.error_count() - len(shown)
    text = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'as a whole'}: {one['msg']}" for one in shown)
    return text + (f"; and {rest} more" if rest else "")
