// The page's WebSocket to the station: comes back by itself, and says when it is not there.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 3000;

export function address(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

export class Link {
  #socket = null;
  #wait = FIRST_WAIT_MS;
  #heard = 0;
  #number = 0;
  #path;
  #silence;
  #on;

  // `on.view(body)`, `on.answer(body)`, `on.up()`, `on.down()`; down is told once until up again.
  constructor(path, beatMs, on) {
    this.#path = path;
    this.#silence = 2 * beatMs + 500;
    this.#on = on;
    this.#connect();
    // A station that hangs keeps its sockets open: silence counts as absence.
    setInterval(() => {
      if (this.#socket?.readyState === WebSocket.OPEN && performance.now() - this.#heard > this.#silence) this.#lose();
    }, 500);
  }

  // Returns whether the scan went out.
  scan(code, source) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ number: ++this.#number, code, source }));
    return true;
  }

  #connect() {
    const socket = new WebSocket(address(this.#path));
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      this.#heard = performance.now();
      const { kind, body } = JSON.parse(event.data);
      this.#wait = FIRST_WAIT_MS;
      this.#on.up();
      if (kind === "view") this.#on.view(body);
      if (kind === "answer") this.#on.answer(body);
    });
    socket.addEventListener("open", () => { this.#heard = performance.now(); });
    socket.addEventListener("close", () => { if (socket === this.#socket) this.#lose(); });
  }

  #lose() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#on.down();
    setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
  }
}
