// Lists narrow themselves as soon as a filter is chosen. Without this file the search button does it.

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-send-on-change]");
  if (form && event.target.matches("select")) form.requestSubmit();
});
