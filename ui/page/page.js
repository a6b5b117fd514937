() => {
  // Runs once when the page is up. Everything is delegated: Gradio replaces elements as it likes.
  let cameFrom = null;
  let shown = "";
  const card = Object.assign(document.createElement("div"), { id: "fn-hover", hidden: true });
  card.setAttribute("role", "tooltip");
  (document.querySelector("main") ?? document.body).append(card);

  // What is asked of the server now and then, for every part of the page that wants to know: whether it is there, and
  // the last job. A listener may return how many milliseconds later it wants to know again.
  const QUIET_MS = 5000, HIDDEN_MS = 60_000;
  const listeners = [];
  let next = 0, polling = false;
  const poll = async () => {
    if (polling) return;
    polling = true;
    clearTimeout(next);
    const heard = { alive: false, jobs: null };
    try {
      const answer = await fetch(globalThis.footnote.address("v1/jobs?limit=1"), { cache: "no-store" });
      heard.alive = answer.status < 500;
      if (answer.ok) heard.jobs = await answer.json();
    } catch { /* nobody is there */ }
    polling = false;
    const wanted = listeners.map((listener) => listener(heard) || QUIET_MS);
    next = setTimeout(poll, document.hidden ? HIDDEN_MS : Math.min(QUIET_MS, ...wanted));
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  next = setTimeout(poll, 1000);

  globalThis.footnote = {
    // The page is at ui/ of wherever Footnote is, which a proxy may have put under a prefix.
    address: (path) => new URL(path, new URL(location.pathname.replace(/ui\/?$/, ""), location.href)),
    listen: (listener) => listeners.push(listener),
    make(tag, about = {}, ...children) {
      const element = Object.assign(document.createElement(tag), about);
      element.append(...children);
      return element;
    },
    // How the page's own buttons reach the server: through a hidden box, past Gradio's own setter, which would not tell it.
    command(what) {
      const box = document.querySelector("#fn-command textarea, #fn-command input");
      if (!box) return false;
      // The same command twice must still be a change.
      const text = JSON.stringify({ ...what, at: Date.now() });
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), "value").set.call(box, text);
      box.dispatchEvent(new Event("input", { bubbles: true }));
      return true;
    },
  };

  const target = (link) => document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
  const hide = () => {
    card.hidden = true;
    document.querySelector("[aria-describedby='fn-hover']")?.removeAttribute("aria-describedby");
  };

  const open = (link) => {
    const source = target(link);
    if (!source) return;
    for (let box = source; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    document.querySelectorAll(".fn-active").forEach((element) => element.classList.remove("fn-active"));
    source.classList.add("fn-active");
    link.classList.add("fn-active");
    cameFrom = link;
    const mark = source.querySelector("mark") ?? source;
    mark.focus({ preventScroll: true });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    mark.scrollIntoView({ block: "center", behavior: still ? "instant" : "smooth" });
  };

  const back = () => {
    if (!cameFrom?.isConnected) return false;
    cameFrom.scrollIntoView({ block: "nearest" });
    cameFrom.focus();
    return true;
  };

  const hover = (link) => {
    const head = target(link)?.querySelector(".fn-about");
    if (!head) return;
    card.replaceChildren(head.cloneNode(true));
    card.hidden = false;
    const at = link.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left - 20, innerWidth - card.offsetWidth - 8));
    const below = at.bottom + 6 + card.offsetHeight < innerHeight;
    card.style.left = `${left}px`;
    card.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - card.offsetHeight - 6)}px`;
    link.setAttribute("aria-describedby", "fn-hover");
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.closest("#fn-chat")) {
      // Gradio's <base> would make it a navigation, and the conversation would be gone.
      event.preventDefault();
      hide();
      open(link);
    } else if (event.target.closest(".fn-back")) {
      back();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!card.hidden) hide();
    else if (event.target.closest("#fn-sources") && back()) event.preventDefault();
  });
  const wide = matchMedia("(hover: hover)");
  document.addEventListener("mouseover", (event) => {
    if (event.target.closest("#fn-hover")) return;
    const link = event.target.closest("a.fn-cite");
    if (link && wide.matches) hover(link);
    else if (!card.hidden) hide();
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("a.fn-cite:focus-visible")) hover(event.target);
    else hide();
  });
  document.addEventListener("scroll", hide, { capture: true, passive: true });

  const tidy = () => {
    // Plain text boxes become the browser's own date pickers.
    document.querySelectorAll("#fn-from input:not([type=date]), #fn-to input:not([type=date])").forEach((input) => {
      input.type = "date";
    });
    // Gradio names no group of boxes for those who listen.
    document.querySelectorAll("#fn-filters fieldset:not([aria-label])").forEach((group) => {
      const name = group.querySelector("[data-testid=block-info]")?.textContent.trim();
      if (name) group.setAttribute("aria-label", name);
    });
    // The last question stays on top while its answer grows below it: an answer is read from its beginning.
    const questions = document.querySelectorAll("#fn-chat .user-row");
    const answers = document.querySelectorAll("#fn-chat .fn-answer");
    const state = questions.length ? `${questions.length} ${answers[answers.length - 1]?.textContent}` : "";
    if (state && state !== shown) {
      setTimeout(() => questions[questions.length - 1].scrollIntoView({ block: "start" }), 50);
    }
    shown = state;
    // Gradio labels each message with its source text, on an element that takes no label.
    document.querySelectorAll("#fn-chat [aria-label*='<div class=']").forEach((element) => {
      element.removeAttribute("aria-label");
    });
  };
  new MutationObserver(tidy).observe(document.body, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"],
  });
  tidy();
}
