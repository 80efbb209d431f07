// Pages that play a film stand without this file. With it, moments seek, cameras change at the same moment, and a parcel
// that is being packed right now is seen live and turns into its film without a reload.
//
// The page: #playing holds all that changes with the camera or the seal, in it video#film, links [data-at] that seek, and
// .cameras with links to this page with another camera.

const RETRY = 1000;

let live = null;
let timer = 0;
const BUSY = 60_000;

const film = () => document.querySelector("#film");
const moments = () => [...document.querySelectorAll("#playing :is(.chapters, .moments):not(.gaps) a[data-at]")];

// Each film counts from its own first picture; data-offset says how many ms after the take's first one that was.
const offset = (video) => Number(video.dataset.offset) / 1000;
const takeTime = (video) => video.currentTime + offset(video);

function mark() {
  const now = film()?.currentTime ?? 0;
  let current = null;
  for (const link of moments()) if (Number(link.dataset.at) <= now + 0.05) current = link;
  for (const link of moments()) {
    if (link === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// H.265: not every browser shows it. Asked for by RFC 6381 name; unknown names are left to the player.
const plays = (codec) => !codec || document.createElement("video").canPlayType(`video/mp4; codecs="${codec}"`) !== "";
const playsLive = (codec) => (window.MediaSource && codec ? MediaSource.isTypeSupported(`video/mp4; codecs="${codec}"`) : plays(codec));

// Shows one of the notes that stand beside the film, and the film only with a note that goes with one.
function note(name) {
  for (const one of document.querySelectorAll("#playing [data-copy-note]")) one.hidden = one.dataset.copyNote !== name;
  const video = film();
  if (video) video.hidden = !["", "is"].includes(name);
}

const copyOf = (video) => video.querySelector("source[data-copy]");

// Asks for a copy, waits for it, and plays it; the page can be left meanwhile.
async function playCopy(video, at, playing) {
  if (copyOf(video)) return note("is");
  if (video.dataset.asks) return;
  video.dataset.asks = "1";
  const answer = await fetch(video.dataset.copyState).catch(() => null);
  delete video.dataset.asks;
  if (!video.isConnected) return;
  const told = answer?.ok ? await answer.json() : { state: answer && answer.status < 500 ? "off" : "busy" };
  if (told.state === "ready") {
    const source = document.createElement("source");
    source.src = told.source;
    source.type = told.type;
    source.dataset.copy = "";
    const original = video.querySelector("source");
    if (original) original.after(source);
    else video.prepend(source);
    note("is");
    video.load();
    return seekTo(video, at, playing);
  }
  const waits = ["waiting", "converting"].includes(told.state);
  note(waits ? "under_way" : told.state === "busy" ? "busy" : "none");
  for (const bar of document.querySelectorAll("#playing [data-copy-note] progress")) bar.value = told.percent ?? 0;
  if (!waits && told.state !== "busy") return;
  video.dataset.asks = "1";
  setTimeout(() => {
    delete video.dataset.asks;
    if (video.isConnected) playCopy(video, at, playing);
  }, waits ? 2 * RETRY : BUSY);
}

// The browser took the original and cannot decode it: from here on there is the copy alone.
function giveUpOriginal(video) {
  if (![MediaError.MEDIA_ERR_DECODE, MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED].includes(video.error?.code)) return;
  const original = video.querySelector("source:not([data-copy])");
  if (!original) return;
  const at = takeTime(video);
  const playing = !video.paused;
  original.remove();
  if (!copyOf(video)) return playCopy(video, at, playing);
  note("is");
  video.load();
  seekTo(video, at, playing);
}

function seekTo(video, at, playing) {
  if (at > 0) {
    const seek = () => { video.currentTime = Math.min(Math.max(0, at - offset(video)), Math.max(0, video.duration - 0.1)); };
    if (video.readyState > 0) seek();
    else video.addEventListener("loadedmetadata", seek, { once: true });
  }
  if (playing) video.play().catch(() => {});
}

function loadHls(address) {
  if (window.Hls) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

function attach(video) {
  // A worker would be made from a blob, which the page's policy forbids; one camera needs none.
  live = new window.Hls({ enableWorker: false, liveSyncDurationCount: 2 });
  live.on(window.Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    // Nothing has arrived yet, or the line broke: as long as the page waits for the seal, so do we.
    live?.destroy();
    live = null;
    setTimeout(() => { if (video.isConnected && timer && !video.hidden) attach(video); }, RETRY);
  });
  live.loadSource(video.dataset.live);
  live.attachMedia(video);
}

async function playLive(video) {
  timer = setInterval(() => watchForSeal(video), Number(video.dataset.poll) * 1000);
  if (!playsLive(video.dataset.codec)) return note("live");
  if (video.canPlayType("application/vnd.apple.mpegurl") && !window.MediaSource) {
    video.src = video.dataset.live;
  } else {
    await loadHls(video.dataset.hls);
    if (window.Hls.isSupported()) attach(video);
  }
  video.play().catch(() => {});
}

async function watchForSeal(video) {
  const answer = await fetch(video.dataset.state).catch(() => null);
  // Thrown away at the bench, or the link was closed: the page itself says so.
  const over = answer && [403, 404, 410].includes(answer.status);
  const told = answer?.ok ? await answer.json() : { state: "recording" };
  // In what is filmed is known only once something has arrived.
  if (!over && told.state === "recording" && !playsLive(told.codec) && !video.hidden) {
    live?.destroy();
    live = null;
    note("live");
  }
  if (!over && told.state === "recording") return;
  if (over) location.reload();
  else await show(location.href, takeTime(video), !video.paused && video.currentTime > 0);
}

// Puts another state of this page in the place of this one, the film at the same moment: at seconds of the take.
async function show(address, at, playing) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#playing");
  const old = document.querySelector("#playing");
  if (!next || !old) return;
  clearInterval(timer);
  timer = 0;
  live?.destroy();
  live = null;
  old.replaceWith(document.adoptNode(next));
  // What the page does to every piece that is put in, such as showing times in the reader's zone, it does to this one too.
  next.dispatchEvent(new Event("htmx:afterSwap", { bubbles: true }));
  start(at, playing);
}

function start(at = 0, playing = false) {
  const video = film();
  if (!video) return;
  video.addEventListener("timeupdate", mark);
  if (video.dataset.live) {
    playLive(video).catch(() => {});
    return;
  }
  if (video.dataset.copyState) {
    // A browser that says it can, and then cannot, gets the copy as well.
    video.querySelector("source").addEventListener("error", () => playCopy(video, at, playing), { once: true });
    video.addEventListener("error", () => giveUpOriginal(video));
    // It may have failed before this script was there.
    giveUpOriginal(video);
    if (!plays(video.dataset.codec)) {
      playCopy(video, at, playing);
      if (!copyOf(video)) return;
    }
  }
  seekTo(video, at, playing);
  mark();
}

document.addEventListener("click", (event) => {
  const moment = event.target.closest("#playing a[data-at]");
  const camera = event.target.closest("#playing .cameras a");
  const video = film();
  if (event.ctrlKey || event.metaKey || event.shiftKey || !video || (!moment && !camera)) return;
  event.preventDefault();
  if (moment) {
    video.currentTime = Number(moment.dataset.at);
    video.play().catch(() => {});
    video.scrollIntoView({ block: "nearest" });
    return;
  }
  history.replaceState(null, "", camera.href);
  show(camera.href, takeTime(video), !video.paused);
});

start();
