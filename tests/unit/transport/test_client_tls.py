"""The TLS settings of outgoing connections, and what a failed handshake is called."""

from __future__ import annotations

import ssl

import pytest

from gateway.domain.errors import ConfigurationError
from gateway.transport.tls import client_context, explain


def test_certificates_and_names_are_verified_from_tls_1_2_on():
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_an_unusable_authority_file_is_a_configuration_error(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem holds no certificates"):
        client_context(path)


def test_a_broken_handshake_has_a_sentence():
    assert explain(ConnectionResetError()) == "the peer closed the connection during the TLS handshake"
    assert "protocol error" in explain(ssl.SSLError(1, "?"))
