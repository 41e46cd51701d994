"""The index proxy: it passes on what the indexes have, and gives away neither credentials nor a way elsewhere."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster.certificates import Authority
from tests.installer.workbench import Inputs, index_proxy
from tests.packages.index import PackageIndex, basic, write_index

USER = ("somebody", "a-secret-word")
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
WHEEL = "demo_plain-2.0-py3-none-any.whl"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "username").write_text(USER[0])
    (folder / "password").write_text(USER[1])
    return folder


@pytest.fixture
def proxy(index: PackageIndex, secret: Path, tmp_path: Path) -> Iterator[str]:
    index.user = USER
    build = Inputs(tmp_path / "root", indexes=(index.simple,)).write(tmp_path / "in")
    with index_proxy(build, secret) as url:
        yield url


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def link(proxy: str, name: str, project: str = "demo-plain") -> str:
    files = json.loads(get(f"{proxy}/index/0/simple/{project}/", Accept=JSON_TYPE)[2])["files"]
    return proxy + next(file["url"] for file in files if file["filename"] == name)


def test_pages_keep_digests_versions_and_metadata_and_lead_back_to_the_proxy(proxy: str, index: PackageIndex):
    status, headers, body = get(f"{proxy}/index/0/simple/demo-plain/", Accept=JSON_TYPE)

    files = {file["filename"]: file for file in json.loads(body)["files"]}
    file = files[WHEEL]
    assert (status, headers["Content-Type"].split(";")[0]) == (200, JSON_TYPE)
    assert len(file["hashes"]["sha256"]) == 64
    assert file["requires-python"] == ">=3.8"
    assert set(file["core-metadata"]) == {"sha256"}
    assert file["url"].startswith("/index/0/file/")
    assert index.url.encode() not in body


def test_pages_for_an_interpreter_leave_out_what_cannot_fit_it(proxy: str, index: PackageIndex):
    page = index.folder / "simple" / "demo-plain" / "index.html"
    elsewhere = "demo_plain-3.0-cp313-cp313-win_amd64.whl"
    page.write_text(page.read_text().replace("</body>", f'<a href="../../files/{elsewhere}">x</a></body>'))

    def names(prefix: str) -> set[str]:
        data = json.loads(get(f"{proxy}{prefix}/index/0/simple/demo-plain/", Accept=JSON_TYPE)[2])
        return {file["filename"] for file in data["files"]}

    assert names("") - names("/for/313") == {elsewhere}
    assert WHEEL in names("/for/313")


def test_files_and_their_metadata_are_passed_on(proxy: str, index: PackageIndex):
    address = link(proxy, WHEEL)

    assert get(address)[2] == (index.folder / "files" / WHEEL).read_bytes()
    assert get(f"{address}.metadata")[2].startswith(b"Metadata-Version")
    assert "max-age" in get(address)[1]["Cache-Control"]


def test_a_page_in_html_is_for_who_wants_one(proxy: str):
    status, headers, body = get(f"{proxy}/index/0/simple/demo-plain/", Accept="text/html")

    assert status == 200
    assert "html" in headers["Content-Type"]
    assert b"data-core-metadata" in body
    assert b"#sha256=" in body


def test_the_index_gets_its_credentials_and_redirects_elsewhere_do_not(
    proxy: str, index: PackageIndex, files: list[Path], tmp_path: Path
):
    other = write_index(files, tmp_path / "elsewhere")
    with PackageIndex(other).served() as elsewhere:
        index.redirects["/files/"] = elsewhere.url
        body = get(link(proxy, WHEEL))[2]

    assert body == (other / "files" / WHEEL).read_bytes()
    assert {given for _, given in index.requests} == {basic(*USER)}
    assert [given for _, given in elsewhere.requests] == [None]


def test_links_of_a_page_to_another_host_get_no_credentials(
    proxy: str, index: PackageIndex, files: list[Path], tmp_path: Path
):
    with PackageIndex(write_index(files, tmp_path / "elsewhere")).served() as elsewhere:
        page = index.folder / "simple" / "demo-plain" / "index.html"
        page.write_text(f'<a href="{elsewhere.url}/files/{WHEEL}">{WHEEL}</a>')
        assert get(link(proxy, WHEEL))[0] == 200

    assert [given for _, given in elsewhere.requests] == [None]


def test_a_second_index_does_not_learn_the_credentials_of_the_first(
    index: PackageIndex, secret: Path, files: list[Path], tmp_path: Path
):
    with PackageIndex(write_index(files, tmp_path / "other")).served() as public:
        build = Inputs(tmp_path / "root", indexes=(index.simple, public.simple)).write(tmp_path / "in")
        with index_proxy(build, secret) as url:
            assert get(f"{url}/index/0/simple/demo-plain/")[0] == 200
            assert get(f"{url}/index/1/simple/demo-plain/")[0] == 200

    assert [given for _, given in index.requests] == [basic(*USER)]
    assert [given for _, given in public.requests] == [None]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "unauthorized"), (403, "unauthorized"), (500, "unreachable"), (429, "unreachable")]
)
def test_what_goes_wrong_is_told_apart(status: int, kind: str, proxy: str, index: PackageIndex):
    index.statuses["/simple/demo-plain"] = status

    code, headers, body = get(f"{proxy}/index/0/simple/demo-plain/")
    (error,) = json.loads(get(f"{proxy}/status")[2])["errors"]

    assert (code, headers["X-Llamastack-Index-Error"]) == (424, kind)
    assert (error["index"], error["kind"], error["status"]) == ("index/0", kind, status)
    assert index.url in error["message"]
    assert USER[1].encode() not in body + json.dumps(error).encode()


def test_what_is_absent_is_no_fault_and_what_came_right_is_forgotten(proxy: str, index: PackageIndex):
    index.statuses["/simple/demo-plain"] = 503
    assert get(f"{proxy}/index/0/simple/demo-plain/")[0] == 424
    assert get(f"{proxy}/index/0/simple/demo-absent/")[0] == 404
    index.statuses.clear()
    assert get(f"{proxy}/index/0/simple/demo-plain/")[0] == 200

    assert json.loads(get(f"{proxy}/status")[2]) == {"errors": []}


def test_an_index_that_recovers_at_the_second_try_is_not_noticed(index: PackageIndex, tmp_path: Path):
    build = Inputs(tmp_path / "root", indexes=(index.simple,)).write(tmp_path / "in")
    with index_proxy(build) as url:
        index.passing["/simple/demo-plain"] = 1
        assert get(f"{url}/index/0/simple/demo-plain/")[0] == 200

    assert len(index.requests) == 2


def test_a_file_that_breaks_off_is_seen_to_break_off(proxy: str, index: PackageIndex):
    """A proxy that ended the answer in order would pass half a file off as a whole one."""
    address = link(proxy, WHEEL)
    index.breaks[f"/files/{WHEEL}"] = 1

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        get(address)
    assert get(address)[0] == 200


def test_an_untrusted_certificate_is_told_apart(files: list[Path], tmp_path: Path):
    certificate = Authority(tmp_path / "ca").issue("index", names=["127.0.0.1"])
    with PackageIndex(write_index(files, tmp_path / "index")).served(certificate) as index:
        build = Inputs(tmp_path / "root", indexes=(index.simple,)).write(tmp_path / "in")
        with index_proxy(build) as url:
            assert get(f"{url}/index/0/simple/demo-plain/")[1]["X-Llamastack-Index-Error"] == "certificate"


def test_a_login_page_instead_of_an_index_is_no_empty_index(proxy: str, index: PackageIndex):
    index.types["/simple/demo-plain"] = "text/plain"

    assert get(f"{proxy}/index/0/simple/demo-plain/")[0] == 424


# --- attacks: the container beside it may run anybody's code -------------------------------------------------

_SEGMENTS = (
    *("index", "named", "0", "1", "-1", "simple", "file", "status", "demo-plain", "..", ".", "%2e%2e", "%2F", ""),
    *("http:", "127.0.0.1", "credentials", "username", "etc", "passwd", "@evil.example", "a" * 32, WHEEL),
)
_HEADERS = ("Authorization", "Host", "X-Forwarded-Host", "Range", "Accept", "Cookie", "Origin", "Location")
_VALUES = ("evil.example", "Basic YTpi", "bytes=0-10", "text/html", "http://evil.example/", "*/*", JSON_TYPE)
_segments = st.sampled_from(_SEGMENTS) | st.text(alphabet="abc%.-_/\\?#:@0", max_size=12)
_headers = st.dictionaries(st.sampled_from(_HEADERS), st.sampled_from(_VALUES), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_segments, max_size=7), _headers, st.sampled_from(["GET", "HEAD", "POST", "CONNECT", "OPTIONS"]))
def test_no_request_gets_a_credential_out_of_it(
    proxy: str, index: PackageIndex, segments: list[str], headers: dict[str, str], method: str
):
    """Whatever is asked: no credential comes back, none of the asker's headers goes out, nothing else is asked."""
    index.requests.clear()
    target = "/" + "/".join(segments).replace(" ", "").replace("\x00", "")
    connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=30)
    connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
    for name, text in headers.items():
        connection.putheader(name, text)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    received = str(answer.headers).encode() + body
    for word in (USER[1], basic(*USER), basic(*USER).split()[1]):
        assert word.encode() not in received
    for path, given_header in index.requests:
        assert path.startswith("/simple/")
        assert ".." not in path
        assert given_header == basic(*USER)


