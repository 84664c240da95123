"""The files and batches of an OpenAI-compatible API, over the scripted server: a batch is done after a few looks at it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from scripted_server import Handler, Server, answer, completion

# Faults of a request in a batch: it stands in the file of errors.
FAILING = ("server_error", "rate_limit", "time_out")


@dataclass
class BatchServer(Server):
    """See the module.

    looks (int): After how many looks a batch is completed.
    """

    looks: int = 2
    files: dict[str, str] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> "BatchServer":
        super().__enter__()
        self.http.RequestHandlerClass = type("BatchHandler", (BatchHandler,), {"scripted": self})
        return self

    def complete(self, batch: dict[str, Any]) -> None:
        """Answer all requests of a batch."""
        good, bad = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            request = json.loads(line)
            kind = self.next_kind(request["body"])
            if kind in FAILING:
                response = {"status_code": 500, "body": {"error": {"message": "Sorry"}}}
                bad.append({"custom_id": request["custom_id"], "response": response})
            else:
                body = completion(self, request["body"], *answer(kind, self, request["body"]))
                good.append({"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}})
        batch["status"] = "completed"
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[name] = self.store("\n".join(map(json.dumps, lines)))

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
        else:
            name = f"batch-{len(server.batches)}"
            state = {"id": name, "object": "batch", "created_at": 0, "status": "in_progress", "looks": 0}
            server.batches[name] = {**state, **json.loads(content)}
            self.send_json(200, server.batches[name])

    def do_GET(self) -> None:
        server = self.scripted
        *_, kind, name = self.path.partition("?")[0].split("/")
        if name == "content":
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
