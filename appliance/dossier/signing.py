"""Sign a dossier: the signature is appended, so that what was typeset stays, byte for byte.

The key (ECDSA over P-256) is made from a secret of this appliance, and the certificate from the
key: self-issued, and the same bytes each time, so that whoever has its fingerprint can trust it. A
signature holds the time and random numbers: signing twice gives two files.
"""

import hashlib
from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko_certvalidator.registry import SimpleCertificateStore

from governance.secret_files import secret

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
FROM, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)


def signed(pdf: bytes) -> bytes:
    """The PDF with this appliance's signature after it."""
    key, certificate = _key(), self_issued()
    signer = SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(
            certificate.public_bytes(serialization.Encoding.DER)
        ),
        signing_key=asn1_keys.PrivateKeyInfo.load(
            key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        ),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    about = PdfSignatureMetadata(
        field_name="Countersign", reason="Made by this appliance from its records."
    )
    written = sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), about, signer)
    return bytes(written.getbuffer())


def self_issued() -> x509.Certificate:
    """The certificate of the key that signs dossiers; equal bytes at every call."""
    key = _key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, settings.COUNTERSIGN_ORIGIN[:64])])
    usage = x509.KeyUsage(True, True, *[False] * 7)
    serial = int.from_bytes(hashlib.sha256(_point(key)).digest()[:8], "big") | 1
    return (
        x509.CertificateBuilder(name, name, key.public_key(), serial, FROM, UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )


def _key() -> ec.EllipticCurvePrivateKey:
    seed = bytes.fromhex(secret("dossier", settings.COUNTERSIGN_DATA))
    number = int.from_bytes(hashlib.sha512(seed).digest(), "big") % (ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
