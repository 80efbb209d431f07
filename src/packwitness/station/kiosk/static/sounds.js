// One sound for each state, made of tones, and a voice where the browser has one for the language.
// Browsers let a page sound only after it was touched or a key was pressed; a scan is a key.

const TONES = {       // [frequency Hz, begins s, lasts s, wave]
  start: [[660, 0, 0.09, "sine"], [990, 0.1, 0.16, "sine"]],
  stop: [[880, 0, 0.1, "sine"], [587, 0.11, 0.2, "sine"]],
  warn: [[784, 0, 0.11, "triangle"], [784, 0.18, 0.11, "triangle"], [784, 0.36, 0.11, "triangle"]],
  refuse: [[196, 0, 0.22, "square"], [147, 0.26, 0.38, "square"]],
  pause: [[523, 0, 0.12, "sine"], [440, 0.13, 0.16, "sine"]],
  resume: [[440, 0, 0.12, "sine"], [523, 0.13, 0.16, "sine"]],
};
const VOLUME = { sine: 0.5, triangle: 0.6, square: 0.22 };
const KEY = "packwitness-sound";

export class Sounds {
  #context = null;

  constructor(language, onChange) {
    this.language = language;
    this.onChange = onChange;
    this.wanted = localStorage.getItem(KEY) !== "off";
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => this.#unlock(), { capture: true });
    }
    globalThis.speechSynthesis?.getVoices();      // some browsers load their voices at the first question
  }

  // "on" | "off" | "touch" (wanted, but the browser waits for a touch)
  get state() {
    if (!this.wanted) return "off";
    return this.#context?.state === "running" ? "on" : "touch";
  }

  toggle() {
    this.wanted = this.state === "off";
    localStorage.setItem(KEY, this.wanted ? "on" : "off");
    if (!this.wanted) globalThis.speechSynthesis?.cancel();
    this.onChange();
  }

  play(sound, text) {
    if (this.state !== "on" || !TONES[sound]) return;
    const now = this.#context.currentTime;
    let end = 0;
    for (const [frequency, begin, length, wave] of TONES[sound]) {
      const oscillator = new OscillatorNode(this.#context, { type: wave, frequency });
      const gain = new GainNode(this.#context, { gain: 0 });
      gain.gain.setValueAtTime(0, now + begin);
      gain.gain.linearRampToValueAtTime(VOLUME[wave], now + begin + 0.01);
      gain.gain.setValueAtTime(VOLUME[wave], now + begin + length - 0.03);
      gain.gain.linearRampToValueAtTime(0, now + begin + length);
      oscillator.connect(gain).connect(this.#context.destination);
      oscillator.start(now + begin);
      oscillator.stop(now + begin + length);
      end = Math.max(end, begin + length);
    }
    setTimeout(() => this.#speak(text), 1000 * end);
  }

  #speak(text) {
    const voice = globalThis.speechSynthesis?.getVoices().find((each) => each.lang.startsWith(this.language));
    if (!voice || !text || !this.wanted) return;
    speechSynthesis.cancel();       // the newest counts
    const spoken = new SpeechSynthesisUtterance(text);
    spoken.voice = voice;
    spoken.lang = voice.lang;
    speechSynthesis.speak(spoken);
  }

  #unlock() {
    if (!this.wanted || this.state === "on") return;
    this.#context ??= new AudioContext();
    this.#context.resume().then(() => this.onChange());
  }
}
