// The list of releases, best first, with their reasons. It changes with every indexer that answers, while the viewer reads, points and tabs.

const byId = id => document.getElementById(id);

const size = bytes => !bytes ? null : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

/** The newest list, while it waits for a press to end; nothing otherwise. */
let waiting = null;
let isPressed = false;
/** Draws a list: set by `start`. */
let drawNow = null;

/** Shows this list. While a button of the old one is held down it waits, so that what is pressed is what was aimed at. */
export const draw = list => {
  if (isPressed) waiting = list;
  else drawNow(list);
};

/** Wires the list; `make` makes an element, `choose(candidate)` plays. */
export const start = (make, choose) => {
  const row = (candidate, isBest) => make("li", {"data-release": candidate.release},
    make("span", {class: "release-name"}, candidate.name),
    make("button", {type: "button", onclick: () => choose(candidate), "aria-label": `Play ${candidate.name}`}, isBest ? "Play the best" : "Play"),
    make("span", {class: "facts"}, [size(candidate.size_bytes), candidate.seeder_count === null || candidate.seeder_count === undefined ? null : `${candidate.seeder_count} seeders`,
      candidate.tracker || candidate.indexer, `score ${candidate.score}`].filter(Boolean).join(" · ")),
    make("div", {class: "reasons"}, ...candidate.reasons.map(reason => make("span", {class: reason.points > 0 ? "plus" : reason.points < 0 ? "minus" : ""},
      `${reason.text}${reason.points ? ` ${reason.points > 0 ? "+" : "−"}${Math.abs(reason.points)}` : ""}`))));

  drawNow = ({candidates, rejected}) => {
    const focused = document.activeElement?.closest("#releases li")?.dataset.release;
    byId("releases").replaceChildren(...candidates.map((candidate, index) => row(candidate, index === 0)));
    // Who goes through the list by keyboard stays on the release, wherever it stands now.
    if (focused) [...byId("releases").children].find(one => one.dataset.release === focused)?.querySelector("button").focus({preventScroll: true});
    const box = byId("rejected");
    box.hidden = !rejected.length;
    box.querySelector("summary").textContent = `${rejected.length} left out`;
    box.querySelector("ul").replaceChildren(...rejected.map(one => make("li", {}, `${one.name}: ${one.reason}`)));
  };

  const released = () => {
    isPressed = false;
    // The press is heard by the button first.
    setTimeout(() => {
      if (isPressed || !waiting) return;
      const list = waiting;
      waiting = null;
      drawNow(list);
    });
  };
  const pressed = () => { isPressed = true; };
  byId("releases").addEventListener("pointerdown", pressed);
  byId("releases").addEventListener("keydown", event => { if (event.key === " ") pressed(); });
  for (const end of ["pointerup", "pointercancel", "keyup", "blur"]) addEventListener(end, released);
};
