"""An OpenAI-compatible HTTP server that follows a script: a stand-in, and an honest one, for it knows what it sent.

Good records are made of random words around made-up entities, as the request's lines ask for them. The script says, request by
request, what goes wrong.
"""

import json
import random
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, NamedTuple, Union

from spacy_slm_ner.synthesis.seed_words import seed_words

ENTITIES = {
    "DATE": ("Friday", "next Monday", "May 4", "the 3rd", "tomorrow", "2027-03-14"),
    "TIME": ("6 pm", "18:00", "noon", "half past nine", "10:15"),
}
SYLLABLES = ("ba", "chi", "do", "fe", "gu", "ka", "lo", "mi", "no", "pra", "ri", "su", "ta", "ve", "ya", "zo")
RECORD_REQUEST = re.compile(
    r"^\d+\. .*?; (?P<least>\d+) to (?P<most>\d+) words(?:; intent: (?P<intent>\w+))?; (?P<entities>[^;]*)", re.MULTILINE
)
FAULTS = (
    "rate_limit",
    "server_error",
    "time_out",
    "cut_off",
    "wrong_schema",
    "refusal",
    "duplicates",
    "outside_labels",
    "out_of_order",
    "hallucinated",
    "empty",
    "slow",
    "fenced",
    "chatty",
)


class Raw(NamedTuple):
    """A response as it is: a status and a body, which is sent as JSON if it is no string."""

    status: int
    body: Any
    content_type: str = "application/json"


class Said(NamedTuple):
    """What a model says, word by word; `{records}` stands for good records as they were asked for."""

    text: str
    finish: str = "stop"


Kind = Union[str, Raw, Said]


def error(message: str, **more: Any) -> dict[str, Any]:
    """A complaint, as OpenAI writes them."""
    return {"error": {"message": message, **more}}


AZURE = error(
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    code="content_filter",
    param="prompt",
    innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
)


def repeat(*kinds: Kind) -> Iterator[Kind]:
    """A script that gives the last kind again and again."""
    yield from kinds
    while True:
        yield kinds[-1]


def faulty(share: float, seed: int = 0) -> Iterator[str]:
    """A script in which each kind of fault occurs, a share of all requests being faulty."""
    rng, kinds = random.Random(seed), list(FAULTS)
    while True:
        yield kinds[rng.randrange(len(kinds))] if rng.random() < share else "good"


def flawless() -> Iterator[str]:
    while True:
        yield "good"


