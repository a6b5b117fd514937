() => {
  // The tab with the articles. What changes something goes to the API, what shows something to the box #fn-view.
  // Runs once when the page is up; everything is delegated, because Gradio replaces elements as it likes.
  const { make } = globalThis.footnote;
  const api = globalThis.footnote.address("v1/");
  const main = document.querySelector("main") ?? document.body;
  const find = (name) => document.querySelector(name);
  const status = () => find(".fn-status")?.dataset ?? {};
  const view = {
    text: "", source: "", language: "", collection: "", month: "", sort: "published", descending: true, page: 1, known: status().ended ?? "",
  };
  const BUSY_MS = 1000, UNDO_MS = 10000, TYPING_MS = 150;

  // Words, which Python has written into the page
  let said = null;
  const word = (name, blanks = {}) => {
    said ??= JSON.parse(find("#fn-words")?.dataset.words ?? "null");
    return String(said?.[name] ?? "").replace(/\{(\w+)\}/g, (_, blank) => blanks[blank] ?? "");
  };

  // What is said aloud, and what is said at the foot of the page
  const live = make("div", { id: "fn-live", className: "fn-hidden" });
  live.setAttribute("role", "status");
  const notice = make("div", { id: "fn-notice", hidden: true });
  const spoken = make("p", {});
  spoken.setAttribute("role", "status");
  const undo = make("button", { type: "button", className: "fn-link", hidden: true });
  notice.append(spoken, undo);
  main.append(live, notice);
  let leaving = 0;
  const leave = () => {
    clearTimeout(leaving);
    if (notice.matches(":hover") || undo.matches(":focus-visible")) leaving = setTimeout(leave, 2000);
    else notice.hidden = true;
  };
  const say = (text, undoing = null) => {
    clearTimeout(leaving);
    spoken.textContent = text;
    undo.textContent = word("undo");
    undo.hidden = !undoing;
    undo.onclick = undoing;
    notice.hidden = false;
    leaving = setTimeout(leave, UNDO_MS);
  };
  const announce = (text) => { live.textContent = text; };

  // To the API, and to the page
  const call = async (method, path, body) => {
    let answer;
    try {
      answer = await fetch(new URL(path, api), {
        method, cache: "no-store",
        ...(body instanceof FormData ? { body } : body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {}),
      });
    } catch {
      throw new Error(word("add_unreachable"));
    }
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(found.error?.message ?? answer.statusText);
    return found;
  };
  let asked = 0;
  const show = (wanted) => {
    const box = find("#fn-view textarea, #fn-view input");
    if (!box) return;
    asked = performance.now();
    const command = JSON.stringify({ ...view, do: wanted, generation: status().generation ?? "" });
    // Past Svelte's own setter, which would tell nobody; and the same text twice would be no change.
    const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), "value");
    set.call(box, command === box.value ? `${command} ` : command);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const changed = () => {
    view.known = status().ended ?? "";
    show("all");
  };
  const attempt = async (work) => {
    try {
      return await work();
    } catch (error) {
      say(error.message);
      return null;
    }
  };

  // The list
  let typing = 0;
  const choose = (changes, wanted = "articles") => {
    Object.assign(view, { page: 1 }, changes);
    show(wanted);
  };
  let wantsFocus = "";
  const focusOn = (key) => {
    const element = find(`[data-key="${CSS.escape(key)}"]`);
    element?.focus();
    return Boolean(element);
  };
  const clear = () => {
    find("#fn-search").value = "";
    find("#fn-search").focus();
    // The same HTML as before they were used would not be drawn again.
    document.querySelectorAll("#fn-library select[data-facet]").forEach((select) => { select.value = ""; });
    choose({ text: "", source: "", language: "", collection: "", month: "" }, "all");
  };
  const narrow = (facet, value) => {
    const select = find(`select[data-facet="${facet}"]`);
    choose({ [facet]: value }, select && [...select.options].some((option) => option.value === value) ? "articles" : "all");
    if (select) select.value = value;
    find("#fn-shelf").scrollIntoView({ block: "nearest" });
  };
  const sort = (key) => {
    const same = view.sort === key;
    choose({ sort: key, descending: same ? !view.descending : ["published", "passages"].includes(key) });
  };
  const turn = (button) => {
    choose({ page: Number(button.dataset.page) });
    find("#fn-shelf").scrollIntoView({ block: "start" });
  };

  // Deleting, and undoing it
  const restore = async (trash, { title, article }) => {
    if (!(await attempt(() => call("POST", "articles/restore", { trash_id: trash })))) return;
    say(word("restored", { title }));
    wantsFocus = `delete-${article}`;
    changed();
  };
  const remove = async ({ dataset }) => {
    const path = dataset.article.split("/").map(encodeURIComponent).join("/");
    const removed = await attempt(() => call("DELETE", `articles/${path}`));
    if (!removed) return;
    const { ...row } = dataset;
    say(word("deleted", { title: row.title }), () => restore(removed.trash_id, row));
    // Here it can be taken back at once; the row that had the focus is gone.
    undo.focus({ preventScroll: true });
    changed();
  };

  // Adding
  const outcome = (kind, name, text) => find("#fn-outcomes").append(
    make("li", { className: `fn-${kind}` }, make("b", { textContent: name }), ` ${text}`),
  );
  const refusal = (reason, detail) => {
    const known = word(`reason_${reason}`), advice = word(`advice_${reason}`);
    const adds = detail && word("code") === "en" && !detail.toLowerCase().startsWith(known);
    const why = known && adds ? `${known} (${detail})` : known || detail;
    return `${word("add_refused")}: ${why}${advice ? `. ${advice}` : ""}`;
  };
  const report = ({ name, status: kind, article_id, reason, detail }) => {
    const text = {
      refused: () => refusal(reason, detail),
      already_there: () => word("add_already_there"),
      added: () => (article_id && article_id !== name ? word("add_as", { name: article_id }) : word("add_done")),
    }[kind]();
    outcome(kind, name, text);
    return kind;
  };
  let isAdding = false;
  const addAll = async (items, line) => {
    if (isAdding || !items.length) return;
    isAdding = true;
    const progress = find(".fn-adding"), counts = { added: 0, already_there: 0, refused: 0 };
    find("#fn-outcomes").replaceChildren();
    for (const [place, item] of items.entries()) {
      progress.hidden = false;
      progress.textContent = line(item, place);
      try {
        // One request each, so that one file that is too large or a lost connection costs no other.
        for (const file of (await call("POST", "articles", item.body())).files) counts[report(file)] += 1;
      } catch (error) {
        outcome("refused", item.name, refusal("", error.message));
        counts.refused += 1;
      }
    }
    progress.hidden = true;
    isAdding = false;
    announce(word("add_summary", { added: counts.added, there: counts.already_there, refused: counts.refused }));
    if (counts.added) changed();
    return counts;
  };
  const addFiles = (files) => addAll(
    [...files].map((file) => ({
      name: file.name,
      body: () => {
        if (file.size > Number(word("largest"))) throw new Error(word("reason_too_large"));
        const form = new FormData();
        form.append("files", file, file.name);
        return form;
      },
    })),
    (item, place) => word("adding", { n: place + 1, total: files.length, name: item.name }),
  );
  const addText = async (form) => {
    const text = form.elements.text.value, given = form.elements.title.value.trim();
    const title = given || (text.split("\n").find((line) => line.trim()) ?? "").trim().slice(0, 100);
    if (!title) return;
    const counts = await addAll([{ name: title, body: () => ({ title, text }) }], () => word("adding", { n: 1, total: 1, name: title }));
    if (counts && !counts.refused) form.reset();
  };
  const addAddress = async (form) => {
    const url = form.elements.url.value.trim();
    const counts = await addAll([{ name: url, body: () => ({ url }) }], () => word("address_adding", { name: url }));
    if (counts && !counts.refused) form.reset();
  };

  // Files dropped anywhere on the tab
  const isOpen = () => Boolean(find("#fn-library")?.offsetParent);
  const drags = (event) => isOpen() && event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const light = (on) => {
    depth = on ? depth : 0;
    const box = find("#fn-library");
    box?.classList.toggle("fn-dragging", on);
    if (box) box.dataset.drop = word("drop_here");
  };
  document.addEventListener("dragenter", (event) => { if (drags(event)) { depth += 1; light(true); event.preventDefault(); } });
  document.addEventListener("dragleave", (event) => { if (drags(event) && (depth -= 1) <= 0) light(false); });
  document.addEventListener("dragover", (event) => {
    if (!drags(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", (event) => {
    if (!drags(event)) return;
    event.preventDefault();
    light(false);
    addFiles(event.dataTransfer.files);
  });

  // Rebuilding, and going back
  const confirmed = (button) => new Promise((resolve) => {
    const yes = make("button", { type: "button", className: "fn-button fn-strong", textContent: button.dataset.yes });
    const no = make("button", { type: "button", className: "fn-button", textContent: word("cancel") });
    const question = make("p", { id: "fn-question-text", textContent: button.dataset.ask });
    const dialog = make("dialog", { className: "fn-dialog" }, question, make("div", {}, no, yes));
    dialog.setAttribute("aria-labelledby", question.id);
    yes.onclick = () => dialog.close("yes");
    no.onclick = () => dialog.close();
    dialog.onclose = () => {
      dialog.remove();
      focusOn(button.dataset.key);
      resolve(dialog.returnValue === "yes");
    };
    main.append(dialog);
    dialog.showModal();
    no.focus();
  });
  const rebuild = async (options = {}) => {
    if (await attempt(() => call("POST", "index/rebuild", options))) changed();
  };
  const goBack = async (button) => {
    if (!(await confirmed(button))) return;
    notice.hidden = true;
    button.setAttribute("aria-disabled", "true");
    const done = await attempt(() => call("POST", "index/rollback"));
    if (!done) {
      button.removeAttribute("aria-disabled");
      return;
    }
    say(word("rolled_back", { id: done.generation }));
    changed();
  };

  // What happens elsewhere
  let shown = { ended: view.known, generation: status().generation ?? "" };
  const notify = () => {
    const { ended = "", generation = "", said: text = "" } = status();
    if (ended !== shown.ended) announce(text);
    else if (generation !== shown.generation && shown.generation) announce(word("index_new", { id: generation }));
    if (generation !== shown.generation || ended !== shown.ended) shown = { ended, generation };
  };
  globalThis.footnote.listen(({ jobs }) => {
    if (!jobs) return 0;
    if (jobs.version === status().version || performance.now() - asked < BUSY_MS / 2) return status().busy ? BUSY_MS : 0;
    show("watch");
    return BUSY_MS;
  });

  const off = (button) => button.getAttribute("aria-disabled") === "true";
  const clicks = {
    ".fn-sort": (button) => sort(button.dataset.sort),
    ".fn-to-page": turn,
    ".fn-clear": clear,
    ".fn-bar": (button) => narrow(button.dataset.facet, button.dataset.value),
    ".fn-delete": remove,
    ".fn-restore": (button) => restore(button.dataset.trash, { ...button.dataset }),
    "#fn-upload": () => find("#fn-actions input[type=file]").click(),
    "#fn-rebuild": () => rebuild(),
    "#fn-shrink": async (button) => { if (await confirmed(button)) rebuild({ allow_shrink: true }); },
    "#fn-rollback": goBack,
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#fn-library button");
    const name = button && Object.keys(clicks).find((one) => button.matches(one));
    if (name && !off(button)) clicks[name](button);
  });
  undo.addEventListener("click", () => { notice.hidden = true; });
  undo.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    notice.hidden = true;
    find("#fn-search")?.focus();
  });
  document.addEventListener("input", (event) => {
    if (event.target.id !== "fn-search") return;
    clearTimeout(typing);
    typing = setTimeout(() => choose({ text: event.target.value }), TYPING_MS);
  });
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches("#fn-library select[data-facet]")) choose({ [target.dataset.facet]: target.value });
    else if (target.id === "fn-order") choose({ sort: target.value.split(":")[0], descending: target.value.endsWith("1") });
    else if (target.matches("#fn-actions input[type=file]")) {
      addFiles(target.files).then(() => { target.value = ""; });
    }
  });
  document.addEventListener("submit", (event) => {
    const work = { "fn-paste": addText, "fn-address": addAddress }[event.target.id];
    if (!work) return;
    event.preventDefault();
    work(event.target);
  });

  // After Gradio has replaced something: what was open is open again, and the focus is where it was
  const open = new Map(), placed = new WeakSet();
  document.addEventListener("toggle", (event) => {
    if (event.target.id && event.target.closest("#fn-library")) open.set(event.target.id, event.target.open);
  }, true);
  let focused = "", counted = null;
  document.addEventListener("focusin", (event) => {
    const held = event.target.closest("#fn-library");
    focused = held ? event.target.dataset.key ?? "" : "";
  });
  document.addEventListener("focusout", (event) => {
    // Somebody left it; an element that is taken away tells nothing.
    if (event.target.isConnected && event.relatedTarget) focused = "";
  });
  const tidy = () => {
    notify();
    if (!find("#fn-library")) return;
    document.querySelectorAll("#fn-library details[id]").forEach((box) => {
      // Only what is new: the event that tells of a click comes later than this may.
      if (placed.has(box)) return;
      placed.add(box);
      box.open = open.get(box.id) ?? (box.id === "fn-chart-list" && innerWidth > 768);
    });
    const count = find(".fn-counted")?.textContent ?? find(".fn-nothing")?.textContent ?? null;
    if (counted !== null && count !== null && count !== counted && view.text) announce(count);
    counted = count;
    if (wantsFocus && focusOn(wantsFocus)) wantsFocus = "";
    else if (focused && document.activeElement === document.body && !focusOn(focused)) find("#fn-search")?.focus();
  };
  new MutationObserver(tidy).observe(document.body, { subtree: true, childList: true });
  tidy();
}
