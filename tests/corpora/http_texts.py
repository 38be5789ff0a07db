"""HTTP requests that are none, or hardly: whole requests in bytes, and paths, by name.

`{path}` stands for the path of the ingest route, `{key}` for a key that may send there, `{event}` for an
event of 100 bytes. Expected is a set of statuses; every answer is an error.
"""

from __future__ import annotations

from collections.abc import Mapping

_HEAD = b"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
_TYPE = b"Content-Type: application/cloudevents+json\r\n"
_TO_EVENT = _HEAD + _TYPE + b"Content-Length: 100\r\n"

REQUESTS: Mapping[str, tuple[bytes, set[int]]] = {
    # What is not HTTP, or of another version.
    "rubbish": (b"\x00\x01\x02\x03\r\n\r\n", {400}),
    "handshake of TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\r\n\r\n", {400}),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", {400, 505}),
    "HTTP/2.0": (b"GET /healthz HTTP/2.0\r\nHost: gateway\r\n\r\n", {400, 505}),
    "HTTP/9.9": (b"GET /healthz HTTP/9.9\r\nHost: gateway\r\n\r\n", {400, 505}),
    "HTTP without a number": (b"GET /healthz HTTP/\r\nHost: gateway\r\n\r\n", {400}),
    "another protocol": (b"OPTIONS rtsp://gateway/ RTSP/1.0\r\n\r\n", {400, 404, 405, 505}),
    "greeting of mail": (b"EHLO gateway\r\n\r\n", {400}),
    "answer": (b"HTTP/1.1 200 OK\r\n\r\n", {400}),
    # The request line.
    "no path": (b"GET  HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404}),
    "two spaces": (b"GET  /nothing  HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404}),
    "tab for space": (b"GET\t/healthz\tHTTP/1.1\r\nHost: gateway\r\n\r\n", {400}),
    "space in the path": (b"GET /health z HTTP/1.1\r\nHost: gateway\r\n\r\n", {400}),
    "control character in the path": (b"GET /a\x01b HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404}),
    "raw bytes in the path": (b"GET /\xff\xfe HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404}),
    "method in small letters": (b"get /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 405}),
    "method that is none": (b"BREW /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 405}),
    "method of a thousand letters": (
        b"A" * 1_000 + b" /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n",
        {400, 405},
    ),
    "method with a slash": (b"GE/T /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", {400}),
    "CONNECT": (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", {400, 404, 405}),
    "CONNECT to a path": (b"CONNECT /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404, 405}),
    "TRACE": (b"TRACE {path} HTTP/1.1\r\nHost: gateway\r\n\r\n", {405}),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404, 405}),
    "asterisk to read": (b"GET * HTTP/1.1\r\nHost: gateway\r\n\r\n", {400, 404}),
    "URL of another host": (b"GET http://example.com/nothing HTTP/1.1\r\nHost: a\r\n\r\n", {400, 404}),
    "URL that is none": (b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", {400, 404}),
    "URL with a wrong port": (b"GET http://a:99999999/ HTTP/1.1\r\nHost: a\r\n\r\n", {400, 404}),
    "URL of another scheme": (b"GET gopher://a/ HTTP/1.1\r\nHost: a\r\n\r\n", {400, 404}),
    "a hundred kilobytes of path": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {414}),
    "a hundred kilobytes of query": (
        b"POST {path}?a=" + b"b" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        {414},
    ),
    # Headers.
    "no host": (b"GET /nothing HTTP/1.1\r\n\r\n", {400, 404}),
    "two hosts": (b"GET /nothing HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400, 404}),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: gateway\n\n\r\n\r\n", {400}),
    "bare carriage return": (b"GET /healthz HTTP/1.1\rHost: gateway\r\n\r\n", {400}),
    "space before the colon": (_HEAD + b"X-A : b\r\n\r\n", {400}),
    "no colon": (_HEAD + b"nothing\r\n\r\n", {400}),
    "no name": (_HEAD + b": b\r\n\r\n", {400}),
    "folded line": (_HEAD + b"X-A: b\r\n c\r\n\r\n", {400}),
    "NUL in a value": (_HEAD + b"X-A: b\x00c\r\n\r\n", {400}),
    "NUL in a name": (_HEAD + b"X\x00A: b\r\n\r\n", {400}),
    "raw bytes in a name": (_HEAD + b"X\xffA: b\r\n\r\n", {400}),
    "bracket in a name": (_HEAD + b"X(A): b\r\n\r\n", {400}),
    "two hundred headers": (_HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", {400, 431}),
    "ten thousand headers": (_HEAD + b"X: a\r\n" * 10_000 + b"\r\n", {400, 431}),
    "header of three hundred kilobytes": (_HEAD + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n", {431}),
    "name of three hundred kilobytes": (_HEAD + b"X" * 300_000 + b": a\r\n\r\n", {400, 431}),
    "headers of three hundred kilobytes": (
        _HEAD + b"X-A: aaaaaaaaaaaaaaaaaaaa\r\n" * 12_000 + b"\r\n",
        {400, 431},
    ),
    "expectation that is none": (_TO_EVENT + b"Expect: a-wonder\r\n\r\n{event}", {417}),
    "upgrade": (_HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", {400, 401}),
    # Framing.
    "two lengths": (_TO_EVENT + b"Content-Length: 99\r\n\r\n{event}", {400}),
    "the same length twice": (_TO_EVENT + b"Content-Length: 100\r\n\r\n{event}", {400}),
    "length and chunks": (_TO_EVENT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "length below zero": (_HEAD + _TYPE + b"Content-Length: -1\r\n\r\n", {400}),
    "length with a plus": (_HEAD + _TYPE + b"Content-Length: +100\r\n\r\n{event}", {400}),
    "length in words": (_HEAD + _TYPE + b"Content-Length: ten\r\n\r\n", {400}),
    "length in two parts": (_HEAD + _TYPE + b"Content-Length: 1 00\r\n\r\n{event}", {400}),
    "length of a hundred digits": (
        _HEAD + _TYPE + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n",
        {400, 413},
    ),
    "length of a terabyte": (_HEAD + _TYPE + b"Content-Length: 1099511627776\r\n\r\n", {413}),
    "coding that is none": (_HEAD + _TYPE + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400}),
    "coding twice": (_HEAD + _TYPE + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400}),
    "coding compressed": (_HEAD + _TYPE + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400}),
    "coding in HTTP/1.0": (
        b"POST {path} HTTP/1.0\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
    "chunk without a size": (_HEAD + _TYPE + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", {400}),
    "chunk below zero": (_HEAD + _TYPE + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", {400}),
    "chunk of too many digits": (
        _HEAD + _TYPE + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n",
        {400},
    ),
    "chunk longer than said": (
        _HEAD + _TYPE + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        {400},
    ),
    "chunk with a long extension": (
        _HEAD + _TYPE + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 100_000 + b"\r\na\r\n0\r\n\r\n",
        {400},
    ),
    # Credentials.
    "no key": (b"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", {401}),
    "empty key": (b"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \r\n\r\n", {401}),
    "key of another scheme": (
        b"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {key}\r\n\r\n",
        {401},
    ),
    "key in raw bytes": (
        b"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\xfe\x80\r\n\r\n",
        {401},
    ),
    "key of sixty kilobytes": (
        b"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + b"k" * 60_000 + b"\r\n\r\n",
        {401},
    ),
    "two keys": (_HEAD + b"Authorization: Bearer nothing\r\n\r\n", {400, 401}),
}

PATHS: Mapping[str, str] = {
    "root": "/",
    "nothing": "/nothing",
    "two slashes first": "//v1/instances/default/topics",
    "slash last": "/v1/instances/default/topics/",
    "slashes": "/v1//instances///default/topics",
    "upwards": "/v1/instances/default/../../../etc/passwd",
    "upwards, encoded": "/v1/instances/%2e%2e/%2e%2e/etc/passwd",
    "upwards, encoded with its slash": "/v1/instances/..%2f..%2fetc%2fpasswd/topics",
    "upwards, encoded twice": "/v1/instances/%252e%252e%252f/topics",
    "upwards, of Windows": "/v1/instances/..%5c..%5cwindows/topics",
    "upwards behind a parameter": "/v1/instances/default/topics/..;/..;/keys",
    "NUL": "/v1/instances/default%00/topics",
    "NUL in an id": "/v1/instances/default/topics/%00",
    "line break": "/v1/instances/default/topics/a%0d%0aX-Injected:%20yes",
    "not UTF-8": "/v1/instances/%ff%fe/topics",
    "overlong": "/v1/instances/default/topics/%c0%ae%c0%ae%c0%af",
    "surrogate": "/v1/instances/default/topics/%ed%a0%80",
    "escape cut short": "/v1/instances/default/topics/%",
    "escape that is none": "/v1/instances/default/topics/%zz",
    "letters encoded": "/%76%31/instances/nobody/%74opics",
    "in capitals": "/V1/INSTANCES/default/TOPICS",
    "instance of nobody": "/v1/instances/nobody/topics",
    "instance of many letters": "/v1/instances/" + "a" * 8_000 + "/topics",
    "id of many letters": "/v1/instances/default/topics/" + "a" * 8_000,
    "prefix twice": "/event-notifications/event-notifications/v1/instances/default/topics",
    "prefix before what is ours": "/event-notifications/v1/instances/default/schemas",
    "prefix alone": "/event-notifications/",
    "file of the repository": "/.git/config",
    "file of the gateway": "/data/tocsin.db",
    "variable": "/v1/instances/{instance_id}/topics",
    "braces": "/v1/instances/default/topics/{id}",
    "dot": "/v1/instances/default/topics/.",
    "question in the path": "/v1/instances/default/topics/%3fa=b",
    "fragment in the path": "/v1/instances/default/topics/%23a",
}
