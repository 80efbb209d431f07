"""What a check found wrong: a code for programs, a place, and words for people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

FindingCode = Literal[
    "signature_invalid",
    "manifest_malformed",
    "chain_mismatch",
    "event_chain_mismatch",
    "init_changed",
    "init_missing",
    "part_changed",
    "part_missing",
    "part_repeated",
    "part_swapped",
    "part_extra",
    "film_truncated",
    "film_extra_bytes",
    "camera_missing",
    "journal_mismatch",
    "receipt_invalid",
    "log_proof_invalid",
    "checkpoint_invalid",
    "token_invalid",
    "disclosure_mismatch",
    "certificate_invalid",
]

FINDINGS_LIMIT = 100
"""Most findings named for one camera."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: what, for programs.
        camera: the camera's id, where it concerns one.
        init: the number of the init concerned.
        part: the number of the part concerned, or of the first of several.
        count: how many parts in a row.
        other: the part that stands there instead (swapped, repeated).
        at_ms: where in the film, from the camera's first picture.
        detail: more, in English, for who looks closer.
    """

    code: FindingCode
    camera: str | None = None
    init: int | None = None
    part: int | None = None
    count: int = 1
    other: int | None = None
    at_ms: int | None = None
    detail: str = ""

    @property
    def place(self) -> str:
        """Where, as ``overhead/parts/12`` or the name of the file concerned."""
        if self.camera is None:
            return ""
        if self.init is not None:
            return f"{self.camera}/inits/{self.init}"
        if self.part is not None:
            last = f"-{self.part + self.count - 1}" if self.count > 1 else ""
            return f"{self.camera}/parts/{self.part}{last}"
        return self.camera

    @property
    def words(self) -> str:
        """What happened, in English."""
        return say_finding(self, "en")

    def to_value(self) -> dict[str, Any]:
        """Return the JSON object; numbers that do not apply are left out."""
        numbers = {"init": self.init, "part": self.part, "other": self.other, "at_ms": self.at_ms}
        return {
            "code": self.code,
            "place": self.place,
            "words": self.words,
            **({"camera": self.camera} if self.camera is not None else {}),
            **{name: number for name, number in numbers.items() if number is not None},
            **({"count": self.count} if self.count > 1 else {}),
            **({"detail": self.detail} if self.detail else {}),
        }


def join_runs(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with parts that follow each other, and suffer the same, told as one."""
    joined: list[Finding] = []
    for one in findings:
        last = joined[-1] if joined else None
        if (
            last is not None
            and one.code == last.code
            and one.code in ("part_changed", "part_missing", "part_extra")
            and one.camera == last.camera
            and None not in (one.part, last.part)
            and one.part == (last.part or 0) + last.count
        ):
            joined[-1] = replace(last, count=last.count + one.count)
        else:
            joined.append(one)
    return joined


def say_finding(finding: Finding, language: str) -> str:
    """Return the finding in a person's words; ``language`` is ``en`` or ``ko``, others read English."""
    templates = _WORDS.get(language, _WORDS["en"])
    several = finding.count > 1 and f"{finding.code}*" in templates
    text = templates[f"{finding.code}*" if several else finding.code].format(
        camera=finding.camera,
        init=finding.init,
        part=finding.part,
        last=(finding.part or 0) + finding.count - 1,
        other=finding.other,
        at=_clock(finding.at_ms),
    )
    return f"{text} ({finding.detail})" if finding.detail else text


def _clock(milliseconds: int | None) -> str:
    seconds = (milliseconds or 0) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{seconds % 60:02d}"


