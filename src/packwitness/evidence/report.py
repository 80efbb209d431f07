"""A verdict in a person's words, English or Korean."""

from datetime import datetime

from packwitness.evidence.findings import say_finding
from packwitness.evidence.verdict import Note, Verdict

SHOWN_FINDINGS = 30


def report(verdict: Verdict, language: str) -> str:
    """Return the text that ``packwitness verify`` prints, ending in a newline."""
    words = _WORDS.get(language, _WORDS["en"])
    lines = [words["take"].format(take=verdict.take or "?"), *_disclosed(verdict, words), ""]
    for title, texts in (
        ("integrity", _integrity(verdict, words, language)),
        ("key", _key(verdict, words)),
        ("time", _time(verdict, words)),
    ):
        lines += [f"{words[title]}  {texts[0]}", *(f"    {text}" for text in texts[1:])]
    notes = [_note(note, words) for note in verdict.notes]
    if notes:
        lines += ["", words["notes"], *(f"  - {note}" for note in notes)]
    lines += ["", words[f"exit{verdict.exit_code}"]]
    return "\n".join(lines) + "\n"


def _disclosed(verdict: Verdict, words: dict[str, str]) -> list[str]:
    return [words["disclosed"].format(kind=kind, value=plain(value)) for kind, value in verdict.disclosed]


def _integrity(verdict: Verdict, words: dict[str, str], language: str) -> list[str]:
    findings = verdict.integrity.findings
    if not findings:
        cameras = ", ".join(verdict.films_checked) or "–"
        return [words["unchanged"], verdict.integrity.key, words["films"].format(cameras=cameras)]
    shown = [plain(say_finding(finding, language)) for finding in findings[:SHOWN_FINDINGS]]
    rest = len(findings) - len(shown)
    return [words["changed"], *shown, *([words["more"].format(count=rest)] if rest else [])]


def _key(verdict: Verdict, words: dict[str, str]) -> list[str]:
    key = verdict.key
    name = plain(key.organisation) or "?"
    texts = [words[f"key_{key.state}"].format(organisation=name)]
    if key.state == "not_checked":
        texts.append(words["not_checked_why"].format(organisation=name) if key.fingerprint else key.reason)
    elif key.reason:
        texts.append(plain(key.reason))
    return [*texts, *([key.fingerprint] if key.fingerprint else [])]


def _time(verdict: Verdict, words: dict[str, str]) -> list[str]:
    time = verdict.time
    texts: list[str] = []
    if time.trusted and time.moment:
        texts.append(words["stamped"].format(moment=_moment(time.moment), authority=plain(time.authority)))
    else:
        texts.append(words["own_word"])
    if time.stated:
        texts.append(words["stated"].format(moment=_moment(time.stated)))
    if time.offset_ms is not None:
        texts.append(words["clock"].format(offset=time.offset_ms, uncertainty=time.uncertainty_ms or 0))
    return texts


