// What every page does once it stands: times in the reader's own zone, copy buttons, one open menu at a time.

const formats = { dateStyle: "medium", timeStyle: "short" };

export function localTimes(root) {
  const language = document.documentElement.lang || undefined;
  const format = new Intl.DateTimeFormat(language, formats);
  for (const time of root.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  }
}

// <button data-copy="text"> or <button data-copy-from="#id">; data-copied says what the button shows afterwards.
async function copy(button) {
  const source = button.dataset.copyFrom ? document.querySelector(button.dataset.copyFrom) : null;
  const text = source ? (source.value ?? source.textContent).trim() : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard: select the text, so that Ctrl-C is all that is left to do.
    if (source?.select) source.select();
    return;
  }
  const before = button.innerHTML;
  button.textContent = button.dataset.copied || "✓";
  setTimeout(() => { button.innerHTML = before; }, 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("htmx:afterSwap", (event) => localTimes(event.target));
localTimes(document);
