// Durations and ages that count on while the page is open, in the same words as receiver/web/pages/time_text.py.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = (duration, unit) => Math.floor(duration / unit);
const padded = (number) => String(number).padStart(2, "0");

export function elapsed(duration) {
  if (duration < 10 * SECOND) return `${(whole(duration, 100) / 10).toFixed(1)} s`;
  if (duration < MINUTE) return `${whole(duration, SECOND)} s`;
  if (duration < HOUR) return `${whole(duration, MINUTE)} min ${padded(whole(duration % MINUTE, SECOND))} s`;
  if (duration < DAY) return `${whole(duration, HOUR)} h ${padded(whole(duration % HOUR, MINUTE))} min`;
  return `${whole(duration, DAY)} d ${whole(duration % DAY, HOUR)} h`;
}

export function ago(past) {
  if (past < 5 * SECOND) return "just now";
  if (past < MINUTE) return `${whole(past, SECOND)} s ago`;
  if (past < HOUR) return `${whole(past, MINUTE)} min ago`;
  if (past < DAY) return `${whole(past, HOUR)} h ago`;
  return `${whole(past, DAY)} d ago`;
}

const WAYS = { since: elapsed, ago };

/** Bring every `data-since` and `data-ago` below an element up to a time, ms since 1970 by the server's clock. */
export function tick(root, now) {
  for (const [name, write] of Object.entries(WAYS)) {
    for (const element of root.querySelectorAll(`[data-${name}]`)) {
      const text = write(Math.max(0, now - Number(element.dataset[name])));
      if (element.textContent !== text) element.textContent = text;
    }
  }
}
