"""Pages of package indexes, read in both of their forms and written with other links."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_operator.images.index.pages import (
    HTML_TYPE,
    JSON_TYPE,
    IndexFile,
    PageError,
    parse_page,
    render_html,
    render_json,
)

DIGEST = "a" * 64
PAGE = f"""<!DOCTYPE html><html><head><base href="/root/simple/demo/"></head><body>
<a href="../../files/demo-1.0-py3-none-any.whl#sha256={DIGEST}" data-requires-python="&gt;=3.12"
   data-core-metadata="sha256={DIGEST}">demo-1.0-py3-none-any.whl</a>
<a href="https://files.example/demo-0.9.tar.gz?signature=x" data-yanked="broken">demo-0.9.tar.gz</a>
<a href="demo-0.8.tar.gz" data-yanked data-dist-info-metadata="false">demo-0.8.tar.gz</a>
<a href="ftp://files.example/demo-0.7.tar.gz">no</a> <a href="https://[::1/x.whl">no</a> <a>no</a>
<a href="../other/">a folder</a>
</body></html>"""


def test_a_page_in_html_gives_its_files():
    files = parse_page(PAGE, "text/html; charset=utf-8", "https://index.example/simple/demo/")

    assert files == [
        IndexFile(
            "demo-1.0-py3-none-any.whl",
            "https://index.example/root/files/demo-1.0-py3-none-any.whl",
            {"sha256": DIGEST},
            ">=3.12",
            False,
            {"sha256": DIGEST},
        ),
        IndexFile("demo-0.9.tar.gz", "https://files.example/demo-0.9.tar.gz?signature=x", {}, None, "broken"),
        IndexFile("demo-0.8.tar.gz", "https://index.example/root/simple/demo/demo-0.8.tar.gz", {}, None, True),
    ]


def test_a_page_in_json_gives_the_same_files():
    written = render_json("demo", parse_page(PAGE, "text/html", "https://index.example/simple/demo/"), lambda f: f.url)

    assert parse_page(written, JSON_TYPE, "https://other.example/") == parse_page(
        PAGE, "text/html", "https://index.example/simple/demo/"
    )


_files = st.lists(
    st.builds(
        IndexFile,
        filename=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True),
        url=st.just("https://files.example/x"),
        hashes=st.sampled_from([{}, {"sha256": DIGEST}]),
        requires_python=st.sampled_from([None, ">=3.12", "<4,>3"]),
        yanked=st.one_of(st.booleans(), st.text(alphabet="ab <>&\"'", min_size=1, max_size=8)),
        metadata=st.sampled_from([False, True, {"sha256": DIGEST}]),
    ),
    max_size=5,
)


@given(_files)
def test_what_is_written_reads_the_same_in_both_forms(files: list[IndexFile]):
    def link(file: IndexFile) -> str:
        return f"https://files.example/{file.filename}"

    expected = [IndexFile(f.filename, link(f), f.hashes, f.requires_python, f.yanked, f.metadata) for f in files]

    assert parse_page(render_json("demo", files, link), JSON_TYPE, "https://x/") == expected
    assert parse_page(render_html("demo", files, link), HTML_TYPE, "https://x/") == expected


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ("{}", JSON_TYPE),
        ("[]", "application/json"),
        ('{"files": [1]}', JSON_TYPE),
        ("[" * 100_000, JSON_TYPE),
        ("a login page", "text/plain"),
        ("", ""),
    ],
)
def test_what_is_no_page_is_an_error(body: str, media: str):
    with pytest.raises(PageError):
        parse_page(body, media, "https://index.example/simple/demo/")


@given(st.text(max_size=300))
def test_any_text_is_a_page_without_files_or_with_safe_ones(body: str):
    for file in parse_page(f"<a href='{body}'>x</a>{body}", "text/html", "https://index.example/"):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!~-]*", file.filename)
        assert file.url.startswith(("http://", "https://"))


def test_names_that_would_leave_their_folder_are_left_out():
    names = ["../x.whl", "a/b.whl", ".hidden", "", "ok-1.whl", "x\n.whl"]
    body = json.dumps({"files": [{"filename": name, "url": "x.whl"} for name in names]})

    assert [file.filename for file in parse_page(body, JSON_TYPE, "https://index.example/")] == ["ok-1.whl"]
