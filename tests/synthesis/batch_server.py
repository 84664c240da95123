"""The files and batches of an OpenAI-compatible API, over the scripted server: a batch is done after a few looks at it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable

from scripted_server import Handler, Raw, Server, answer, completion

# Faults of a request in a batch: it stands in the file of errors.
FAILING = ("server_error", "rate_limit", "time_out")


@dataclass
class BatchServer(Server):
    """See the module.

    looks (int): After how many looks a batch is completed.
    fates (list[dict[str, Any]]): What becomes of batches in their order: its fields, over those of a completed one.
    refusals (list[Raw]): Responses to the first attempts to make a batch.
    spoil (Callable[[str], str]): What is done to the results of the first batch.
    gone (set[str]): Batches and files that it does not know any more.
    """

    looks: int = 2
    fates: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Raw] = field(default_factory=list)
    spoil: Callable[[str], str] = lambda content: content
    gone: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> "BatchServer":
        super().__enter__()
        self.http.RequestHandlerClass = type("BatchHandler", (BatchHandler,), {"scripted": self})
        return self

    def complete(self, batch: dict[str, Any]) -> None:
        """Answer all requests of a batch."""
        good, bad = [], []
        fate = dict(self.fates.pop(0)) if self.fates else {}
        part = fate.pop("answered", None)
        lines = self.files[batch["input_file_id"]].split("\n")
        for line in lines if part is None else lines[:part]:
            request = json.loads(line)
            kind = self.next_kind(request["body"])
            if isinstance(kind, Raw):
                bad.append({"custom_id": request["custom_id"], "response": {"status_code": kind.status, "body": kind.body}})
            elif kind in FAILING:
                response = {"status_code": 500, "body": {"error": {"message": "Sorry"}}}
                bad.append({"custom_id": request["custom_id"], "response": response})
            else:
                body = completion(self, request["body"], *answer(kind, self, request["body"]))
                good.append({"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}})
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
                batch[name] = self.store(self.spoil(content) if len(self.batches) == 1 else content)
        batch.update({"status": "completed", **fate})

    def store(self, content: str) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name


class BatchHandler(Handler):
    """One request."""

    scripted: BatchServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode("utf8")
        server = self.scripted
        if self.path.endswith("/files"):
            match = re.search(r'filename="[^"]*"\r\n(?:[^\r]+\r\n)*\r\n(.*?)\r\n--', content, re.DOTALL)
            assert match is not None
            name = server.store(match[1])
            self.send_json(200, {"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": "x", "purpose": "batch"})
        elif server.refusals:
            self.send_raw(server.refusals.pop(0))
        else:
            name = f"batch-{len(server.batches)}"
            state = {"id": name, "object": "batch", "created_at": 0, "status": "in_progress", "looks": 0}
            server.batches[name] = {**state, **json.loads(content)}
            self.send_json(200, server.batches[name])

    def do_GET(self) -> None:
        server = self.scripted
        *_, kind, name = self.path.partition("?")[0].split("/")
        if name in server.gone or (name == "content" and kind in server.gone):
            self.send_error_json(404, f"No such object: {name}", "not_found")
        elif name == "content":
            name = kind
            content = server.files[name].encode("utf8")
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        elif name == "batches":
            self.send_json(200, {"object": "list", "data": list(server.batches.values()), "has_more": False})
        else:
            batch = server.batches[name]
            batch["looks"] += 1
            if batch["status"] == "in_progress" and batch["looks"] >= server.looks:
                server.complete(batch)
            self.send_json(200, batch)
