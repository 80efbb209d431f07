// The live picture: the camera's own packets, as fragmented MP4 over a WebSocket into Media Source Extensions.
// The server sends {"mime": …} as text before each init segment, then the bytes. Nothing is decoded on the station.

import { address } from "./link.js";

// A player that runs dry waits for more and more pictures before it goes on (Chromium: up to 24), so it is kept a little
// behind the newest one: it begins with this much in hand, plays faster when it has too much, and jumps when it is lost.
const IN_HAND_S = 0.6;
const HURRY_S = 1.4;
const LOST_S = 4;
const KEEP_S = 10;        // older than this is thrown away
const AGAIN_MS = 1500;

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

export class Live {
  // `say(state)`: "wait" | "live" | "lost" | "unsupported"
  constructor(video, path, say) {
    this.video = video;
    this.path = path;
    this.say = say;
    this.closed = false;
    if (!Source) { say("unsupported"); return; }
    video.muted = true;
    video.disableRemotePlayback = true;     // ManagedMediaSource asks for it
    video.addEventListener("playing", () => say("live"));
    video.addEventListener("error", () => this.#again());
    this.#open();
  }

  close() {
    this.closed = true;
    this.socket?.close();
    clearTimeout(this.timer);
    this.#release();
  }

  #open() {
    this.say("wait");
    this.queue = [];
    this.buffer = null;
    this.source = null;
    this.socket = new WebSocket(address(this.path));
    this.socket.binaryType = "arraybuffer";
    const socket = this.socket;
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.socket) return;
      if (typeof data === "string") this.#init(JSON.parse(data).mime);
      else { this.queue.push(data); this.#feed(); }
    });
    socket.addEventListener("close", () => { if (socket === this.socket) this.#again(); });
  }

  #init(mime) {
    if (!mime || !Source.isTypeSupported(mime)) {
      this.say("unsupported");
      this.closed = true;
      this.socket.close();
      return;
    }
    if (this.buffer) {                       // the camera changed its stream in mid-picture
      this.queue.push({ mime });
      this.#feed();
      return;
    }
    this.#release();
    const source = new Source();
    this.source = source;
    this.url = URL.createObjectURL(source);
    this.video.src = this.url;
    source.addEventListener("sourceopen", () => {
      if (source !== this.source) return;
      this.buffer = source.addSourceBuffer(mime);
      // Segments keep their own times; after a gap in the camera's picture the player is taken over it below.
      this.buffer.addEventListener("updateend", () => { this.#keepUp(); this.#feed(); });
      this.#feed();
    }, { once: true });
  }

  #feed() {
    const { buffer, source } = this;
    if (!buffer || buffer.updating || source.readyState !== "open") return;
    const next = this.queue.shift();
    if (next === undefined) return;
    try {
      if (next.mime) { buffer.changeType(next.mime); this.#feed(); }
      else buffer.appendBuffer(next);
    } catch (error) {
      if (error.name === "QuotaExceededError") { this.queue.unshift(next); this.#forget(1); }
      else this.#again();
    }
  }

  #keepUp() {
    const { video, buffer } = this;
    const ranges = buffer.buffered;
    if (ranges.length === 0) return;
    const start = ranges.start(ranges.length - 1), end = ranges.end(ranges.length - 1);
    const behind = end - video.currentTime;
    if (video.currentTime < start || behind > LOST_S) video.currentTime = Math.max(start, end - IN_HAND_S);
    video.playbackRate = behind > HURRY_S ? 1.15 : 1;
    if (video.paused && end - start >= IN_HAND_S) video.play().catch(() => {});
    if (video.currentTime - ranges.start(0) > 2 * KEEP_S) this.#forget(KEEP_S);
  }

  #forget(seconds) {
    const until = this.video.currentTime - seconds;
    if (until > 0 && !this.buffer.updating) this.buffer.remove(0, until);
  }

  #again() {
    if (this.closed) return;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.say("lost");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#open(), AGAIN_MS);
  }

  #release() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }
}
