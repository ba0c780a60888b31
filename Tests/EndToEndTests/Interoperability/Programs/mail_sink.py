"""Takes mail by SMTP and writes down what came.

    mail_sink.py PORT FOLDER

FOLDER gets mails.jsonl (one line a mail that was taken), refusals.jsonl (one line a refusal) and, once the port is open,
the empty file "ready". The recipient decides what happens:

    greylisted-…@   the first two times the recipient is refused with 451
    busy-…@         the first two times each mail is refused with 451 after its text
    slow-…@         taken and written down at once, and answered three seconds later
    refused-…@      the recipient is refused for good, with 550
    …               taken at once

Refusals name the recipient, as Postfix's do: a sender must not repeat that anywhere.
"""

import collections
import email
import email.policy
import json
import pathlib
import re
import socketserver
import sys
import threading
import time

folder = pathlib.Path(sys.argv[2])
lock = threading.Lock()
tries = collections.Counter()


def append(name, value):
    with lock, open(folder / name, "a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def refuses(stage, key, recipient):
    """Whether this is one of the first two tries."""
    with lock:
        tries[stage, key] += 1
        refused = tries[stage, key] <= 2
    if refused:
        append("refusals.jsonl", {"stage": stage, "recipient": recipient})
    return refused


class Session(socketserver.StreamRequestHandler):
    def reply(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.reply("220 sink ESMTP")
        sender, recipients = "", []
        while line := self.rfile.readline().decode("ascii").rstrip("\r\n"):
            command = line.split(" ")[0].split(":")[0].upper()
            address = re.search(r"<(.*?)>", line)
            if command in ("EHLO", "HELO"):
                self.reply("250-sink")
                self.reply("250 8BITMIME")
            elif command == "MAIL":
                sender, recipients = address.group(1), []
                self.reply("250 ok")
            elif command == "RCPT":
                recipient = address.group(1)
                if recipient.startswith("greylisted-") and refuses("RCPT", recipient, recipient):
                    self.reply(f"451 4.7.1 <{recipient}>: Recipient address rejected: greylisted")
                elif recipient.startswith("refused-"):
                    append("refusals.jsonl", {"stage": "RCPT", "recipient": recipient})
                    self.reply(f"550 5.1.1 <{recipient}>: Recipient address rejected: no such user")
                else:
                    recipients.append(recipient)
                    self.reply("250 ok")
            elif command == "DATA":
                self.reply("354 go on")
                self.take(sender, recipients, self.read_text())
            elif command == "QUIT":
                self.reply("221 bye")
                return
            else:
                self.reply("250 ok" if command in ("RSET", "NOOP") else "502 unknown")

    def read_text(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def take(self, sender, recipients, raw):
        message = email.message_from_bytes(raw, policy=email.policy.default)
        recipient = recipients[0]
        if recipient.startswith("busy-") and refuses("DATA", message["Message-ID"], recipient):
            self.reply(f"451 4.3.0 <{recipient}>: try again later")
            return
        append(
            "mails.jsonl",
            {
                "sender": sender,
                "recipients": recipients,
                "from": str(message["From"]),
                "to": str(message["To"]),
                "subject": str(message["Subject"]),
                "messageID": str(message["Message-ID"]),
                "text": message.get_content().replace("\r\n", "\n"),
                "defects": [repr(defect) for defect in message.defects],
            },
        )
        if recipient.startswith("slow-"):
            time.sleep(3)
        self.reply("250 taken")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", int(sys.argv[1])), Session) as server:
    (folder / "ready").touch()
    server.serve_forever()
