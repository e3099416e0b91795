"""The signature of a time stamp, checked with the certificate that the time stamp itself holds.

The library of the extra ``timestamps`` checks a signature only together with the authority's certificate chain. This check is
for time stamps whose authority is not known here: it shows damage, and nothing about who signed. Reads DER as far as a time
stamp token needs (RFC 5652, 5.3 and 5.4).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "608648016503040201": hashes.SHA256,
    "608648016503040202": hashes.SHA384,
    "608648016503040203": hashes.SHA512,
}
"""By the object identifier, in DER (hex)."""
_PSS, _MESSAGE_DIGEST = "2a864886f70d01010a", "2a864886f70d010904"
_SEQUENCE, _SET, _OCTETS, _OID, _CONTEXT_0 = 0x30, 0x31, 0x04, 0x06, 0xA0


def signature_fault(response: Any) -> str | None:
    """Return why the signature of a decoded answer is not that of its own certificate; None if it is."""
    try:
        certificate = _signer_of(response)
        _check(response.time_stamp_token(), certificate)
    except InvalidSignature:
        return "its signature is wrong"
    except (ValueError, KeyError, IndexError, StopIteration, UnsupportedAlgorithm, x509.InvalidVersion) as exc:
        return f"its signature cannot be checked ({str(exc) or type(exc).__name__})"
    return None


def _signer_of(response: Any) -> x509.Certificate:
    """Return the certificate that the answer says it is signed with."""
    (signer,) = response.signed_data.signer_infos
    for der in response.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(der)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate
    raise ValueError("it has no certificate of its signer")


def _check(token: bytes, certificate: x509.Certificate) -> None:
    """Raise InvalidSignature unless the token is signed with the certificate."""
    *_, signed_data = _parts(_only(token))
    _, _, encapsulated, *_, signers = _parts(_only(signed_data[1]))
    *_, octets = _parts(encapsulated[1])
    content = _only(octets[1], _OCTETS)
    _, _, digest_name, attributes, signature_name, signature, *_ = _parts(_only(signers[1]))
    if attributes[0] != _CONTEXT_0 or signature[0] != _OCTETS:
        raise ValueError("it has no signed attributes")
    algorithm = _HASHES[_name(digest_name[1])]()
    digest = hashes.Hash(algorithm)
    digest.update(content)
    if not hmac.compare_digest(digest.finalize(), _message_digest(attributes[1])):
        raise InvalidSignature
    if not any(each in attributes[1] for each in _digests_of(certificate)):
        raise ValueError("it does not name its certificate")
    signed = bytes([_SET]) + attributes[2][1:]  # 5.4: with the tag of a SET in place of the implicit one
    _verify(certificate.public_key(), signature[1], signed, algorithm, is_pss=_name(signature_name[1]) == _PSS)


def _verify(key: Any, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm, *, is_pss: bool) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
        key.verify(signature, signed, pss if is_pss else padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    else:
        raise ValueError(f"unknown kind of key {type(key).__name__}")


def _digests_of(certificate: x509.Certificate) -> Iterator[bytes]:
    """Yield the digests of a certificate, one of which the signed attributes must have (RFC 5816; SHA-1 in RFC 3161)."""
    der = certificate.public_bytes(Encoding.DER)
    yield from (
        hashlib.new(name, der, usedforsecurity=False).digest() for name in ("sha256", "sha384", "sha512", "sha1")
    )


def _message_digest(attributes: bytes) -> bytes:
    for _, attribute, _ in _parts(attributes):
        (_, name, _), (_, values, _) = _parts(attribute)
        if name.hex() == _MESSAGE_DIGEST:
            return _only(values, _OCTETS)
    raise ValueError("it does not sign its content")


def _name(algorithm: bytes) -> str:
    """Return the object identifier of an algorithm, in DER (hex)."""
    tag, value, _ = next(_parts(algorithm))
    if tag != _OID:
        raise ValueError("an algorithm has no name")
    return value.hex()


def _only(content: bytes, tag: int = _SEQUENCE) -> bytes:
    """Return the value of the only element, which must have this tag."""
    ((found, value, _),) = _parts(content)
    if found != tag:
        raise ValueError(f"found the tag {found}, not {tag}")
    return value


def _parts(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each element of some DER: its tag, its value, and all of its bytes."""
    at = 0
    while at < len(content):
        tag, length, begin = content[at], content[at + 1], at + 2
        if length >= 0x80:
            count = length - 0x80
            if not 1 <= count <= 4:
                raise ValueError("a length is not DER")
            length, begin = int.from_bytes(content[begin : begin + count], "big"), begin + count
        end = begin + length
        if end > len(content):
            raise ValueError("it is cut short")
        yield tag, content[begin:end], content[at:end]
        at = end