@dataclass
class Server:
    """Runs in threads of its own while it is entered.

    script (Iterator[Kind]): What happens to each request.
    latency (float): Seconds before an answer.
    tokens (Callable[[str], int]): How usage is counted.
    structures (tuple[str, ...]): Response formats that it knows.
    key (str): The only one that it takes.
    """

    script: Iterator[Kind] = field(default_factory=flawless)
    latency: float = 0.0
    tokens: Callable[[str], int] = lambda text: len(text) // 4
    structures: tuple[str, ...] = ("json_schema", "json_object")
    key: str = "sk-right"
    requests: list[dict[str, Any]] = field(default_factory=list)
    good: dict[str, Any] = field(default_factory=dict)
    kinds: list[Kind] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(1)
        self.lock = threading.Lock()

    def __enter__(self) -> "Server":
        handler = type("Handler", (Handler,), {"scripted": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def next_kind(self, body: dict[str, Any]) -> Kind:
        with self.lock:
            self.requests.append(body)
            self.kinds.append(next(self.script))
            return self.kinds[-1]

    def records(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Good records, as many as were asked for; one for a correction."""
        content = body["messages"][-1]["content"]
        record_requests = [match.groupdict() for match in RECORD_REQUEST.finditer(content)]
        if not record_requests:
            intent = re.search(r"the intent (\w+)\.", content)
            record_requests = [{"least": "8", "most": "12", "intent": intent and intent[1], "entities": "entities: DATE"}]
        with self.lock:
            return [self.record(record_request) for record_request in record_requests]

    def entity(self, label: str) -> str:
        """An entity of a label; names and addresses are new nearly every time."""
        if label in ENTITIES:
            return self.rng.choice(ENTITIES[label])
        first, last = ("".join(self.rng.choices(SYLLABLES, k=3)) for _ in range(2))
        return f"{first}@{last}.example" if label == "EMAIL" else f"{first} {last}".title()

    def record(self, record_request: dict[str, Any]) -> dict[str, Any]:
        """A text of random words, with entities between them."""
        number = self.rng.randint(int(record_request["least"]), int(record_request["most"]))
        labels = (
            [] if "no entity" in record_request["entities"] else record_request["entities"].removeprefix("entities: ").split(", ")
        )
        words = self.rng.sample(seed_words(), max(number, 2 * len(labels) + 4))
        listed: list[dict[str, Any]] = []
        for place, label in enumerate(labels):
            entity = self.entity(label)
            words[2 * place + 1] = entity
            tags = [f"{'I' if i else 'B'}-{label}" for i in range(len(entity.split()))]
            listed += [{"word": word, "label": tag, "occurrence": None} for word, tag in zip(entity.split(), tags)]
        record: dict[str, Any] = {"text": " ".join(words), "labels": listed}
        if record_request["intent"]:
            record["intent"] = record_request["intent"]
        self.good[record["text"]] = record
        return record


class Handler(BaseHTTPRequestHandler):
    """One request."""

    scripted: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        server = self.scripted
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.busy += 1
            server.most_busy = max(server.most_busy, server.busy)
        try:
            self.respond(server, body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with server.lock:
                server.busy -= 1

    def respond(self, server: Server, body: dict[str, Any]) -> None:
        if self.headers["Authorization"] != f"Bearer {server.key}":
            said = self.headers["Authorization"].removeprefix("Bearer ")
            return self.send_error_json(401, f"Incorrect API key provided: {said}.", "invalid_api_key")
        if body.get("response_format", {}).get("type", "json_object") not in server.structures and "response_format" in body:
            return self.send_error_json(400, "response_format is not supported", "unsupported")
        kind = server.next_kind(body)
        time.sleep(server.latency)
        if isinstance(kind, Raw):
            return self.send_raw(kind)
        if kind == "rate_limit":
            return self.send_error_json(429, "Slow down", "rate_limit_exceeded", {"Retry-After": "0.05"})
        if kind == "server_error":
            return self.send_error_json(500, "Sorry", "internal")
        if kind == "no_credit":
            return self.send_error_json(429, "You exceeded your current quota", "insufficient_quota", {"x-should-retry": "false"})
        if kind == "time_out":
            time.sleep(1.5)
        text, finish, refusal = answer(kind, server, body)
        self.send_json(200, completion(server, body, text, finish, refusal), slow=kind == "slow")

    def send_error_json(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> None:
        self.send_json(status, {"error": {"message": message, "code": code, "type": code}}, headers or {})

    def send_raw(self, raw: Raw) -> None:
        content = (raw.body if isinstance(raw.body, str) else json.dumps(raw.body)).encode("utf8")
        self.send_response(raw.status)
        for name, value in {"Content-Type": raw.content_type, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_json(self, status: int, payload: Any, headers: dict[str, str] | None = None, slow: bool = False) -> None:
        content = json.dumps(payload).encode("utf8")
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        parts = [content[i : i + 200] for i in range(0, len(content), 200)] if slow else [content]
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
            if slow:
                time.sleep(0.005)


def answer(kind: Kind, server: Server, body: dict[str, Any]) -> tuple[str, str, str | None]:
    """Text, finish reason and refusal."""
    if isinstance(kind, Said):
        return kind.text.replace("{records}", json.dumps({"records": server.records(body)})), kind.finish, None
    if kind == "refusal":
        return "", "stop", "I cannot help with that."
    if kind == "duplicates" and server.good:
        return json.dumps({"records": [next(iter(server.good.values()))] * 3}), "stop", None
    if kind == "empty":
        return '{"records": []}', "stop", None
    if kind == "out_of_order":
        return json.dumps({"records": [out_of_order()]}), "stop", None
    if kind == "hallucinated":
        return json.dumps({"records": [hallucinated()]}), "stop", None
    if kind == "wrong_schema":
        return json.dumps({"records": [{"sentence": "Come on Friday", "entities": {"DATE": ["Friday"]}}]}), "stop", None
    records = server.records(body)
    text = json.dumps({"records": records})
    if kind == "outside_labels":
        marked = [{**record, "labels": with_outside(record)} for record in records]
        return json.dumps({"records": marked}), "stop", None
    if kind == "cut_off":
        # In the middle of the last record, which is therefore no good one.
        server.good.pop(records[-1]["text"], None)
        return text[: text.rindex('"text"') + 14], "length", None
    if kind == "fenced":
        return f"```json\n{text}\n```", "stop", None
    if kind == "chatty":
        return f"Sure! Here are your records [as asked]:\n{text}\nAnything else?", "stop", None
    return text, "stop", None


def with_outside(record: dict[str, Any]) -> list[dict[str, Any]]:
    """An O label for the first word, if that belongs to no entity, in front of the others."""
    first = record["text"].split()[0]
    return [{"word": first, "label": "O", "occurrence": None}, *record["labels"]]


def out_of_order() -> dict[str, Any]:
    labels = [{"word": "pm", "label": "I-TIME"}, {"word": "6", "label": "B-TIME"}]
    return {"text": "Bring it at 6 pm then", "labels": labels, "intent": "inquiry"}


def hallucinated() -> dict[str, Any]:
    return {"text": "Bring the piano then", "labels": [{"word": "Sunday", "label": "B-DATE"}], "intent": "inquiry"}


def completion(server: Server, body: dict[str, Any], text: str, finish: str, refusal: str | None) -> dict[str, Any]:
    prompt = sum(server.tokens(message["content"]) for message in body["messages"])
    usage = {"prompt_tokens": prompt, "completion_tokens": server.tokens(text), "total_tokens": prompt + server.tokens(text)}
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": f"{body['model']}-2025-04-14",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": usage,
    }
