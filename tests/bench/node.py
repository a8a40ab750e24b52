"""A node of the product as a child process, and the few calls that measuring and soaking it need."""

import http.client
import json
import os
import signal
import subprocess
import time
import urllib.parse
import uuid
from pathlib import Path

READY_SECONDS = 180
KEY = "only-for-measuring"


class Refused(Exception):
    """The node answered with an error; `status` and what it said."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]}")
        self.status, self.body = status, body


class Node:
    """One node on a data directory; killed and started again at will, its port stays the same."""

    def __init__(self, program, data, models=None):
        self.program, self.data, self.models, self.port, self.process = str(program), Path(data), models, 0, None

    def start(self):
        words = [self.program, "--data", str(self.data), "serve", "--listen", f"127.0.0.1:{self.port}"]
        surroundings = {**os.environ, "RAG_ENABLER_KEY": KEY}
        if self.models:
            surroundings["RAG_ENABLER_MODELS_DIR"] = str(self.models)
        self.data.mkdir(parents=True, exist_ok=True)
        announced = self.data / "node.json"
        # A killed node leaves its file behind, and it would name the wrong process.
        announced.unlink(missing_ok=True)
        with open(self.data / "node.log", "ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env=surroundings)
        began = time.monotonic()
        while time.monotonic() - began < READY_SECONDS:
            if self.process.poll() is not None:
                raise RuntimeError(f"the node ended by itself with status {self.process.returncode}; its log is {self.data}/node.log")
            try:
                self.port = urllib.parse.urlsplit(json.loads(announced.read_text())["url"]).port
                if self.call("GET", "/ready") is not None:
                    return time.monotonic() - began
            except (OSError, ValueError, Refused, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the node was not ready after {READY_SECONDS} s; its log is {self.data}/node.log")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)

    def call(self, method, path, body=None, kind="application/json"):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            data = json.dumps(body).encode() if kind == "application/json" and body is not None else body
            link.request(method, path, data, {"X-API-Key": KEY, **({"Content-Type": kind} if data else {})})
            answer = link.getresponse()
            text = answer.read().decode()
            if answer.status >= 400:
                raise Refused(answer.status, text)
            return json.loads(text) if text.startswith("{") else {}
        finally:
            link.close()

    def upload(self, path, template="generic"):
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="template"\r\n\r\n{template}\r\n--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{Path(path).name}"\r\nContent-Type: application/pdf\r\n\r\n'
        body = head.encode() + Path(path).read_bytes() + f"\r\n--{edge}--\r\n".encode()
        return self.call("POST", "/v1/documents", body, f"multipart/form-data; boundary={edge}")["document_id"]

    def document(self, document):
        return self.call("GET", f"/v1/documents/{document}")

    def ask(self, document, question):
        return self.call("POST", f"/v1/documents/{document}/ask", {"question": question})

    def delete(self, document):
        self.call("DELETE", f"/v1/documents/{document}")

    def wait(self, document, seconds=600):
        """The document once it is ready or failed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.document(document)
            if found["status"] != "processing":
                return found
            time.sleep(0.2)
        raise RuntimeError(f"document {document} was still processing after {seconds} s")

    def memory_mb(self):
        """Resident memory of the node's own process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0
