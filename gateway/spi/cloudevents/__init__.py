"""The wire codec of CloudEvents 1.0 over HTTP: strict on the way in, exact on the way out.

    decode      a message in any of the three content modes -> events; `structured`, `batch` and `binary`
                read one mode each, all of them on top of `json_text`
    encode      events -> messages: structured, batch, binary
    payload     the data of an event as a value
    meaning     what a plain CloudEvent says in the canonical vocabulary
    handshake   the validation request of a sender of webhooks

Ingest and the webhook destination both use it, hence its place in `spi`. Every refusal is an error of
`gateway.domain.errors`; the laws of attributes are in `gateway.domain.attributes`.
"""
