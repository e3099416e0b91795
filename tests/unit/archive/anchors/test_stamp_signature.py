"""The signature of a time stamp, checked with the certificate that it holds itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rfc3161_client
from tests.authority import ELLIPTIC, RSA, Authority

from pywats_archive.archive.anchors.cms import signature_fault

CONTENT = b"an anchor\n"


def answered(folder: Path, key: tuple[str, ...]) -> bytes:
    """Return the answer of a new authority for the content."""
    authority = Authority(folder / "tsa", key=key)
    builder = rfc3161_client.TimestampRequestBuilder().data(CONTENT)
    request = builder.hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).cert_request(cert_request=True).build()
    (folder / "query.tsq").write_bytes(request.as_bytes())
    return authority.answer(folder / "query.tsq").read_bytes()


def decoded(answer: bytes) -> Any:
    """Return an answer as the library reads it; None if it cannot."""
    try:
        response = rfc3161_client.decode_timestamp_response(answer)
        return response if response.tst_info.gen_time else None
    except ValueError:
        return None


@pytest.mark.parametrize("key", [RSA, ELLIPTIC])
def test_each_changed_byte_of_what_is_signed_is_found(tmp_path: Path, key: tuple[str, ...]) -> None:
    """In the stamped text, the certificate and the signature; a byte that is not signed changes none of these."""
    answer = answered(tmp_path, key)
    whole = decoded(answer)
    assert signature_fault(whole) is None

    def facts(response: Any) -> tuple[object, ...]:
        info = response.tst_info
        return info.gen_time, info.message_imprint.message, info.serial_number, response.signed_data.certificates

    unseen = []
    for place in range(len(answer)):
        changed = decoded(answer[:place] + bytes([answer[place] ^ 1]) + answer[place + 1 :])
        if changed and signature_fault(changed) is None:
            unseen.append(place)
            assert facts(changed) == facts(whole), place
    assert len(unseen) < 30, "only what frames it: status, versions, names of algorithms"


def test_an_answer_cut_short_is_a_fault_and_no_error(tmp_path: Path) -> None:
    """However much is missing."""
    answer = answered(tmp_path, RSA)
    for length in range(0, len(answer), 7):
        assert (cut := decoded(answer[:length])) is None or signature_fault(cut)