@pytest.mark.parametrize(
    "path",
    [
        f"/index/0/file/{'a' * 32}/{WHEEL}",
        f"/index/0/file/x/..%2f..%2f{WHEEL}",
        "/index/0/simple/..%2f..%2ffiles/",
        "/index/0/simple/../../../status/",
        "/index/1/simple/demo-plain/",
        "/named/x/simple/demo-plain/",
        "/http://127.0.0.1:9/",
    ],
)
def test_it_fetches_nothing_that_no_page_has_named(path: str, proxy: str, index: PackageIndex):
    assert get(proxy + path)[0] in (400, 404)
    assert index.requests == []


def test_a_token_is_for_the_file_that_it_was_made_for(proxy: str, index: PackageIndex):
    address = link(proxy, WHEEL)
    index.requests.clear()

    assert get(address.replace(WHEEL, "demo_single-1.0-py3-none-any.whl"))[0] == 404
    assert get(address.replace("/index/0/", "/index/1/"))[0] == 404
    assert get(f"{address}.metadata.metadata")[0] == 404
    assert index.requests == []


def test_it_can_be_asked_by_the_absolute_form_for_nothing_else(proxy: str, index: PackageIndex):
    """A client that takes it for an HTTP proxy gets an answer about a path of its own, not another host's page."""
    connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=30)
    connection.request("GET", f"{index.url}/files/{WHEEL}")
    status = connection.getresponse().status
    connection.close()

    assert status == 404
    assert index.requests == []
