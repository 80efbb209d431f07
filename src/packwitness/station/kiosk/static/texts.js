// The page's words, as the server wrote them into it.

let strings, language;

export function load(all, lang) {
  strings = all;
  language = lang;
}

// Fill the words in braces.
function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function message(key, logic, values) {
  const found = strings.messages[`${key}.${logic}`] ?? strings.messages[key];
  const { title, advice } = found ?? strings.messages.unknown;
  return { title: fill(title, { key, ...values }), advice: fill(advice, { key, ...values }) };
}

export function warning(key, values) {
  return fill(strings.warnings[key] ?? strings.warnings.unknown, { key, ...values });
}

export function page(key, values) {
  return fill(strings.page[key] ?? key, values);
}

export function time(iso) {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
}

export function size(bytes) {
  const units = ["gigabyte", "terabyte"];
  const [unit, amount] = bytes >= 1e12 ? [units[1], bytes / 1e12] : [units[0], bytes / 1e9];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: amount < 10 ? 1 : 0 }).format(amount);
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
}

// 83 -> "1:23", 3723 -> "1:02:03"
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}
