"""A real server program: `transformers serve`.

It needs another version of transformers than this package; `make test` puts it into a folder of its own.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest

SERVER = Path(sys.prefix) / "server"


@contextmanager
def serving(model: Path, folder: Path) -> Iterator[str]:
    """Serve a model; skip the test where there is no server.

    model (Path): Folder of the model, which is its name too.
    folder (Path): Folder for the log.
    YIELDS (str): Address of the endpoint.
    """
    if not (SERVER / "transformers").is_dir():
        pytest.skip(f"needs the server in {SERVER}: make test puts it there")
    port = free_port()
    path = os.pathsep.join([str(SERVER), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    with (folder / "server.log").open("w") as log:
        program = subprocess.Popen([*command, "--port", str(port), "--device", "cpu"], env=environment, stdout=log, stderr=log)
        try:
            wait_until_healthy(f"http://localhost:{port}/health", program, folder / "server.log")
            yield f"http://localhost:{port}/v1"
        finally:
            program.terminate()
            program.wait(30)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        port: int = one.getsockname()[1]
    return port


def wait_until_healthy(address: str, program: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if program.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log.read_text()[-3000:]}")