_WORDS = {
    "en": {
        "signature_invalid": "The manifest is not signed by the station's key that it names.",
        "manifest_malformed": "The manifest is not what a station writes.",
        "chain_mismatch": "Camera {camera}: the list of parts is not the one that was sealed.",
        "event_chain_mismatch": "The list of events is not the one that was sealed.",
        "init_changed": "Camera {camera}: the film's header {init} is not the one that was sealed.",
        "init_missing": "Camera {camera}: the film's header {init} is missing.",
        "part_changed": "Camera {camera}: the picture at {at} (part {part}) was changed.",
        "part_changed*": "Camera {camera}: the picture from {at} on (parts {part} to {last}) was changed.",
        "part_missing": "Camera {camera}: the picture at {at} (part {part}) is missing.",
        "part_missing*": "Camera {camera}: the picture from {at} on (parts {part} to {last}) is missing.",
        "part_repeated": "Camera {camera}: at {at}, where part {part} belongs, part {other} is shown again.",
        "part_swapped": "Camera {camera}: at {at}, where part {part} belongs, stands part {other}.",
        "part_extra": "Camera {camera}: something that was not filmed was put in before {at} (part {part}).",
        "film_truncated": "Camera {camera}: the film was cut off at {at} (part {part}).",
        "film_extra_bytes": "Camera {camera}: something was added after the film's end.",
        "camera_missing": "Camera {camera}: its film is not here.",
        "journal_mismatch": "The take does not stand in the bench's journal where it says.",
        "receipt_invalid": "The receipt is not for this take, or not genuine.",
        "log_proof_invalid": "The take does not stand in the log where it should.",
        "checkpoint_invalid": "The log's checkpoint is not signed by the log's key.",
        "token_invalid": "A time stamp is damaged or was made for something else.",
        "disclosure_mismatch": "A value that was put beside the film is not the one that was sealed.",
        "certificate_invalid": "A certificate cannot be read.",
    },
    "ko": {
        "signature_invalid": "매니페스트에 적힌 스테이션 키의 서명이 아닙니다.",
        "manifest_malformed": "매니페스트가 스테이션이 쓴 형식이 아닙니다.",
        "chain_mismatch": "카메라 {camera}: 영상 조각 목록이 봉인된 것과 다릅니다.",
        "event_chain_mismatch": "이벤트 목록이 봉인된 것과 다릅니다.",
        "init_changed": "카메라 {camera}: 영상 머리말 {init}이(가) 봉인된 것과 다릅니다.",
        "init_missing": "카메라 {camera}: 영상 머리말 {init}이(가) 없습니다.",
        "part_changed": "카메라 {camera}: {at}의 화면(조각 {part})이 바뀌었습니다.",
        "part_changed*": "카메라 {camera}: {at}부터의 화면(조각 {part}~{last})이 바뀌었습니다.",
        "part_missing": "카메라 {camera}: {at}의 화면(조각 {part})이 없습니다.",
        "part_missing*": "카메라 {camera}: {at}부터의 화면(조각 {part}~{last})이 없습니다.",
        "part_repeated": "카메라 {camera}: {at}, 조각 {part} 자리에 조각 {other}이(가) 되풀이됩니다.",
        "part_swapped": "카메라 {camera}: {at}, 조각 {part} 자리에 조각 {other}이(가) 있습니다.",
        "part_extra": "카메라 {camera}: {at}(조각 {part}) 앞에 촬영되지 않은 것이 끼워졌습니다.",
        "film_truncated": "카메라 {camera}: 영상이 {at}(조각 {part})에서 잘렸습니다.",
        "film_extra_bytes": "카메라 {camera}: 영상 끝에 무언가가 덧붙었습니다.",
        "camera_missing": "카메라 {camera}: 영상이 여기에 없습니다.",
        "journal_mismatch": "이 촬영이 작업대 일지의 적힌 자리에 없습니다.",
        "receipt_invalid": "수령증이 이 촬영의 것이 아니거나 진짜가 아닙니다.",
        "log_proof_invalid": "이 촬영이 기록 장부의 있어야 할 자리에 없습니다.",
        "checkpoint_invalid": "기록 장부의 확인점이 장부의 키로 서명되지 않았습니다.",
        "token_invalid": "시점 확인 토큰이 손상되었거나 다른 것을 위해 만들어졌습니다.",
        "disclosure_mismatch": "영상과 함께 놓인 값이 봉인된 값과 다릅니다.",
        "certificate_invalid": "인증서를 읽을 수 없습니다.",
    },
}
