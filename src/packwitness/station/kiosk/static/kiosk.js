// Puts the page together: what the station says goes to the screen and the speaker, what is scanned goes to the station.

import { Link } from "./link.js";
import { Screen } from "./screen.js";
import { Sounds } from "./sounds.js";
import { load, page } from "./texts.js";
import { listen } from "./wedge.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const at = (id) => document.getElementById(id);
const COMMAND = "PWCMD:";

load(boot.strings, boot.language);
const screen = new Screen(boot.bench);
const sounds = new Sounds(boot.language, () => drawSound());
let cue = boot.view.cue.number;

function drawSound() {
  at("sound").textContent = page({ on: "sound_on", off: "sound_off", touch: "sound_touch" }[sounds.state]);
  at("sound").dataset.state = sounds.state;
}

function show(view) {
  screen.show(view);
  if (!view.running) at("sure").close();
  if (view.cue.number > cue && view.cue.sound) sounds.play(view.cue.sound, screen.spoken());
  cue = view.cue.number;       // a station that starts anew counts from 0 again
}

const link = new Link(`/bench/${boot.bench}/state`, boot.beat_ms, {
  view: show,
  answer: () => {},            // the view that follows says it all
  up: () => screen.lost(false),
  down: () => {
    screen.lost(true);
    at("pad").close();
    at("sure").close();
  },
});

function scan(code, source) {
  if (link.scan(code, source)) return;
  sounds.play("refuse", page("not_heard"));
}

// --- the scanner, and fingers on a keyboard while the pad is open

listen(window, {
  typing: () => at("pad").open,
  onScan: (code) => {
    at("pad").close();
    scan(code, "scanner");
  },
  onTyped: (key) => {
    if (key === "Enter") send();
    else if (key === "Backspace") erase();
    else type(key);
  },
});

// --- touch

for (const button of document.querySelectorAll("[data-command]")) {
  button.addEventListener("click", () => {
    at("sure").close();
    scan(COMMAND + button.dataset.command, "manual");
  });
}
at("sound").addEventListener("click", () => { sounds.toggle(); drawSound(); });
at("discard").addEventListener("click", () => at("sure").showModal());
at("sure-no").addEventListener("click", () => at("sure").close());

// --- typing a code by touch: no text field, so that neither a scanner's burst nor an input method can land in one

const LONGEST = 200;
const ROWS = ["1234567890", "QWERTYUIOP", "ASDFGHJKL-", "ZXCVBNM./"];

function type(key) {
  if (at("entry").value.length < LONGEST) at("entry").value += key.toUpperCase();
}
function erase() { at("entry").value = at("entry").value.slice(0, -1); }
function send() {
  const code = at("entry").value.trim();
  if (!code) return;
  at("pad").close();
  scan(code, "manual");
}

for (const row of ROWS) {
  const line = document.createElement("div");
  line.className = "key-row";
  for (const key of row) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "key";
    button.textContent = key;
    button.addEventListener("click", () => type(key));
    line.append(button);
  }
  at("keys").append(line);
}
at("type").addEventListener("click", () => { at("entry").value = ""; at("pad").showModal(); });
at("pad-close").addEventListener("click", () => at("pad").close());
at("pad-erase").addEventListener("click", erase);
at("pad-send").addEventListener("click", send);

drawSound();
show(boot.view);
