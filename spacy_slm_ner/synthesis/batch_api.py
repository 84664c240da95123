"""The files and batches of OpenAI's API: five calls, each of which ends with an object, bytes, or an `EndpointError`."""

import json
import re
from typing import Any, Literal, Optional

import openai

from ..errors import EndpointError
from .completions import ADDRESS
from .endpoint import Endpoint
from .jobs import Job
from .refusals import complaint_of, is_html, shorten

ROUTE: Literal["/v1/chat/completions"] = "/v1/chat/completions"
NO_SUCH = re.compile(r"no such|not found|not exist|no batch|no file|expired|deleted", re.IGNORECASE)


class Gone(Exception):
    """The endpoint does not know a batch or a file (any more).

    said (str): What the endpoint says.
    """

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Refused(EndpointError):
    """The endpoint has surely not made a batch."""


class BatchApi:
    """Calls of the Batch API.

    endpoint (Endpoint): Has the files and batches of OpenAI's API.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._batches = endpoint.client.batches
        self._files = endpoint.client.files

    async def find(self, token: str) -> Optional[str]:
        """Id of the batch with a token, if there is one.

        RAISES (EndpointError): If the endpoint lists no batches.
        """
        after: Any = openai.NOT_GIVEN
        while True:
            page = await self._call(self._batches.with_raw_response.list(limit=100, after=after))
            batches = [one for one in page.get("data") or [] if isinstance(one, dict)]
            found = next((one for one in batches if (one.get("metadata") or {}).get("token") == token), None)
            if found is not None:
                return str(found["id"])
            if not page.get("has_more") or not batches or batches[-1].get("id") in (None, after):
                return None
            after = batches[-1]["id"]

    async def begin(self, token: str, jobs: dict[str, Job]) -> str:
        """Send requests as a batch.

        RETURNS (str): Its id.
        RAISES (Refused): If the endpoint refuses it.
        RAISES (EndpointError): If the endpoint does not answer: the batch may be there or not.
        """
        content = "\n".join(self._line(number, job) for number, job in jobs.items()).encode("utf8")
        file = await self._call(self._files.with_raw_response.create(file=("requests.jsonl", content), purpose="batch"), True)
        call = self._batches.with_raw_response.create(
            input_file_id=id_of(file), endpoint=ROUTE, completion_window="24h", metadata={"token": token}
        )
        return id_of(await self._call(call, True))

    def _line(self, number: str, job: Job) -> str:
        body = self.endpoint.body(job.messages(self.endpoint.spec))
        return json.dumps({"custom_id": number, "method": "POST", "url": ROUTE, "body": body})

    async def look(self, batch: str) -> dict[str, Any]:
        """The state of a batch.

        RAISES (Gone): If the endpoint does not know it.
        """
        try:
            return await self._call(self._batches.with_raw_response.retrieve(batch))
        except openai.APIStatusError as error:
            if not is_gone(error):
                raise
            raise Gone(str(self.endpoint.explain(error))) from None

    async def download(self, file: str) -> bytes:
        """What a file holds.

        RAISES (Gone): If the endpoint does not know it (any more).
        RAISES (EndpointError): If a page comes in its place.
        """
        try:
            content: bytes = (await self._files.content(file)).content
        except openai.APIStatusError as error:
            if not is_gone(error):
                raise
            raise Gone(str(self.endpoint.explain(error))) from None
        start = content[:2000].decode("utf8", errors="replace")
        if is_html(start):
            raise EndpointError(f"The endpoint sent {shorten(start)[:80]!r} in place of the file {file}. {ADDRESS}", "request")
        return content

    async def _call(self, call: Any, makes: bool = False) -> dict[str, Any]:
        """The object that a call brings.

        makes (bool): Whether the call makes something, so that a refusal means that it was not made.
        """
        try:
            body = self.endpoint.read((await call).content)
        except openai.APIStatusError as error:
            if makes and 400 <= error.status_code < 500 and error.status_code not in (408, 409):
                explained = self.endpoint.explain(error)
                raise Refused(str(explained), explained.kind) from None
            raise
        if body.get("error") and not body.get("id"):
            raise self.endpoint.explain_complaint(complaint_of(200, body, self.endpoint.redact))
        return body


def is_gone(error: openai.APIStatusError) -> bool:
    """Whether an endpoint says that there is no such batch or file."""
    return error.status_code in (404, 410) or (error.status_code == 400 and NO_SUCH.search(str(error.body)) is not None)


def id_of(made: dict[str, Any]) -> str:
    """The id of what was made.

    RAISES (EndpointError): If it has none.
    """
    if not made.get("id"):
        raise EndpointError(f"The endpoint has made no batch: it sent {shorten(json.dumps(made))} {ADDRESS}", "request")
    return str(made["id"])
