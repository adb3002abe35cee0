"""A certificate authority of the tests, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)


class Certificates:
    """A fresh authority, and one certificate for servers and clients, signed by it.

    Parameters
    ----------
    folder
        where the files are put
    names
        host names and IP addresses of the certificate, beside 127.0.0.1 and localhost

    Attributes
    ----------
    ca, cert, key
        paths of PEM files: the authority's certificate, the signed one and its private key (mode 0600)
    """

    def __init__(self, folder: Path, *names: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca, self.cert, self.key = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
        self._authority_key = ec.generate_private_key(ec.SECP256R1())
        self._authority = self._sign("tests' authority", self._authority_key, authority=True)
        _write(self.ca, self._authority)
        self.cert, self.key = self.issue("server", "127.0.0.1", "localhost", *names)

    def issue(self, stem: str, *names: str) -> tuple[Path, Path]:
        """Sign a further certificate for ``names``; the paths of it and of its key."""
        own = ec.generate_private_key(ec.SECP256R1())
        cert, key = (self.folder / f"{stem}-{kind}.pem" for kind in ("cert", "key"))
        _write(cert, self._sign(stem, own, names))
        key.touch(mode=0o600)
        key.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert, key

    def client_context(self) -> ssl.SSLContext:
        """What a client that trusts this authority alone connects with."""
        return ssl.create_default_context(cafile=str(self.ca))

    def _sign(
        self,
        subject: str,
        own: ec.EllipticCurvePrivateKey,
        names: tuple[str, ...] = (),
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        now = dt.datetime.now(dt.UTC)
        signer = self._authority_key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if authority else self._authority.subject)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 2 * _DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
            .add_extension(_usage(authority=authority), critical=True)
        )
        if not authority:
            uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._authority_key, hashes.SHA256())


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
