"""Addresses and connections: what is wrong with them, in one sentence."""

import os
import re
from typing import Callable, Iterator, Optional
from urllib.parse import urlsplit

from ..errors import EndpointError

BASE_URL_VARIABLE = "OPENAI_BASE_URL"
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
    (r"Timeout|timed out", "Raise --timeout, or lower --concurrency.", "down"),
)


def check_address(base_url: Optional[str]) -> None:
    """Check the address of an endpoint.

    base_url (Optional[str]): The spec's; None for the one of the environment or OpenAI's.
    RAISES (EndpointError): If no server can have it.
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
    """What is wrong with an address; empty if nothing is."""
    if not address.strip() or any(char.isspace() or not char.isprintable() for char in address):
        return "it is empty or holds white space"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or "://" not in address:
        return "it begins with neither http:// nor https://"
    return "" if host else "it names no host"


def check_key(key: str) -> None:
    """Check that a key can be sent.

    RAISES (EndpointError): If it holds characters that no header can hold.
    """
    if not key.isascii() or not key.isprintable() or key != key.strip():
        raise EndpointError("The key holds characters that no key has. Copy it again into OPENAI_API_KEY.", "key")


def explain_connection(error: BaseException, tries: int, redact: Callable[[str], str] = str) -> tuple[str, str]:
    """What went wrong with a connection, without the key, and how the run ends."""
    causes = [f"{type(one).__name__}: {one}" for one in cause_chain(error)]
    found = next((entry for entry in CAUSES if any(re.search(entry[0], cause, re.IGNORECASE) for cause in causes[::-1])), None)
    advice, kind = found[1:] if found else ("Check `base_url` and the network.", "down")
    told = list(dict.fromkeys(cause.removesuffix(".") for cause in causes))
    return f"No answer after {tries} tries: {redact(' - '.join(told))[:300]}. {advice}", kind


def cause_chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, first the outermost."""
    seen: Optional[BaseException] = error
    for _ in range(4):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
