import asyncio

import pytest

from packwitness.station.app.live import BACKLOG, GROUP_BYTES, LivePicture
from packwitness.station.recorder.messages import Frame

pytestmark = pytest.mark.anyio


def init(name: bytes) -> Frame:
    return Frame("overhead", name, True, False, "avc1.64001f", 0)


def fragment(name: bytes, *, key: bool = False) -> Frame:
    return Frame("overhead", name, False, key, "avc1.64001f", 0)


async def take(stream: object, count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(stream), 1) for _ in range(count)]  # type: ignore[call-overload]  # an iterator


async def test_pictures_are_asked_for_while_somebody_watches() -> None:
    asked: list[bool] = []
    picture = LivePicture(asked.append)
    first, second = picture.watch(), picture.watch()
    waiting = asyncio.create_task(take(first, 3))
    await asyncio.sleep(0)
    assert asked == [True]
    for frame in (init(b"i"), fragment(b"k", key=True), fragment(b"p")):
        picture.push(frame)
    assert await waiting == [b"i", b"k", b"p"]

    picture.push(fragment(b"K", key=True))
    picture.push(fragment(b"q"))
    assert await take(second, 3) == [b"i", b"K", b"q"], "who comes later begins at the last keyframe"
    await first.aclose()  # type: ignore[attr-defined]  # an async generator
    assert asked == [True]
    await second.aclose()  # type: ignore[attr-defined]
    assert asked == [True, False]


async def test_a_lost_camera_ends_the_picture() -> None:
    picture = LivePicture(lambda on: None)
    stream = picture.watch()
    waiting = asyncio.create_task(take(stream, 1))
    await asyncio.sleep(0)
    picture.push(init(b"i"))
    await waiting
    picture.lost()

    assert [piece async for piece in stream] == []


async def test_who_is_slow_is_taken_to_a_keyframe_not_fed_a_backlog() -> None:
    picture = LivePicture(lambda on: None)
    stream = picture.watch()
    waiting = asyncio.create_task(take(stream, 2))
    await asyncio.sleep(0)
    picture.push(init(b"i"))
    picture.push(fragment(b"k", key=True))
    await waiting
    for _ in range(2 * BACKLOG):
        picture.push(fragment(b"p"))
    old = await take(stream, BACKLOG + 1)
    assert set(old) == {b"p"}
    picture.push(fragment(b"lost"))
    picture.push(fragment(b"K", key=True))

    assert await take(stream, 1) == [b"K"]


async def test_a_camera_without_keyframes_fills_no_memory() -> None:
    picture = LivePicture(lambda on: None)
    first = picture.watch()
    waiting = asyncio.create_task(take(first, 2))
    await asyncio.sleep(0)
    picture.push(init(b"i"))
    picture.push(fragment(b"k", key=True))
    await waiting
    for _ in range(20):
        picture.push(fragment(bytes(GROUP_BYTES // 16)))
    second = picture.watch()
    waiting = asyncio.create_task(take(second, 2))
    await asyncio.sleep(0)
    picture.push(fragment(b"p"))
    picture.push(fragment(b"K", key=True))

    assert await waiting == [b"i", b"K"], "who comes now begins at the next keyframe"
    assert sum(map(len, picture._group)) == 1
