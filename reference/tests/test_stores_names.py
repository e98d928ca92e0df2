"""Names of stores, and each wrong one with its sentence."""

import pytest

from precompile_context import MisuseError
from precompile_context.stores import StoreName, is_store_name


@pytest.mark.parametrize(
    ("text", "scheme", "place", "path", "is_object"),
    [
        ("s3://bucket/team/train/", "s3", "bucket", "team/train", False),
        ("s3://bucket", "s3", "bucket", "", False),
        ("S3://bucket/a", "s3", "bucket", "a", False),
        ("s3://bucket/a.precompile", "s3", "bucket", "a.precompile", True),
        ("gs://bucket/a%20b/", "gs", "bucket", "a b", False),
        ("az://container/a", "az", "container", "a", False),
        ("https://host:8443/a/b", "https", "host:8443", "a/b", True),
        ("http://127.0.0.1:80/b.precompile", "http", "127.0.0.1:80", "b.precompile", True),
        ("oci://host:5000/team/x:v3", "oci", "host:5000", "team/x:v3", False),
        (f"oci://host/x:v3@sha256:{64 * 'a'}", "oci", "host", f"x:v3@sha256:{64 * 'a'}", True),
        ("reapi://host:9092/team/a/train", "reapi", "host:9092", "team/a/train", False),
        ("reapi://host:9092/train?tls=false", "reapi", "host:9092", "train", False),
        ("file:/srv/store", "file", "", "/srv/store", False),
        ("file:///srv/store/", "file", "", "/srv/store", False),
    ],
)
def test_a_name_says_kind_place_and_path(
    text: str, scheme: str, place: str, path: str, is_object: bool
) -> None:
    name = StoreName.parse(text)
    assert (name.scheme, name.place, name.path) == (scheme, place, path)
    assert name.is_object == is_object


def test_a_query_says_what_is_left() -> None:
    name = StoreName.parse("s3://b/p?endpoint=http://127.0.0.1:5000&region=eu-west-1")
    assert name.options == {"endpoint": "http://127.0.0.1:5000", "region": "eu-west-1"}
    assert str(name) == "s3://b/p"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ftp://host/x", "no store is known by 'ftp'"),
        ("s3:/bucket/x", "the two slashes are missing"),
        ("s3:///x", "lacks the bucket"),
        ("https:///x", "lacks the host"),
        ("s3://user:hunter2@bucket/x", "no user and no password"),
        ("s3://bucket/x#part", "no part behind a #"),
        ("s3://bucket/a/../b", "none that is . or .."),
        ("s3://bucket/a//b", "no empty part"),
        ("s3://bucket/%0a", "one line of printable characters"),
        ("s3://bucket/x\n", "one line of printable characters"),
        ("s3://bucket/x?secret_access_key=hunter2", "does not belong in a store's name"),
        ("s3://bucket/x?X-Amz-Signature=hunter2", "does not belong in a store's name"),
        ("s3://bucket/x?colour=red", "takes no 'colour'"),
        ("s3://bucket/x?region=a&region=b", "once, with a value"),
        ("s3://bucket/x?region=", "once, with a value"),
        ("s3://bucket/x?anonymous=yes", "true or false"),
        ("s3://bucket/x?path_style=False", "true or false"),
        ("s3://bucket/x?endpoint=http://someone:hunter2@host/", "is http://HOST:PORT"),
        ("gs://bucket/x?endpoint=https://host/?sig=hunter2", "is http://HOST:PORT"),
        ("az://bucket/x?account=a&endpoint=https://host/%23hunter2", "is http://HOST:PORT"),
        ("s3://bucket/x?endpoint=host:9000", "is http://HOST:PORT"),
        ("s3://bucket/x?endpoint=http://[host/", "is http://HOST:PORT"),
        ("s3://[bucket/x", "cannot be read"),
        ("https://host:port/x", "cannot be read"),
        ("http://elsewhere/x.precompile", "use https://"),
        ("https://host/x?token=hunter2", "has no query"),
        ("https://host/", "that of one bundle"),
        ("oci:///team/x:v3", "lacks the host"),
        ("oci://host/team/x", "lacks the tag"),
        ("oci://host/Team/x:v3", "lower-case letters"),
        ("oci://host/x:-v3", "at most 63 letters"),
        (f"oci://host/x:{64 * 'v'}", "at most 63 letters"),
        ("oci://host/x@sha256:12", "64 hex digits"),
        ("oci://someone:hunter2@host/x:v3", "no user and no password"),
        ("oci://host/x:v3?password=hunter2", "has no query"),
        ("reapi:///train", "lacks the host"),
        ("reapi://host/train", "lacks the port"),
        ("reapi://host:9092/", "the last part of a name"),
        ("reapi://host:9092/team/a b", "the last part of a name"),
        ("reapi://host:9092/team/blobs/train", "'blobs' cannot be part"),
        ("reapi://host:9092/train?tls=yes", "true or false"),
        ("reapi://host:9092/train?token=hunter2", "does not belong in a store's name"),
        ("reapi://someone:hunter2@host:9092/train", "no user and no password"),
        ("file:", "lacks the folder"),
        ("file://elsewhere/x", "a folder of this machine"),
        ("file:/x.precompile", "named by its path"),
    ],
)
def test_each_wrong_name_has_its_sentence(text: str, sentence: str) -> None:
    assert is_store_name(text)
    with pytest.raises(MisuseError, match="(?i)" + sentence.replace(".", r"\.")) as caught:
        StoreName.parse(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["train.precompile", "/a/b", "a:b", "C:\\x", "", "./s3://x", "s3", None]
)
def test_paths_are_no_names_of_stores(path: object) -> None:
    assert not is_store_name(path)
