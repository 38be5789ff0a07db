"""The gateway's own HTTP/1.1 client: small, complete for what a sender of notifications needs, and wary.

    http.py         the client: one request, one answer, one timeout
    request.py      a request as bytes; nothing that could break the framing gets in
    answer.py       bytes as an answer, within limits
    connection.py   one connection: one exchange at a time
    pool.py         connections kept alive, by origin
    tls.py          certificates are always verified
    sockets.py      the egress guard as the rest of the gateway and the adapters see it
    limits.py       every bound

It follows no redirects, keeps no cookies, decompresses nothing, reads no proxy settings and never
retries: what a failure means is for the pipeline to decide.
"""
