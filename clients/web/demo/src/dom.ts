/** The element with this id; the page has it, or the page is broken. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return existing<T>(document.getElementById(id), id);
}

/** The part of a view that has this name. */
export function part<T extends HTMLElement = HTMLElement>(view: ParentNode, name: string): T {
  return existing<T>(view.querySelector<T>(`[data-part="${name}"]`), name);
}

function existing<T extends HTMLElement>(element: HTMLElement | null, name: string): T {
  if (element === null) throw new Error(`the page has no ${name}`);
  return element as T;
}

/** Shows another icon of the sprite. */
export function setIcon(parent: ParentNode, name: string): void {
  parent.querySelector("use")?.setAttribute("href", `#icon-${name}`);
}

/** Sets what is read aloud only when it is news. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The round sign of a person: an initial, on a colour of their own. */
export function setAvatar(element: HTMLElement, name: string): void {
  setText(element, [...name][0]?.toUpperCase() ?? "?");
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  element.style.setProperty("--hue", `${hue}`);
}
