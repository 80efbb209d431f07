// Draws a bench's view. What is drawn is a function of the view alone; only the running clock moves by itself.

import { Live } from "./live.js";
import { duration, message, number, page, size, time, warning } from "./texts.js";

const at = (id) => document.getElementById(id);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Write only what differs: a live region speaks whatever is written anew.
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export class Screen {
  #view = null;
  #lost = false;
  #since = 0;           // performance.now() when the running take began
  #lives = new Map();
  #drawn = {};

  constructor(bench) {
    this.bench = bench;
    setInterval(() => this.#tick(), 200);
  }

  get view() { return this.#view; }

  show(view) {
    if (view.running) this.#since = performance.now() - view.running.elapsed_ms;
    this.#view = view;
    this.#draw();
  }

  lost(isLost) {
    if (this.#lost === isLost) return;
    this.#lost = isLost;
    if (this.#view) this.#draw();
  }

  // What the state panel says now, for the voice.
  spoken() { return `${at("title").textContent}. ${at("advice").textContent}`; }

  #draw() {
    const view = this.#view;
    document.body.dataset.tone = this.#lost ? "refused" : view.tone;
    document.body.dataset.phase = view.phase;
    document.body.dataset.message = this.#lost ? "link_lost" : view.message;
    document.body.toggleAttribute("data-lost", this.#lost);
    document.body.toggleAttribute("data-order", Boolean(view.running?.order));
    this.#state(view);
    this.#once("chips", [view.status, view.cameras], () => this.#chips(view));
    this.#once("warnings", view.warnings, () => this.#warnings(view.warnings));
    this.#once("pictures", view.cameras, () => this.#pictures(view.cameras));
    this.#once("order", view.running?.order ?? null, (order) => this.#order(order));
    this.#once("takes", view.last_takes, (takes) => this.#takes(takes));
    this.#tick();
  }

  #once(part, data, draw) {
    const text = JSON.stringify(data);
    if (this.#drawn[part] === text) return;
    this.#drawn[part] = text;
    draw(data);
  }

  #state(view) {
    const said = message(this.#lost ? "link_lost" : view.message, view.logic, view.values);
    write(at("title"), said.title);
    write(at("advice"), said.advice);
    const code = view.running?.code ?? "";
    this.#once("code", code, () => {
      const shown = at("code");
      // Parted into fours by margins, not by spaces: what is copied or read by a screen reader stays whole.
      shown.replaceChildren(...(code.match(/.{1,4}/gs) ?? []).map((four) => element("span", "", four)));
      shown.dataset.length = code.length > 26 ? "long" : code.length > 16 ? "middle" : "short";
    });
  }

  #tick() {
    const running = this.#view?.running;
    write(at("clock"), running ? duration((performance.now() - this.#since) / 1000) : "");
  }

  #chips({ status, cameras }) {
    const down = cameras.filter((camera) => !camera.up);
    const offset = Math.abs(status.clock_offset_ms ?? 0) / 1000;
    const clock = status.clock_offset_ms === null ? "unknown" : status.clock_ok ? "ok" : "off";
    const chips = [
      [{ online: "good", offline: "bad", none: "plain" }[status.hub], page(`hub.${status.hub}`)],
      [{ fine: "good", low: "poor", full: "bad" }[status.disk], page(`disk.${status.disk}`, { size: size(status.disk_free_bytes) })],
      [{ ok: "good", unknown: "plain", off: "bad" }[clock], page(`clock.${clock}`, { seconds: number(offset, 1) })],
    ];
    const hours = status.disk_hours_left;
    if (hours !== null && status.disk !== "full") {
      const how = hours < 8 ? "poor" : "plain";
      chips.push([how, hours < 72 ? page("disk.hours", { n: number(hours) }) : page("disk.days", { n: number(Math.floor(hours / 24)) })]);
    }
    if (status.pending_parts > 0) chips.push(["plain", page("uploads", { n: number(status.pending_parts) })]);
    for (const camera of down) chips.push(["bad", camera.name]);
    at("chips").replaceChildren(...chips.map(([how, text]) => {
      const chip = element("li", "chip", text);
      chip.dataset.how = how;
      return chip;
    }));
  }

  #warnings(warnings) {
    at("warnings").replaceChildren(...warnings.map(({ code, values }) => element("li", "warning", warning(code, values))));
  }

  #pictures(cameras) {
    const ids = new Set(cameras.map((camera) => camera.id));
    for (const [id, { live, figure }] of this.#lives) {
      if (!ids.has(id)) { live?.close(); figure.remove(); this.#lives.delete(id); }
    }
    at("pictures").dataset.count = Math.min(cameras.length, 4);
    if (cameras.length === 0) { at("pictures").replaceChildren(element("p", "empty", page("live_none"))); return; }
    at("pictures").querySelector(".empty")?.remove();
    for (const camera of cameras) {
      const known = this.#lives.get(camera.id) ?? this.#camera(camera);
      known.name.textContent = camera.name;
      known.up = camera.up;
      if (!camera.live) known.say("unsupported");
      else if (!known.live) known.live = new Live(known.video, `/bench/${this.bench}/live/${camera.id}`, known.say);
      else known.say(known.state);
    }
  }

  #camera({ id, name }) {
    const figure = element("figure", "picture");
    const video = element("video");
    video.playsInline = true;
    const note = element("p", "note");
    const caption = element("figcaption", "", name);
    figure.append(video, note, caption);
    at("pictures").append(figure);
    const known = { figure, video, name: caption, live: null, state: "wait", up: true };
    // What the player says counts only while the station says the camera is there.
    known.say = (state) => {
      known.state = state;
      const shown = known.up || state === "unsupported" ? state : "lost";
      figure.dataset.state = shown;
      write(note, shown === "live" ? "" : page({ wait: "live_wait", lost: "live_lost", unsupported: "live_unsupported" }[shown]));
    };
    this.#lives.set(id, known);
    return known;
  }

  #order(order) {
    at("order").hidden = !order;
    if (!order) return;
    write(at("order-title"), page("order", { number: order.number }));
    const tiles = order.lines.map((line) => {
      const tile = element("li", "tile");
      const picture = element("span", "tile-picture");
      if (line.image_url) {
        const image = element("img");
        image.src = line.image_url;
        image.alt = "";
        picture.append(image);
      } else {
        picture.textContent = [...line.name][0] ?? "?";
        picture.style.setProperty("--hue", String([...line.sku + line.name].reduce((sum, each) => (sum * 31 + each.codePointAt(0)) % 360, 7)));
      }
      const count = element("span", "tile-count", `×${number(line.quantity)}`);
      count.toggleAttribute("data-many", line.quantity > 1);
      tile.append(picture, count, element("span", "tile-name", line.name), element("span", "tile-sku", line.sku));
      return tile;
    });
    at("tiles").replaceChildren(...(tiles.length ? tiles : [element("li", "empty", page("nothing_listed"))]));
  }

  #takes(takes) {
    const cards = takes.map((take) => {
      const card = element("li", "take");
      card.dataset.state = take.state;
      card.append(
        element("span", "take-code", take.code),
        element("span", "take-when", `${time(take.stopped_at)} · ${duration(take.duration_s)}`),
        element("span", "take-state", page(`film.${take.state}`, { n: number(take.parts_left) })),
      );
      return card;
    });
    at("takes").replaceChildren(...(cards.length ? cards : [element("li", "empty", page("last_none"))]));
  }
}
