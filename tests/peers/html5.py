"""html5.py HTTPPORT SPICEPORT OUT.png [SECONDS]: the canvas that spice-html5 in headless Chromium shows, over the DevTools protocol."""
import base64, json, os, socket, struct, subprocess, sys, tempfile, time, urllib.request
http, port, out = sys.argv[1:4]
most = float(sys.argv[4]) if len(sys.argv) > 4 else 40
tmp = tempfile.mkdtemp()
url = f"http://127.0.0.1:{http}/spice_auto.html?host=127.0.0.1&port={port}"
chrome = subprocess.Popen(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    f"--user-data-dir={tmp}", "--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1600,1400", "about:blank"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    f = os.path.join(tmp, "DevToolsActivePort")
    for _ in range(300):
        if os.path.exists(f) and open(f).read().count("\n"): break
        time.sleep(0.1)
    dev = int(open(f).readline())
    pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{dev}/json"))
    path = "/" + next(p for p in pages if p["type"] == "page")["webSocketDebuggerUrl"].split("/", 3)[3]
    s = socket.create_connection(("127.0.0.1", dev)); s.settimeout(60)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{dev}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    buf = b""
    while b"\r\n\r\n" not in buf: buf += s.recv(1)
    def read(n):
        b = b""
        while len(b) < n: b += s.recv(n - len(b))
        return b
    def recv():
        data = b""
        while True:
            h = read(2); n = h[1] & 127
            if n == 126: n = struct.unpack(">H", read(2))[0]
            elif n == 127: n = struct.unpack(">Q", read(8))[0]
            data += read(n)
            if h[0] & 128: return json.loads(data)
    ids = iter(range(1, 1 << 30))
    def call(method, **params):
        i = next(ids); p = json.dumps({"id": i, "method": method, "params": params}).encode()
        n = len(p); h = b"\x81" + (bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)) + b"\0\0\0\0"
        s.sendall(h + p)
        while True:
            m = recv()
            if m.get("id") == i: return m.get("result", m)
    def js(e):
        return call("Runtime.evaluate", expression=e, returnByValue=True)["result"].get("value")
    call("Page.navigate", url=url)
    last, since, begin = None, time.time(), time.time()
    while time.time() - begin < most:
        time.sleep(0.4)
        v = js("(()=>{const c=document.querySelector('#spice-screen canvas, canvas'); return c ? c.toDataURL('image/png') : null})()")
        if v != last: last, since = v, time.time()
        if last and time.time() - since > 2.5: break
    if not last: print("no canvas:", js("document.body.innerText.slice(0,300)")); sys.exit(1)
    open(out, "wb").write(base64.b64decode(last.split(",", 1)[1]))
finally:
    chrome.kill(); chrome.wait()
    subprocess.run(["rm", "-rf", tmp])
