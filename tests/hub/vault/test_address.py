import pytest

from packwitness.hub.vault.address import S3Address


def test_a_bucket_alone_is_amazons() -> None:
    assert S3Address.parse("s3://my.films") == S3Address("my.films")


def test_everything_may_be_said() -> None:
    url = (
        "s3://films/hub/one/?endpoint=http://10.0.0.5:8333/&public=https://store.example.com"
        "&region=eu-central-1&addressing=virtual"
    )
    assert S3Address.parse(url) == S3Address(
        bucket="films",
        prefix="hub/one/",
        endpoint="http://10.0.0.5:8333",
        public="https://store.example.com",
        region="eu-central-1",
        addressing="virtual",
    )


def test_a_store_of_ones_own_is_addressed_by_path() -> None:
    assert S3Address.parse("s3://films?endpoint=http://10.0.0.5:8333").addressing == "path"


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("s3:///films", "must read"),
        ("s3://key:secret@films", "credentials come from"),
        ("s3://films:9000/x", "must read"),
        ("s3://films/../x", "prefix"),
        ("s3://films/a b", "prefix"),
        ("s3://films/" + "a/" * 150, "200 characters"),
        ("s3://films?endpoint=10.0.0.5:8333", "endpoint"),
        ("s3://films?public=ftp://x", "public"),
        ("s3://films?regoin=x", "no option regoin"),
        ("s3://films?region=x&region=y", "twice"),
        ("s3://films?addressing=dns", "addressing"),
    ],
)
def test_what_cannot_be_meant_is_named(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        S3Address.parse(url)
