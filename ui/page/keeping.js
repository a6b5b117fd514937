() => {
  // Conversations are kept in this browser: each under a key of its own, so that two open tabs touch different ones.
  // Here is what is kept and how it is opened again; history.js shows the list, saving.js writes files and reads them.
  const PREFIX = "footnote.conversations.";
  const CURRENT = "footnote.conversation";
  const MOST_CONVERSATIONS = 200;
  // What the server takes in one piece: see desk.py.
  const MOST_TURNS = 100;
  const MOST_CHARS = 1_900_000;
  const LONGEST_NAME = 120;
  const OPENING_MS = 20_000;
  // After the server's last word, until the page shows it.
  const SHOWN_MS = 100;

  const find = (selector) => document.querySelector(selector);
  // Whoever shows the list wants to know of it: history.js puts its own functions here.
  const told = { changed: () => {}, tell: () => {} };
  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  };

  // ---------------------------------------------------------------- what is kept

  const storage = (() => {
    try {
      localStorage.setItem("footnote.probe", "1");
      localStorage.removeItem("footnote.probe");
      return localStorage;
    } catch {
      return null;
    }
  })();
  const idsOf = (turns) => turns.map((turn) => turn.id).join();
  const load = (id) => {
    const kept = storage && id ? parsed(storage.getItem(PREFIX + id)) : null;
    return kept && Array.isArray(kept.turns) && kept.turns.every((turn) => turn?.id) ? kept : null;
  };
  const all = () => {
    if (!storage) return [];
    const ids = Object.keys(storage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
    return ids.map(load).filter(Boolean).sort((one, other) => other.updated - one.updated);
  };
  const remove = (id) => storage?.removeItem(PREFIX + id);
  const removeAll = () => Object.keys(storage).filter((key) => key.startsWith(PREFIX)).forEach((key) => storage.removeItem(key));
  const dropOldest = (except) => {
    const oldest = all().filter((one) => one.id !== except).pop();
    if (!oldest) return false;
    remove(oldest.id);
    told.tell("dropped", oldest.name);
    return true;
  };
  // What is new comes before what is old, unless it is only `added` from elsewhere: that takes no place of another.
  const save = (kept, { added = false } = {}) => {
    if (!storage || (added && all().length >= MOST_CONVERSATIONS)) return false;
    for (;;) {
      try {
        storage.setItem(PREFIX + kept.id, JSON.stringify(kept));
        break;
      } catch {
        if (added) return false;
        if (!dropOldest(kept.id)) {
          told.tell("full");
          return false;
        }
      }
    }
    const count = Object.keys(storage).filter((key) => key.startsWith(PREFIX)).length;
    for (let over = count; over > MOST_CONVERSATIONS && dropOldest(kept.id); over -= 1);
    return true;
  };

  // ---------------------------------------------------------------- what is on the page

  // `skipped` is how many kept turns come before the first on the page; below 0 where the first ones are not kept.
  let current = parsed(sessionStorage.getItem(CURRENT));
  let known = idsOf(load(current?.id)?.turns ?? []);
  let opening = null;
  let undoing = false;
  let last = "";
  // The answers that this page has put away already, wherever.
  const filed = new Set();

  const setCurrent = (id, skipped = 0) => {
    current = id ? { id, skipped } : null;
    if (current) sessionStorage.setItem(CURRENT, JSON.stringify(current));
    else sessionStorage.removeItem(CURRENT);
  };
  const newId = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
  const nameOf = (turns) => (turns[0]?.question ?? "").trim().replace(/\s+/g, " ").slice(0, LONGEST_NAME);

  const begin = (turns, skipped) => {
    const now = Date.now();
    setCurrent(newId(), skipped);
    write({ id: current.id, name: nameOf(turns), named: false, created: now, updated: now }, turns);
  };
  const write = (kept, turns) => {
    known = idsOf(turns);
    save({ ...kept, name: kept.named ? kept.name : nameOf(turns), updated: Date.now(), turns });
    told.changed();
  };

  const shown = () => {
    const groups = [...document.querySelectorAll("#fn-panel .fn-group[data-receipt]")];
    return groups.map((group) => ({ turn: Number(group.id.slice(1)), id: group.dataset.answer, group }));
  };
  const sync = () => {
    const groups = shown().sort((one, other) => one.turn - other.turn);
    const key = groups.map((one) => `${one.turn}:${one.id}`).join();
    if (key === last && !opening) return;
    last = key;
    if (opening && !opening.isShown && !settle(groups)) return;
    if (!groups.length) {
      if (undoing) emptied();
      return;
    }
    undoing = false;
    const receipts = new Map(groups.map((one) => [one.id, parsed(one.group.dataset.receipt)]));
    file(groups.filter((one) => receipts.get(one.id)), receipts);
    groups.forEach((one) => filed.add(one.id));
  };
  const file = (groups, receipts) => {
    const kept = load(current?.id);
    if (!kept) {
      // A new conversation, or one that was deleted meanwhile: what was deleted stays deleted.
      const fresh = groups.filter((one) => !filed.has(one.id));
      if (fresh.length) begin(fresh.map((one) => receipts.get(one.id)), 1 - fresh[0].turn);
      return;
    }
    const old = new Map(kept.turns.map((turn) => [turn.id, turn]));
    const now = (one) => old.get(one.id) ?? receipts.get(one.id);
    if (idsOf(kept.turns) !== known) {
      // The same conversation goes on in another tab: from here on, this is another one.
      if (groups.some((one) => !old.has(one.id))) begin(groups.map(now), 1 - groups[0].turn);
      return;
    }
    const places = new Map(groups.map((one) => [one.turn, one]));
    const turns = kept.turns.slice(0, Math.max(0, current.skipped));
    for (let turn = 1; turn <= groups.at(-1).turn; turn += 1) {
      const one = places.get(turn);
      // The server forgets the sources of early answers; they are still kept here.
      const receipt = one ? now(one) : kept.turns[current.skipped + turn - 1];
      if (receipt) turns.push(receipt);
    }
    if (idsOf(turns) !== known) write(kept, turns);
  };
  // The only question was taken back.
  const emptied = () => {
    undoing = false;
    const kept = load(current?.id);
    if (kept && current.skipped > 0) write(kept, kept.turns.slice(0, current.skipped));
    else if (kept) {
      remove(kept.id);
      setCurrent(null);
      told.changed();
    }
  };

  // ---------------------------------------------------------------- opening

  const open = (id) => {
    const kept = load(id);
    if (!kept?.turns.length) return;
    let from = Math.max(0, kept.turns.length - MOST_TURNS);
    while (from < kept.turns.length - 1 && JSON.stringify(kept.turns.slice(from)).length > MOST_CHARS) from += 1;
    find("#fn-stop-button")?.click();
    const late = setTimeout(notOpened, OPENING_MS);
    opening = { id, skipped: from, ids: new Set(kept.turns.map((turn) => turn.id)), known: idsOf(kept.turns), late };
    globalThis.footnote.command({ do: "open", turns: kept.turns.slice(from) });
  };
  const endOpening = () => {
    clearTimeout(opening?.late);
    opening = null;
  };
  const notOpened = () => {
    if (!opening.isShown) told.tell("notOpened");
    endOpening();
    release();
  };
  // Whether the page now shows what was opened.
  const settle = (groups) => {
    if (!groups.some((one) => opening.ids.has(one.id))) return false;
    known = opening.known;
    setCurrent(opening.id, opening.skipped);
    opening.isShown = true;
    return true;
  };
  // The server has said its last word to a command.
  globalThis.footnote.followed = () => setTimeout(() => {
    if (!opening) return;
    sync();
    if (!opening.isShown) {
      notOpened();
      return;
    }
    endOpening();
    told.changed();
    release();
  }, SHOWN_MS);
  const leave = () => {
    endOpening();
    held = false;
    setCurrent(null);
    told.changed();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("#fn-new")) leave();
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest("#fn-command")) undoing = parsed(event.target.value)?.do === "undo";
  }, true);

  // ---------------------------------------------------------------- asking while a conversation is being opened

  // The question waits until the answers before it are there: it may depend on them, and would be lost to them.
  let restored = false;
  let held = false;
  const box = () => find("#fn-question textarea");
  const hold = (event) => {
    const isOpening = opening || (!restored && load(current?.id));
    if (!isOpening) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    held = true;
  };
  const release = () => {
    const wanted = held && box()?.value.trim();
    held = false;
    if (wanted) find("#fn-ask-button")?.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === box()) hold(event);
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest("#fn-ask-button")) hold(event);
  }, true);

  const watch = () => {
    if (!restored && find("#fn-panel .fn-empty")) {
      // The page is up: what was open in this tab comes back.
      restored = true;
      if (current) open(current.id);
    }
    sync();
  };
  new MutationObserver(watch).observe(document.body, { subtree: true, childList: true });
  watch();

  globalThis.footnote.keeping = {
    PREFIX, LONGEST_NAME, storage, load, all, save, remove, removeAll, open, leave, newId, nameOf, idsOf, told, parsed,
    current: () => current?.id,
  };
}
