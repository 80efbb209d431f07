"""The verdict: three separate lines, never one green word."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from packwitness.evidence.canonical import format_time
from packwitness.evidence.findings import Finding

KeyState = Literal["trusted", "not_checked", "foreign"]
NoteCode = Literal[
    "no_certificates",
    "no_receipt",
    "receipt_key_unknown",
    "no_log",
    "log_key_unknown",
    "no_time_stamp",
    "time_stamp_untrusted",
    "clock_not_measured",
    "sealed_after_stamp",
    "sealed_in_future",
    "film_not_checked",
    "credentials_left_aside",
    "not_covered",
    "gaps",
    "dropped_packets",
    "lost_packets",
    "stalls",
    "label_unreadable",
    "interrupted",
]


@dataclass(frozen=True)
class Note:
    """What a reader should know although it breaks nothing: what is missing, what the station admits."""

    code: NoteCode
    camera: str | None = None
    detail: str = ""

    def to_value(self) -> dict[str, str]:
        """Return the JSON object."""
        value: dict[str, str] = {"code": self.code}
        if self.camera is not None:
            value["camera"] = self.camera
        if self.detail:
            value["detail"] = self.detail
        return value


@dataclass(frozen=True)
class IntegrityLine:
    """Whether all is as key ``key`` (its id) sealed it; unchanged means that there is no finding."""

    key: str
    findings: tuple[Finding, ...]

    @property
    def unchanged(self) -> bool:
        """True if nothing was found wrong."""
        return not self.findings


@dataclass(frozen=True)
class KeyLine:
    """Whether the key belongs to the organisation.

    Attributes:
        state: ``trusted``: certified by the key that the reader trusts; ``not_checked``: the reader named
            none; ``foreign``: it is another's, or its certificates do not hold.
        organisation: the name that the certificate gives, which means something only if trusted.
        fingerprint: the organisation's key id; empty if no certificate tells it.
        reason: why it is not trusted, in English.
    """

    state: KeyState
    organisation: str = ""
    fingerprint: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TimeLine:
    """Not later than ``moment``, says the trusted ``authority``; without one, the station's word only.

    Attributes:
        trusted: whether an authority that the reader trusts vouches for ``moment``.
        moment: the authority's time; None if there is no usable time stamp.
        authority: its name.
        stated: when the station says that the take stopped.
        offset_ms: the station's clock against its reference, as last measured; None if it never was.
        uncertainty_ms: how far that may be off.
        reason: why an existing time stamp is not trusted, in English.
    """

    trusted: bool
    moment: datetime | None = None
    authority: str = ""
    stated: datetime | None = None
    offset_ms: int | None = None
    uncertainty_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is known of a take: which it is, the three lines, values shown with proof, and notes."""

    take: str
    manifest: str
    integrity: IntegrityLine
    key: KeyLine
    time: TimeLine
    films_checked: tuple[str, ...] = ()
    disclosed: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 unchanged and trusted, 3 unchanged and not checked, 1 changed or foreign."""
        if not self.integrity.unchanged or self.key.state == "foreign":
            return 1
        return 0 if self.key.state == "trusted" else 3

    def with_findings(self, *findings: Finding) -> "Verdict":
        """Return this verdict with more findings."""
        return replace(
            self, integrity=replace(self.integrity, findings=(*self.integrity.findings, *findings))
        )

    def to_value(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "take": self.take,
            "manifest": self.manifest,
            "integrity": {
                "unchanged": self.integrity.unchanged,
                "key": self.integrity.key,
                "findings": [finding.to_value() for finding in self.integrity.findings],
            },
            "key": {
                "state": self.key.state,
                "organisation": self.key.organisation,
                "fingerprint": self.key.fingerprint,
                "reason": self.key.reason,
            },
            "time": {
                "trusted": self.time.trusted,
                "moment": format_time(self.time.moment) if self.time.moment else None,
                "authority": self.time.authority,
                "stated": format_time(self.time.stated) if self.time.stated else None,
                "offset_ms": self.time.offset_ms,
                "uncertainty_ms": self.time.uncertainty_ms,
                "reason": self.time.reason,
            },
            "films_checked": list(self.films_checked),
            "disclosed": [{"kind": kind, "value": value} for kind, value in self.disclosed],
            "notes": [note.to_value() for note in self.notes],
            "exit_code": self.exit_code,
        }
