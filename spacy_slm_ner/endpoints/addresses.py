"""Checks of the address and the key of an endpoint, and explanations of failed connections."""

import os
import re
from typing import Callable, Iterator, Optional
from urllib.parse import urlsplit

from ..errors import EndpointError

BASE_URL_VARIABLE = "OPENAI_BASE_URL"
# Pattern of a cause, advice, and kind of the `EndpointError`.
CAUSES = (
    (r"UnsupportedProtocol|InvalidURL|missing an 'http", "Write `base_url` with http:// or https:// in front.", "request"),
    (
        r"WRONG_VERSION_NUMBER|record layer failure",
        "The server speaks no TLS: write `base_url` with http:// in front.",
        "request",
    ),
    (
        r"CERTIFICATE|SSL",
        "Its certificate is not trusted: name a file of certificates in SSL_CERT_FILE, or correct `base_url`.",
        "down",
    ),
    (
        r"Name or service|getaddrinfo|nodename|name resolution|No address",
        "No such host: check `base_url` and the network.",
        "down",
    ),
    (
        r"refused|Errno 111|Errno 61|All connection attempts failed",
        "No server listens there: start it, or check `base_url`.",
        "down",
    ),
    (r"Timeout|timed out", "Raise the timeout, or lower the concurrency.", "down"),
)


def check_address(base_url: Optional[str]) -> None:
    """Check the address of an endpoint.

    base_url (Optional[str]): Address in the spec; None for the one in the environment or OpenAI's.
    RAISES (EndpointError): If no server can have this address.
    """
    address = os.environ.get(BASE_URL_VARIABLE) if base_url is None else base_url
    if address is None:
        return
    source = f"the variable {BASE_URL_VARIABLE}" if base_url is None else "`base_url`"
    fault = address_fault(address)
    if fault:
        raise EndpointError(
            f"Got {address!r} for {source}: {fault}. An address looks like https://api.openai.com/v1 or http://localhost:8000/v1.",
            "request",
        )


def address_fault(address: str) -> str:
    """Return the fault of an address; empty if it has none."""
    if not address.strip() or any(char.isspace() or not char.isprintable() for char in address):
        return "it is empty or holds white space"
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
        (host or "").encode("idna")
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https") or "://" not in address:
        return "it begins with neither http:// nor https://"
    return "" if host else "it names no host"


def check_key(key: str) -> None:
    """Check that a key can be sent in a header.

    RAISES (EndpointError): If it cannot.
    """
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise EndpointError("The key holds characters that no key has. Copy it again.", "key")


def explain_connection(error: BaseException, tries: int, redact: Callable[[str], str] = str) -> tuple[str, str]:
    """Explain why a connection failed.

    error (BaseException): The error.
    tries (int): Number of tries.
    redact (Callable[[str], str]): Removes the key from a text.
    RETURNS (tuple[str, str]): Message with advice, and kind of the `EndpointError`.
    """
    causes = [f"{type(cause).__name__}: {cause}" for cause in cause_chain(error)]
    found = next((entry for entry in CAUSES if any(re.search(entry[0], cause, re.IGNORECASE) for cause in causes[::-1])), None)
    advice, kind = found[1:] if found else ("Check `base_url` and the network.", "down")
    distinct = list(dict.fromkeys(cause.removesuffix(".") for cause in causes))
    return f"No answer after {tries} tries: {redact(' - '.join(distinct))[:300]}. {advice}", kind


def cause_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the outermost first."""
    current: Optional[BaseException] = error
    for _ in range(4):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__
