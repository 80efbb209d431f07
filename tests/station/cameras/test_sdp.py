"""What cameras say of themselves."""

from fractions import Fraction

import pytest

from packwitness.station.cameras.camera import NoVideo, WrongCodec
from packwitness.station.cameras.sdp import Video, read_sdp

BASE = "rtsp://10.0.0.4/live/main"
HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"


def read(media: str) -> Video:
    return read_sdp(HEAD + media.replace("\n", "\r\n"), base=BASE, place="The camera")


def test_h264_beside_sound() -> None:
    video = read(
        "m=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=control:trackID=2\n"
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=framerate:25.0\na=control:trackID=1\n"
        "a=fmtp:96 packetization-mode=1; profile-level-id=640028; sprop-parameter-sets=Z0IAHw==,aM48gA==\n"
    )
    assert video == Video(
        "h264",
        96,
        "rtsp://10.0.0.4/live/main/trackID=1",
        (b"\x67\x42\x00\x1f", b"\x68\xce\x3c\x80"),
        Fraction(25),
        BASE,
    )


def test_h265() -> None:
    video = read(
        "m=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\na=control:rtsp://10.0.0.4/other/track\n"
        "a=fmtp:98 sprop-vps=QAE=; sprop-sps=QgE=; sprop-pps=RAE=\n"
    )
    assert (video.codec, video.payload_type, video.control) == ("hevc", 98, "rtsp://10.0.0.4/other/track")
    assert video.sets == (b"\x40\x01", b"\x42\x01", b"\x44\x01")


def test_the_first_stream_that_we_can_take() -> None:
    video = read(
        "m=video 0 RTP/AVP 26\na=control:t1\nm=video 0 RTP/AVP 97 96\na=rtpmap:97 VP9/90000\n"
        "a=rtpmap:96 h264/90000\na=control:t2\n"
    )
    assert (video.payload_type, video.control) == (96, f"{BASE}/t2")


@pytest.mark.parametrize("fmtp", ["", "a=fmtp:96 sprop-parameter-sets=%%%,!\n", "a=fmtp:96\n"])
def test_parameter_sets_may_be_missing_or_damaged(fmtp: str) -> None:
    video = read(f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n{fmtp}a=framerate:often\n")
    assert (video.sets, video.frame_rate, video.control) == ((), None, BASE)


def test_padding_that_cameras_forget() -> None:
    video = read(
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=Z0IAHw,aM48gA\n"
    )
    assert video.sets == (b"\x67\x42\x00\x1f", b"\x68\xce\x3c\x80")


def test_no_picture_or_another_codec() -> None:
    for media in ("", "m=audio 0 RTP/AVP 8\na=rtpmap:8 PCMA/8000\n", "nonsense\n=\nm=\n"):
        with pytest.raises(NoVideo):
            read(media)
    with pytest.raises(WrongCodec, match="JPEG"):
        read("m=video 0 RTP/AVP 97\na=rtpmap:97 JPEG/90000\n")
    with pytest.raises(WrongCodec, match="payload type 26"):
        read("m=video 0 RTP/AVP 26\n")
