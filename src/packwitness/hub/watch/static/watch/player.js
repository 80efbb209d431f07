// Pages that play a film stand without this file. With it, moments seek, cameras change at the same moment, and a parcel
// that is being packed right now is seen live and turns into its film without a reload.
//
// The page: #playing holds all that changes with the camera or the seal, in it video#film, links [data-at] that seek, and
// .cameras with links to this page with another camera.

const RETRY = 1000;

let live = null;
let timer = 0;

const film = () => document.querySelector("#film");
const moments = () => [...document.querySelectorAll("#playing a[data-at]")];

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
    setTimeout(() => { if (video.isConnected && timer) attach(video); }, RETRY);
  });
  live.loadSource(video.dataset.live);
  live.attachMedia(video);
}

async function playLive(video) {
  timer = setInterval(() => watchForSeal(video), Number(video.dataset.poll) * 1000);
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
  if (!over && (!answer?.ok || (await answer.json()).state === "recording")) return;
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
  if (at > 0) {
    const seek = () => { video.currentTime = Math.min(Math.max(0, at - offset(video)), Math.max(0, video.duration - 0.1)); };
    if (video.readyState > 0) seek();
    else video.addEventListener("loadedmetadata", seek, { once: true });
  }
  if (playing) video.play().catch(() => {});
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
