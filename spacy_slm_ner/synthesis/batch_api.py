"""Calls of OpenAI's Batch API. Each returns an object or bytes, or raises an `EndpointError`."""

import json
import re
from typing import Any, Literal, Optional

import openai

from ..endpoints.completions import ADDRESS_ADVICE
from ..endpoints.refusals import complaint_of, is_html, shorten
from ..errors import EndpointError
from .jobs import Job
from .record_endpoint import RecordEndpoint

ROUTE: Literal["/v1/chat/completions"] = "/v1/chat/completions"
NOT_FOUND_TEXT = re.compile(r"no such|not found|not exist|no batch|no file|expired|deleted", re.IGNORECASE)


class NotFound(Exception):
    """The endpoint does not know a batch or a file (any more).

    said (str): The endpoint's own words.
    """

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class BatchRefused(EndpointError):
    """The endpoint refused a request, so it has certainly not created a batch."""


class BatchApi:
    """Client of the Batch API.

    endpoint (RecordEndpoint): An endpoint that has the files and batches of OpenAI's API.
    """

    def __init__(self, endpoint: RecordEndpoint) -> None:
        self.endpoint = endpoint
        self._batches = endpoint.client.batches
        self._files = endpoint.client.files

    async def find_batch(self, token: str) -> Optional[str]:
        """Find the id of the batch with a token.

        RETURNS (Optional[str]): None if there is no such batch.
        RAISES (EndpointError): If the endpoint lists no batches.
        """
        after: Any = openai.NOT_GIVEN
        while True:
            page = await self._call(self._batches.with_raw_response.list(limit=100, after=after))
            batches = [batch for batch in page.get("data") or [] if isinstance(batch, dict)]
            found = next((batch for batch in batches if (batch.get("metadata") or {}).get("token") == token), None)
            if found is not None:
                return str(found["id"])
            if not page.get("has_more") or not batches or batches[-1].get("id") in (None, after):
                return None
            after = batches[-1]["id"]

    async def create_batch(self, token: str, jobs: dict[str, Job]) -> str:
        """Send requests as a batch.

        RETURNS (str): Its id.
        RAISES (BatchRefused): If the endpoint refuses it.
        RAISES (EndpointError): If the endpoint does not answer; the batch may exist or not.
        """
        content = "\n".join(self._request_line(number, job) for number, job in jobs.items()).encode("utf8")
        file = await self._call(self._files.with_raw_response.create(file=("requests.jsonl", content), purpose="batch"), True)
        call = self._batches.with_raw_response.create(
            input_file_id=id_of(file), endpoint=ROUTE, completion_window="24h", metadata={"token": token}
        )
        return id_of(await self._call(call, True))

    def _request_line(self, number: str, job: Job) -> str:
        body = self.endpoint.body(job.messages(self.endpoint.spec))
        return json.dumps({"custom_id": number, "method": "POST", "url": ROUTE, "body": body})

    async def retrieve_batch(self, batch: str) -> dict[str, Any]:
        """Retrieve a batch by its id.

        RAISES (NotFound): If the endpoint does not know it.
        """
        try:
            return await self._call(self._batches.with_raw_response.retrieve(batch))
        except openai.APIStatusError as error:
            if not is_not_found(error):
                raise
            raise NotFound(str(self.endpoint.explain(error))) from None

    async def download(self, file: str) -> bytes:
        """Download a file by its id.

        RAISES (NotFound): If the endpoint does not know it (any more).
        RAISES (EndpointError): If the endpoint sends an HTML page instead.
        """
        try:
            content: bytes = (await self._files.content(file)).content
        except openai.APIStatusError as error:
            if not is_not_found(error):
                raise
            raise NotFound(str(self.endpoint.explain(error))) from None
        start = content[:2000].decode("utf8", errors="replace")
        if is_html(start):
            raise EndpointError(
                f"The endpoint sent {shorten(start)[:80]!r} in place of the file {file}. {ADDRESS_ADVICE}", "request"
            )
        return content

    async def _call(self, call: Any, creates: bool = False) -> dict[str, Any]:
        """Await a call and return its JSON object.

        creates (bool): Whether the call creates something, so that a refusal means that nothing was created.
        """
        try:
            body = self.endpoint.read_body((await call).content)
        except openai.APIStatusError as error:
            if creates and 400 <= error.status_code < 500 and error.status_code not in (408, 409):
                explained = self.endpoint.explain(error)
                raise BatchRefused(str(explained), explained.kind) from None
            raise
        if body.get("error") and not body.get("id"):
            raise self.endpoint.explain_complaint(complaint_of(200, body, self.endpoint.redact))
        return body


def is_not_found(error: openai.APIStatusError) -> bool:
    """Whether an endpoint says that there is no such batch or file."""
    return error.status_code in (404, 410) or (error.status_code == 400 and NOT_FOUND_TEXT.search(str(error.body)) is not None)


def id_of(created: dict[str, Any]) -> str:
    """Return the id of a file or a batch that was created.

    RAISES (EndpointError): If it has none.
    """
    if not created.get("id"):
        raise EndpointError(f"The endpoint has made no batch: it sent {shorten(json.dumps(created))} {ADDRESS_ADVICE}", "request")
    return str(created["id"])
