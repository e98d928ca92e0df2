"""`precompile view` and `inspect --html`: what is served, to whom, and what a page holds."""

import html
import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from precompile_context.bundle import Bundle
from precompile_context.bundle.source import BufferSource
from precompile_context.cli.page import embedded, page
from precompile_context.cli.view import Server, leading_to
from precompile_context.trust import UNSIGNED

VECTORS = Path(__file__).parents[2] / "conformance_tests" / "vectors" / "v1.0"
HELLO = (VECTORS / "SPEC" / "hello" / "input.precompile").read_bytes()
NAME = "a b#.precompile"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(BufferSource(HELLO), NAME)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def _get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def test_the_address_serves_the_page_and_the_bundle_by_ranges(server: Server) -> None:
    assert _get(server, f"/{server.word}/")[2] == page().encode()
    bundle = f"/{server.word}/{server.name}"
    assert _get(server, bundle)[2] == HELLO
    status, headers, body = _get(server, bundle, Range="bytes=250-900")
    assert (status, body) == (206, HELLO[250:])
    assert headers["content-range"] == f"bytes 250-{len(HELLO) - 1}/{len(HELLO)}"
    assert _get(server, bundle, Range=f"bytes={len(HELLO)}-{len(HELLO)}")[0] == 416


def test_who_does_not_know_the_word_gets_nothing(server: Server) -> None:
    assert _get(server, "/")[0] == 404
    assert _get(server, f"/x/{server.name}")[0] == 404


def test_the_word_is_in_no_argument_of_the_browsers(server: Server, tmp_path: Path) -> None:
    address = leading_to(server, tmp_path)
    assert server.word not in address
    page = Path(url2pathname(urlsplit(address).path)).read_text()
    assert html.unescape(page).count(server.address) == 1


def test_a_foreign_name_for_this_machine_gets_nothing(server: Server) -> None:
    assert _get(server, f"/{server.word}/", Host="attacker.example")[0] == 403


def test_a_browser_that_goes_away_is_not_told(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    for fault in (ConnectionResetError(), BrokenPipeError(), OSError("the disk")):
        try:
            raise fault
        except OSError:
            server.handle_error(None, ("127.0.0.1", 1))
    err = capsys.readouterr().err
    assert err.count("Traceback") == 1
    assert "the disk" in err


def test_the_page_runs_nothing_but_its_own_script() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page())
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert "unsafe-eval'" not in policy[1].replace("'wasm-unsafe-eval'", "")


@pytest.mark.parametrize("full", [False, True], ids=["index", "full"])
def test_a_page_with_a_bundle_holds_its_content_only_where_that_was_asked_for(full: bool) -> None:
    blocks = (VECTORS / "SPEC" / "blocks" / "input.precompile").read_bytes()
    bundle = Bundle.open(blocks, policy=UNSIGNED)
    text = embedded("</script><b>", bundle, full=full)
    assert "</script><b>" not in text
    data = re.search(r'id="embedded">(.*?)</script>', text)
    assert data is not None
    told = json.loads(data[1])
    assert (told["name"], told["size"]) == ("</script><b>", len(blocks))
    assert (len(told["parts"]) == 1) is full
