"""Takes webhooks and writes down what came.

    webhook_receiver.py PORT FOLDER

FOLDER gets arrivals.jsonl (a line as soon as a request has come), webhooks.jsonl (a line for each answer: its status, the
request's headers and its JSON) and, once the port is open, the empty file "ready". The test decides what happens:

    answers    statuses with spaces between; the next requests are answered with them, later ones with 200
    hold       while this file exists, no request is answered
"""

import http.server
import json
import pathlib
import sys
import threading
import time

folder = pathlib.Path(sys.argv[2])
lock = threading.Lock()
count = 0


def append(name, value):
    with lock, open(folder / name, "a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def next_status():
    global count
    with lock:
        answers = (folder / "answers").read_text().split() if (folder / "answers").exists() else []
        count += 1
        return int(answers[count - 1]) if count <= len(answers) else 200


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        append("arrivals.jsonl", {"path": self.path})
        while (folder / "hold").exists():
            time.sleep(0.01)
        status = next_status()
        headers = {name.lower(): value for name, value in self.headers.items()}
        append("webhooks.jsonl", {"status": status, "headers": headers, "body": json.loads(body)})
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    (folder / "ready").touch()
    server.serve_forever()
