"""The verdict on a copy in a person's words, English or Korean."""

from packwitness.evidence.findings import say_finding
from packwitness.evidence.renditions import CopyVerdict
from packwitness.evidence.report import plain

SHOWN_FINDINGS: int = 30


def report(verdict: CopyVerdict, language: str) -> str:
    """Return the text that ``packwitness verify`` prints about a copy, ending in a newline."""
    words, told = _WORDS.get(language, _WORDS["en"]), verdict.rendition
    lines = [words["title"], ""]
    if verdict.findings:
        lines += [words["changed"]]
        lines += [f"    {plain(say_finding(one, language))}" for one in verdict.findings[:SHOWN_FINDINGS]]
    elif told:
        moment = f"{told.made_at:%Y-%m-%d %H:%M:%S} UTC"
        lines += [words["piece" if verdict.piece else "made"].format(moment=moment)]
        lines += [f"    {plain(told.encoder)}; {plain(told.settings)}"]
    if told:
        lines += [words["of"].format(take=told.take, camera=told.camera), f"    {told.original.sha256}"]
        lines += [
            words[{None: "original_unseen", True: "original_is", False: "original_is_not"}[verdict.original]]
        ]
    name = plain(verdict.key.organisation) or "?"
    lines += [words[f"key_{verdict.key.state}"].format(organisation=name)]
    lines += [f"    {text}" for text in (verdict.key.fingerprint, plain(verdict.key.reason)) if text]
    lines += ["", words[f"exit{verdict.exit_code}"]]
    return "\n".join(lines) + "\n"


_WORDS = {
    "en": {
        "title": "This is a copy for viewing. What is sealed, and proved, is its original.",
        "made": "COPY  Just as the hub made it at {moment}, by its own clock.",
        "piece": "COPY  A piece of what the hub made at {moment}, by its own clock; the piece is unchanged.",
        "changed": "COPY  CHANGED since the hub made it:",
        "of": "FROM  Take {take}, camera {camera}, from the film with this SHA-256:",
        "original_unseen": "    The original was not given (--original) and not compared.",
        "original_is": "    The film that you gave is that original. Check it with its own manifest.",
        "original_is_not": "    The film that you gave is ANOTHER one.",
        "key_trusted": "KEY   The hub's key is certified by {organisation}, whose fingerprint you gave.",
        "key_not_checked": "KEY   Not checked whose hub this is: anybody can make a key.",
        "key_foreign": "KEY   FOREIGN: the hub's key is not the organisation's.",
        "exit0": "Result: the copy is the hub's, and the hub is the one you trust.",
        "exit3": "Result: the copy is as it was made, but whose hub made it was not checked.",
        "exit1": "Result: do not rely on this copy.",
    },
    "ko": {
        "title": "보기용 변환본입니다. 봉인되고 증명되는 것은 원본입니다.",
        "made": "사본  허브가 {moment}(허브 시계 기준)에 만든 그대로입니다.",
        "piece": "사본  허브가 {moment}(허브 시계 기준)에 만든 사본의 일부이며, 이 부분은 바뀌지 않았습니다.",
        "changed": "사본  허브가 만든 뒤 바뀌었습니다:",
        "of": "원본  촬영 {take}, 카메라 {camera}, SHA-256이 다음과 같은 영상:",
        "original_unseen": "    원본을 주지 않아(--original) 비교하지 않았습니다.",
        "original_is": "    주신 영상이 바로 그 원본입니다. 원본은 매니페스트로 확인하십시오.",
        "original_is_not": "    주신 영상은 다른 영상입니다.",
        "key_trusted": "키    알려 주신 지문대로 {organisation}이(가) 인증한 허브의 키입니다.",
        "key_not_checked": "키    누구의 허브인지 확인하지 않았습니다. 키는 누구나 만들 수 있습니다.",
        "key_foreign": "키    다른 키: 그 조직의 허브 키가 아닙니다.",
        "exit0": "결과: 믿는다고 하신 허브가 만든 사본 그대로입니다.",
        "exit3": "결과: 만들어진 그대로이나, 누구의 허브인지는 확인하지 않았습니다.",
        "exit1": "결과: 이 사본을 믿지 마십시오.",
    },
}