def _note(note: Note, words: dict[str, str]) -> str:
    return words[f"note_{note.code}"].format(camera=note.camera, detail=plain(note.detail))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def plain(text: str) -> str:
    """Return text that a sender chose without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


_WORDS = {
    "en": {
        "take": "Take {take}",
        "disclosed": "  {kind}: {value} (sealed with the take)",
        "integrity": "FILM ",
        "key": "KEY  ",
        "time": "TIME ",
        "unchanged": "Unchanged since it was sealed by this key:",
        "films": "Checked byte for byte: {cameras}. Events and times are as sealed.",
        "changed": "CHANGED since it was sealed:",
        "more": "… and {count} more",
        "key_trusted": "The key belongs to {organisation}, by the fingerprint that you gave.",
        "key_not_checked": "Not checked whose key this is: anybody can make a key.",
        "not_checked_why": "It says “{organisation}”. Ask them for their fingerprint, "
        "compare it with this one, or give it with --trust:",
        "key_foreign": "FOREIGN: this is not the organisation's key.",
        "stamped": "Not later than {moment}, says {authority}, whom you named as trusted.",
        "own_word": "The station's word only: no trusted authority vouches for it.",
        "stated": "The station says that filming stopped at {moment}.",
        "clock": "Its clock was {offset} ms off when last measured, give or take {uncertainty} ms.",
        "notes": "Notes",
        "exit0": "Result: unchanged, and the key is the one you trust.",
        "exit3": "Result: unchanged, but whose key it is was not checked.",
        "exit1": "Result: do not rely on this film as it is.",
        "note_no_certificates": "No certificate came with it, so nothing here says whose key it is.",
        "note_no_receipt": "There is no receipt from the hub.",
        "note_receipt_key_unknown": "The receipt's key is not certified here.",
        "note_no_log": "There is no proof that the take stands in the hub's log.",
        "note_log_key_unknown": "The log's key is not certified here.",
        "note_no_time_stamp": "There is no time stamp.",
        "note_time_stamp_untrusted": "There is a time stamp that does not count: {detail}.",
        "note_clock_not_measured": "The station's clock was never compared with another.",
        "note_sealed_after_stamp": "By the station's clock, filming stopped after the time stamp: "
        "its clock was wrong.",
        "note_sealed_in_future": "The station's time lies in the future by this machine's clock.",
        "note_film_not_checked": "Camera {camera}: its film was not given and not checked.",
        "note_credentials_left_aside": "Camera {camera}: Content Credentials (C2PA, {detail}) "
        "were put into the file later, and left aside in this check.",
        "note_not_covered": "These files are not part of what was sealed, and were not checked: {detail}.",
        "note_gaps": "Camera {camera}: the station itself reports gaps ({detail}).",
        "note_dropped_packets": "Camera {camera}: the station itself reports pictures that it could not keep "
        "({detail}).",
        "note_lost_packets": "Camera {camera}: packets were lost on the way to the station ({detail}); "
        "pictures may show it.",
        "note_stalls": "Camera {camera}: the camera stopped giving pictures for a while ({detail} times).",
        "note_label_unreadable": "Camera {camera}: the label could not be read in the film "
        "(looked for in {detail} pictures).",
        "note_interrupted": "The take did not end as usual: {detail}.",
    },
    "ko": {
        "take": "촬영 {take}",
        "disclosed": "  {kind}: {value} (촬영과 함께 봉인됨)",
        "integrity": "영상",
        "key": "키  ",
        "time": "시각",
        "unchanged": "이 키로 봉인된 뒤 바뀌지 않았습니다:",
        "films": "바이트 단위로 확인함: {cameras}. 이벤트와 시각도 봉인된 그대로입니다.",
        "changed": "봉인된 뒤 바뀌었습니다:",
        "more": "… 그 밖에 {count}건",
        "key_trusted": "이 키는 알려 주신 지문대로 {organisation}의 것입니다.",
        "key_not_checked": "누구의 키인지 확인하지 않았습니다. 키는 누구나 만들 수 있습니다.",
        "not_checked_why": "‘{organisation}’이라고 적혀 있습니다. 그곳에 지문을 물어 아래와 비교하거나 "
        "--trust로 알려 주세요:",
        "key_foreign": "다른 키: 그 조직의 키가 아닙니다.",
        "stamped": "늦어도 {moment}: 믿을 수 있다고 알려 주신 {authority}의 확인입니다.",
        "own_word": "스테이션의 말뿐입니다. 믿을 수 있는 기관의 확인이 없습니다.",
        "stated": "스테이션은 촬영이 {moment}에 끝났다고 합니다.",
        "clock": "마지막으로 쟀을 때 시계 오차는 {offset} ms(±{uncertainty} ms)였습니다.",
        "notes": "참고",
        "exit0": "결과: 바뀌지 않았고, 믿는다고 하신 키입니다.",
        "exit3": "결과: 바뀌지 않았으나, 누구의 키인지는 확인하지 않았습니다.",
        "exit1": "결과: 이 영상을 이대로 믿지 마십시오.",
        "note_no_certificates": "인증서가 함께 오지 않아 누구의 키인지 알 수 없습니다.",
        "note_no_receipt": "허브의 수령증이 없습니다.",
        "note_receipt_key_unknown": "수령증의 키에 대한 인증서가 없습니다.",
        "note_no_log": "촬영이 허브의 기록 장부에 있다는 증명이 없습니다.",
        "note_log_key_unknown": "기록 장부의 키에 대한 인증서가 없습니다.",
        "note_no_time_stamp": "시점 확인 토큰이 없습니다.",
        "note_time_stamp_untrusted": "시점 확인 토큰이 있으나 인정되지 않습니다: {detail}.",
        "note_clock_not_measured": "스테이션의 시계를 다른 시계와 비교한 적이 없습니다.",
        "note_sealed_after_stamp": "스테이션 시계로는 기관의 시점 확인보다 늦게 촬영이 끝났습니다. "
        "시계가 틀렸습니다.",
        "note_sealed_in_future": "이 컴퓨터의 시계로 보면 스테이션의 시각이 미래입니다.",
        "note_film_not_checked": "카메라 {camera}: 영상을 받지 않아 확인하지 않았습니다.",
        "note_credentials_left_aside": "카메라 {camera}: 파일에 든 콘텐츠 자격 증명(C2PA, {detail})은 "
        "빼고 확인했습니다.",
        "note_not_covered": "봉인된 것에 속하지 않아 확인하지 않은 파일: {detail}.",
        "note_gaps": "카메라 {camera}: 스테이션 스스로 빈틈을 알렸습니다({detail}).",
        "note_dropped_packets": "카메라 {camera}: 스테이션이 저장하지 못한 화면이 있다고 "
        "스스로 알렸습니다({detail}).",
        "note_lost_packets": "카메라 {camera}: 스테이션으로 오는 네트워크에서 패킷을 잃었습니다({detail}). "
        "화면에 드러날 수 있습니다.",
        "note_stalls": "카메라 {camera}: 카메라가 한동안 화면을 보내지 않았습니다({detail}회).",
        "note_label_unreadable": "카메라 {camera}: 영상에서 송장을 읽을 수 없었습니다"
        "(화면 {detail}장에서 찾음).",
        "note_interrupted": "촬영이 보통처럼 끝나지 않았습니다: {detail}.",
    },
}
