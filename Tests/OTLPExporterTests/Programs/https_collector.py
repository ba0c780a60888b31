"""An HTTPS server of Python that takes POSTs and says of each what it saw, as a line of JSON.

    https_collector.py CERTIFICATE KEY [CLIENT_AUTHORITY]

The first line is the port. With a client authority, clients must show a certificate of it. It ends with its input, so
that it never outlives the test.
"""

import http.server
import itertools
import json
import ssl
import sys
import threading

connections = itertools.count()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.number = next(connections)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        subject = dict(pair for part in (self.connection.getpeercert() or {}).get("subject", ()) for pair in part)
        seen = {
            "connection": self.number,
            "path": self.path,
            "bytes": len(body),
            "encoding": self.headers.get("Content-Encoding", ""),
            "client": subject.get("commonName", ""),
        }
        print(json.dumps(seen), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


certificate, key, *authority = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if authority:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority[0])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
# The handshake belongs to the connection's own thread.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
