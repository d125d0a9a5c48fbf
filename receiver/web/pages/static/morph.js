// Changes an element into another one with as few changes as possible, so that focus, selection, scroll position
// and opened details stay. Children with `data-key` are matched wherever they are.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

const isSame = (old, fresh) =>
  old !== null && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    const opened = name === "open" && old.nodeName === "DETAILS"; // opened by the reader
    if (!fresh.hasAttribute(name) && !opened) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name === "open" && old.nodeName === "DETAILS") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function removed(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

function morphChildren(old, fresh) {
  const wanted = new Set([...fresh.childNodes].map(keyOf).filter(Boolean));
  const kept = new Map();
  for (const child of [...old.childNodes]) {
    const key = keyOf(child);
    if (key && wanted.has(key)) kept.set(key, child);
    else if (key) child.remove(); // first of all, so that the others need not move
  }
  let next = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const match = key ? kept.get(key) : isSame(next, child) ? next : undefined;
    if (!match || !isSame(match, child)) {
      old.insertBefore(child, next);
      if (match) match.remove();
      continue;
    }
    while (next && next !== match && !keyOf(next)) next = removed(next); // nodes between two that were removed
    if (match === next) next = next.nextSibling;
    else old.insertBefore(match, next);
    morph(match, child);
  }
  while (next) next = removed(next);
}

/** Change `old` into `fresh`, an element of the same kind, whose children may be moved out of it. */
export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (!old.isEqualNode(fresh)) {
    morphAttributes(old, fresh);
    morphChildren(old, fresh);
  }
}
