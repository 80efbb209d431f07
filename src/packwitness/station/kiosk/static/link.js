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
  #fresh = true;        // the page was opened and the socket has not been there yet
  #early = [];
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

  // Returns whether the scan went out. One that comes while the page has only just been opened waits for the socket; one that
  // comes while the station is away does not: later, another parcel may lie on the bench.
  scan(code, source) {
    const message = JSON.stringify({ number: ++this.#number, code, source });
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
    else if (this.#fresh) this.#early.push(message);
    else return false;
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
    socket.addEventListener("open", () => {
      this.#heard = performance.now();
      this.#fresh = false;
      for (const message of this.#early.splice(0)) socket.send(message);
    });
    socket.addEventListener("close", () => { if (socket === this.#socket) this.#lose(); });
  }

  #lose() {
    const socket = this.#socket;
    this.#socket = null;
    this.#fresh = false;
    this.#early = [];
    socket?.close();
    this.#on.down();
    setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
  }
}
