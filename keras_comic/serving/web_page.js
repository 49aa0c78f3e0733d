// Radio buttons of one list are one stop for the Tab key, and the arrow keys
// move between them, as in any form; a telephone offers its camera; and the
// focus stays where the comic is started and stopped, though buttons change.
(() => {
  const usable = (id) => {
    const button = document.getElementById(id);
    return button && button.checkVisibility() && !button.disabled && button;
  };
  let started = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) started = ["kc-run", "kc-stop"].includes(button.id);
  }, true);
  const keepFocus = () => {
    const at = document.activeElement;
    const lost = !at || at === document.body || !at.checkVisibility()
      || at.disabled;
    const next = started && lost && (usable("kc-stop") || usable("kc-run"));
    if (next) next.focus({ preventScroll: true });
  };
  const tidy = () => {
    document.querySelectorAll("fieldset.block[id]").forEach((field) => {
      const info = field.querySelector('[data-testid="block-info"]');
      if (info && !field.hasAttribute("aria-label")) {
        field.setAttribute("aria-label", info.textContent.trim());
        field.setAttribute("role", "radiogroup");
      }
      field.querySelectorAll('input[type="radio"]').forEach((input) => {
        if (input.name !== field.id) input.name = field.id;
      });
    });
    const file = document.querySelector('#kc-upload input[type="file"]');
    if (file && !file.accept) file.accept = "image/*,video/*";
    const button = document.querySelector("#kc-upload > button");
    if (button && !button.dataset.named) {
      button.dataset.named = "yes";
      button.setAttribute(
        "aria-label", "Choose a photo or a short video, or drop one here");
    }
    document.querySelectorAll("[data-testid=toast-body]").forEach((toast) => {
      const walker = document.createTreeWalker(toast, NodeFilter.SHOW_TEXT);
      for (let node; (node = walker.nextNode());) {
        const found = node.data.match(
          /maximum allowed size of ([\d.]+) ?([KMG])b:?\s*"?([^"]*)"?/i);
        if (found) node.data = `${found[3]} has more than `
          + `${parseFloat(found[1])} ${found[2].toUpperCase()}B, the most that `
          + "this page takes. Save the photo smaller, or the video shorter, "
          + "and choose it again.";
      }
    });
    keepFocus();
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; tidy(); });
  }).observe(document, { childList: true, subtree: true });
})();
