#!/usr/bin/env python3
"""What Debian's spice-html5 shows, in headless Chromium over the DevTools protocol. Nothing but Python's own library.

Reads cases from standard input, a line each, and answers each with a line:

    PORT SECONDS SUM OUT.png
    right | wrong WIDTHxHEIGHT | nothing TEXT

The page connects to the SPICE server at 127.0.0.1:PORT. The answer comes once the picture's sum has been SUM for a
third of a second, or when it has not changed for fifteen seconds, or after SECONDS; OUT.png is then the page's canvas
("-" for none). SUM is FNV-1a of 32 bits, in hexadecimal, each pixel taken as one number red | green << 8 | blue << 16,
in reading order, after width and height; "-" for none.
"""
import base64, functools, http.server, json, os, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time
import urllib.request

PAGES = "/usr/share/spice-html5"
# Looks at the canvas without disturbing it: [width, height, sum].
LOOK = """(() => {
  const canvas = document.querySelector('#spice-screen canvas');
  if (!canvas) return null;
  const {width, height} = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let sum = 0x811c9dc5;
  for (const v of [width, height]) sum = Math.imul(sum ^ v, 0x01000193);
  for (const v of new Uint32Array(data.buffer)) sum = Math.imul(sum ^ (v & 0xffffff), 0x01000193);
  return [width, height, sum >>> 0];
})()"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Browser:
    """One page of a browser of our own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="spice-render-html5-")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-extensions",
                   "--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1600,1400"]
        self.process = subprocess.Popen(["chromium", *options, f"--user-data-dir={self.folder}", "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        self.ids = 0

    def open(self):
        port = os.path.join(self.folder, "DevToolsActivePort")
        for _ in range(300):
            if os.path.exists(port) and open(port).read().count("\n"):
                break
            time.sleep(0.1)
        port = int(open(port).readline())
        none = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        pages = json.load(none.open(f"http://127.0.0.1:{port}/json", timeout=30))
        path = "/" + next(p for p in pages if p["type"] == "page")["webSocketDebuggerUrl"].split("/", 3)[3]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.read(1)

    def read(self, count):
        parts = b""
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise EOFError("the browser is gone")
            parts += part
        return parts

    def message(self):
        text = b""
        while True:
            head = self.read(2)
            length = head[1] & 127
            if length > 125:
                length, = struct.unpack(">H" if length == 126 else ">Q", self.read(2 if length == 126 else 8))
            text += self.read(length)
            if head[0] & 128:
                return json.loads(text)

    def call(self, method, **params):
        self.ids += 1
        text = json.dumps({"id": self.ids, "method": method, "params": params}).encode()
        length = bytes([128 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        self.socket.sendall(b"\x81" + length + bytes(4) + text)
        while True:
            answer = self.message()
            if answer.get("id") == self.ids:
                return answer.get("result", {})

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True).get("result", {}).get("value")

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def case(browser, pages, port, seconds, wanted, out):
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"http://127.0.0.1:{pages}/spice_auto.html?host=127.0.0.1&port={port}")
    begin = since = right = time.monotonic()
    last = None
    while time.monotonic() - begin < seconds:
        time.sleep(0.15)
        now = browser.evaluate(LOOK)
        if now != last:
            last, since = now, time.monotonic()
        if last and f"{last[2]:08x}" == wanted:
            if time.monotonic() - since > 0.33:
                break
        elif last and time.monotonic() - since > 15:
            break
    if not last:
        text = browser.evaluate("document.body ? document.body.innerText.slice(0, 200) : ''") or ""
        return "nothing " + " ".join(text.split())
    if out != "-":
        url = browser.evaluate("document.querySelector('#spice-screen canvas').toDataURL('image/png')")
        with open(out, "wb") as file:
            file.write(base64.b64decode(url.split(",", 1)[1]))
    return "right" if f"{last[2]:08x}" == wanted else f"wrong {last[0]}x{last[1]}"


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=PAGES))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = Browser()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        browser.open()
        for line in sys.stdin:
            port, seconds, wanted, out = line.split(None, 3)
            print(case(browser, server.server_port, port, float(seconds), wanted, out.strip()), flush=True)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
