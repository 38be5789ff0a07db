"""A receiver that verifies, deduplicates and answers: SECRET=whsec_... python examples/receiver.py 9000"""

import base64
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
SEEN: set[str] = set()  # in earnest: a unique key, written in the same transaction as what the event changes


class Receiver(BaseHTTPRequestHandler):
    timeout = 10  # seconds for a silent client

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers["content-length"] or 0), 1 << 20))
        event_id, sent_at = self.headers["webhook-id"] or "", self.headers["webhook-timestamp"] or "0"
        signature = hmac.digest(KEY, f"{event_id}.{sent_at}.".encode() + body, "sha256")
        expected = f"v1,{base64.b64encode(signature).decode()}"
        given = (self.headers["webhook-signature"] or "").split()  # several while a secret is being replaced
        genuine = any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)
        if not genuine or abs(time.time() - int(sent_at)) > 300:  # older ones may be somebody's recording
            return self.answer(401)
        if event_id not in SEEN:  # a repeat is answered like the first one, and changes nothing
            event = json.loads(body)
            print(event["type"], event["source"], event["id"], event.get("data"), flush=True)
            SEEN.add(event_id)
        return self.answer(204)  # soon, and only when the event is safe: other answers mean a retry

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
