// A hand scanner is a keyboard that types very fast. This module tells its bursts from fingers.
//
// Keys are read by `event.code`, the place of the key, as on a US keyboard: scanners send those, while `event.key` is
// whatever the system's layout, its CapsLock or a Hangul input method made of it (a Korean IME turns "ABC" into "뮻").
// `event.timeStamp` is when the key was pressed, so that a busy page does not make a scanner look slow.

const IDLE_MS = 120;        // a burst without Enter or Tab ends after this long without a key
const PATIENT_MS = 600;     // the same where scanners are known to send Enter or Tab: a radio link that stumbles in the middle
                            // of a code must not make two shorter codes of it
const FAST_MS = 50;         // the median time between a scanner's keys is below this; fingers need more
const ENDS_KEY = "packwitness-scanner-ends";
const SHORTEST = 4;         // fewer keys than this are fingers
const LONGEST = 600;        // a burst beyond this is a jammed scanner; it is handed over and refused as too long

const SHIFTED = { Digit1: "!", Digit2: "@", Digit3: "#", Digit4: "$", Digit5: "%", Digit6: "^", Digit7: "&", Digit8: "*",
  Digit9: "(", Digit0: ")", Minus: "_", Equal: "+", BracketLeft: "{", BracketRight: "}", Backslash: "|", Semicolon: ":",
  Quote: '"', Comma: "<", Period: ">", Slash: "?", Backquote: "~" };
const PLAIN = { Minus: "-", Equal: "=", BracketLeft: "[", BracketRight: "]", Backslash: "\\", Semicolon: ";", Quote: "'",
  Comma: ",", Period: ".", Slash: "/", Backquote: "`", Space: " ", NumpadAdd: "+", NumpadSubtract: "-",
  NumpadMultiply: "*", NumpadDivide: "/", NumpadDecimal: "." };

// The character a key stands for, or "" for keys that write nothing.
export function character(event) {
  const { code, shiftKey, ctrlKey, altKey, metaKey, key } = event;
  if (ctrlKey && code === "BracketRight" && !altKey && !metaKey) return "\x1d";   // how scanners type GS
  if (ctrlKey || altKey || metaKey) return "";
  if (/^Key[A-Z]$/.test(code)) return shiftKey ? code[3] : code[3].toLowerCase();
  if (shiftKey && SHIFTED[code]) return SHIFTED[code];
  if (/^(Digit|Numpad)[0-9]$/.test(code)) return code.at(-1);
  if (PLAIN[code]) return PLAIN[code];
  // A soft keyboard or a scanner service of a handheld may send no code; then its plain characters are trusted.
  return code === "" && key.length === 1 && key >= " " && key <= "~" ? key : "";
}

// Calls `onScan(text)` for a burst and `onTyped(character | "Backspace" | "Enter")` for keys that fingers pressed.
// `typing()` says whether fingers are wanted now; if not, their keys keep their usual meaning for the browser.
export function listen(target, { onScan, onTyped, typing }) {
  let keys = [];          // [character, timeStamp]
  let timer = 0;
  let idle = localStorage.getItem(ENDS_KEY) ? PATIENT_MS : IDLE_MS;

  function take(ended) {
    clearTimeout(timer);
    const burst = keys;
    keys = [];
    if (burst.length === 0) return false;
    const gaps = burst.slice(1).map(([, stamp], n) => stamp - burst[n][1]).sort((a, b) => a - b);
    if (burst.length >= SHORTEST && gaps[gaps.length >> 1] < FAST_MS) {
      if (ended) {
        idle = PATIENT_MS;
        localStorage.setItem(ENDS_KEY, "yes");
      }
      onScan(burst.map(([text]) => text).join(""));
      return true;
    }
    if (typing()) {
      for (const [text] of burst) onTyped(text);
      if (ended) onTyped("Enter");
      return true;
    }
    return false;
  }

  target.addEventListener("keydown", (event) => {
    if (keys.length > 0 && event.timeStamp - keys.at(-1)[1] > idle) take(false);
    const ends = ["Enter", "NumpadEnter", "Tab"].includes(event.code) || event.key === "Enter" || event.key === "Tab";
    if (ends) {
      // The suffix must press no button and move no focus; without a burst before it, it is an ordinary key.
      if (keys.length > 0) event.preventDefault();
      const heard = take(true);
      if (!heard && event.key === "Enter" && typing() && !(event.target instanceof HTMLButtonElement)) onTyped("Enter");
      return;
    }
    if (event.code === "Backspace" && typing()) {
      take(false);
      onTyped("Backspace");
      return;
    }
    const text = character(event);
    if (!text || event.repeat) return;
    if (text === " " && keys.length === 0) return;      // space presses the button that has the focus
    event.preventDefault();
    event.stopPropagation();
    if (keys.length < LONGEST) keys.push([text, event.timeStamp]);
    clearTimeout(timer);
    timer = setTimeout(() => take(false), idle);
  }, { capture: true });
}
