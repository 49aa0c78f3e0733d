"""How the web page looks: its style sheet, and pieces of its HTML.

Nothing in it is fetched from anywhere: fonts are those of the system, and
pictures lie in the page itself.
"""

import base64
import html

# No font is named that would have to be fetched.
FONTS = (
    "-apple-system",
    "BlinkMacSystemFont",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Liberation Sans",
    "Arial",
    "sans-serif",
)

CSS = """
:root, .light {
  --kc-paper: #fbf4e2;
  --kc-dot: #f4e7c6;
  --kc-panel: #fffdf7;
  --kc-sunk: #f5ecd6;
  --kc-ink: #1a1512;
  --kc-soft: #5f554a;
  --kc-line: #1a1512;
  --kc-yellow: #ffd23f;
  --kc-red: #d7322e;
  --kc-red-dark: #b3211f;
  --kc-blue: #1769aa;
  --kc-focus: #1769aa;
  --kc-shadow: #1a1512;
}
.dark {
  --kc-paper: #14161c;
  --kc-dot: #1a1d26;
  --kc-panel: #1e222c;
  --kc-sunk: #171a22;
  --kc-ink: #f6eedc;
  --kc-soft: #b9b1a1;
  --kc-line: #f6eedc;
  --kc-yellow: #ffd23f;
  --kc-red: #d7322e;
  --kc-red-dark: #b3211f;
  --kc-blue: #6db7f2;
  --kc-focus: #8fd0ff;
  --kc-shadow: #000000;
}
body, gradio-app, .gradio-container {
  background-color: var(--kc-paper) !important;
  color: var(--kc-ink);
}
gradio-app {
  background-image:
    radial-gradient(var(--kc-dot) 22%, transparent 24%) !important;
  background-size: 14px 14px !important;
}
.gradio-container {
  background: transparent !important;
  --block-background-fill: transparent;
  --block-border-width: 0px;
  --block-padding: 0px;
  --block-shadow: none;
  --layout-gap: 12px;
  --body-text-color: var(--kc-ink);
  --block-info-text-color: var(--kc-soft);
  --block-label-text-color: var(--kc-ink);
  --block-title-text-color: var(--kc-ink);
  --slider-color: var(--kc-red);
  --checkbox-background-color-selected: var(--kc-red);
  --checkbox-border-color-selected: var(--kc-line);
  font-size: 15px;
}
.gradio-container main.contain { padding: 0 !important; }
.gradio-container > .main {
  max-width: 1320px !important;
  margin: 0 auto !important;
  padding: 12px 24px 12px !important;
}
.gradio-container footer { display: none !important; }

.gradio-container .form {
  gap: 12px;
  border: 0;
  border-radius: 0;
  background: transparent;
  box-shadow: none;
  overflow: visible;
}

/* Wherever the keyboard is, it can be seen. */
.gradio-container :is(button, a, input, [tabindex]):focus-visible,
.gradio-container label:has(input:focus-visible) {
  outline: 3px solid var(--kc-focus) !important;
  outline-offset: 3px !important;
}

/* Title. */
#kc-head { padding: 0; overflow: visible; }
.kc-title {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px 20px;
}
.kc-title h1 {
  margin: 0;
  padding: 2px 16px 4px;
  background: var(--kc-yellow);
  color: #1a1512;
  border: 3px solid #1a1512;
  box-shadow: 4px 4px 0 var(--kc-red);
  font: 900 28px/1.15 "Arial Black", "Avenir Next Condensed",
    "Liberation Sans", Arial, sans-serif;
  font-style: italic;
  letter-spacing: -0.03em;
  transform: rotate(-1.2deg);
}
.kc-title p {
  margin: 0;
  flex: 1 1 320px;
  font-size: 16px;
  line-height: 1.4;
  color: var(--kc-ink);
}
.kc-title p span { color: var(--kc-soft); }

/* The two halves of the desk. */
#kc-desk { gap: 26px; align-items: flex-start; flex-wrap: nowrap; }
#kc-controls { flex: 0 1 430px !important; min-width: 0 !important; }
#kc-result {
  flex: 1 1 600px !important;
  min-width: 0 !important;
  position: sticky;
  top: 14px;
}
#kc-result > * { flex-shrink: 0; }
#kc-controls .block { margin: 0 !important; }
#kc-controls { gap: 10px; }
#kc-result { gap: 14px; }

/* Captions, as above the panels of a comic. */
.kc-step {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 8px;
  margin: 0;
}
.kc-step h2 {
  white-space: nowrap;
  margin: 0;
  font-size: 15px;
  font-weight: 800;
  letter-spacing: 0.01em;
  color: var(--kc-ink);
}
.kc-step b {
  flex: none;
  width: 24px;
  height: 24px;
  border-radius: 50%;
  background: var(--kc-ink);
  color: var(--kc-paper);
  font-size: 14px;
  line-height: 24px;
  text-align: center;
}
.kc-step span { color: var(--kc-soft); font-size: 13px; }

/* Where files are dropped. */
#kc-upload {
  min-height: 84px;
  border: 3px dashed var(--kc-line) !important;
  border-radius: 10px;
  background: var(--kc-panel);
  color: var(--kc-ink);
}
#kc-upload > label { display: none; }
#kc-upload > button { min-height: 78px; height: 78px !important; }
#kc-upload > button:hover { background: var(--kc-sunk); }
#kc-upload > button .wrap {
  position: relative;
  min-height: 0;
  padding: 0;
  font-size: 0;
  color: transparent;
}
#kc-upload > button .icon-wrap {
  width: 26px; height: 26px; margin: 0 0 4px; color: var(--kc-red);
}
#kc-upload > button .wrap .or { display: none; }
#kc-upload > button .wrap::after {
  content: "Drop a photo or a short video here, or click";
  font-size: 15px;
  font-weight: 700;
  color: var(--kc-ink);
  text-align: center;
}
#kc-upload table { color: var(--kc-ink); font-size: 15px; }
#kc-upload table :is(tr, td) { background: transparent !important; }
#kc-upload .file-preview-holder { padding: 18px 6px; }
#kc-upload .file-preview { font-weight: 700; }
#kc-upload .file-preview td.download { display: none; }
#kc-upload .icon-button-wrapper {
  top: 50%; right: 12px; transform: translateY(-50%);
  border: 2px solid var(--kc-line); border-radius: 8px;
  background: var(--kc-panel); box-shadow: none; padding: 0;
}
#kc-upload .icon-button-wrapper button { width: 32px; height: 32px;
  color: var(--kc-ink); }

/* Pictures to try. */
#kc-examples { gap: 10px; align-items: center; flex-wrap: nowrap; }
#kc-examples > * { min-width: 0 !important; }
#kc-examples > :first-child { flex: none !important; width: auto; }
.kc-or { color: var(--kc-soft); font-size: 14px; white-space: nowrap; }
.kc-example {
  flex: 1 1 0 !important;
  height: 46px;
  padding: 0 6px 0 52px !important;
  justify-content: flex-start;
  border: 2px solid var(--kc-line) !important;
  border-radius: 8px !important;
  background-color: var(--kc-panel) !important;
  background-repeat: no-repeat !important;
  background-position: left center !important;
  background-size: auto 100% !important;
  color: var(--kc-ink) !important;
  font-size: 13px !important;
  font-weight: 700 !important;
  box-shadow: none !important;
}
.kc-example:hover { background-color: var(--kc-yellow) !important;
  color: #1a1512 !important; }

/* Styles: a card each, the comic of the same photograph on it. */
.kc-styles { padding: 0 !important; overflow: visible !important; }
.kc-styles > [data-testid="block-info"], .kc-presets >
  [data-testid="block-info"] {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: 0;
  overflow: hidden;
  clip-path: inset(50%);
}
.kc-styles .wrap:has(> label) {
  display: grid;
  grid-template-columns: repeat(4, minmax(0, 1fr));
  gap: 10px;
}
.kc-styles label {
  position: relative;
  display: flex;
  flex-direction: column;
  align-items: stretch;
  gap: 0;
  padding: 0 !important;
  border: 2px solid var(--kc-line) !important;
  border-radius: 8px !important;
  background: var(--kc-panel) !important;
  color: var(--kc-ink) !important;
  overflow: hidden;
  box-shadow: none !important;
  cursor: pointer;
  transition: transform 0.12s, box-shadow 0.12s;
}
.kc-styles label::before {
  content: "";
  display: block;
  aspect-ratio: 1.25;
  background: var(--kc-sunk) center 30% / cover no-repeat;
  border-bottom: 2px solid var(--kc-line);
}
.kc-styles label span {
  flex: 1;
  border-radius: 0;
  margin: 0 !important;
  padding: 3px 4px 4px;
  font-size: 12.5px;
  font-weight: 700;
  line-height: 1.2;
  text-align: center;
  overflow-wrap: anywhere;
}
.kc-styles label input {
  position: absolute;
  width: 1px !important;
  height: 1px !important;
  margin: 0;
  opacity: 0;
}
.kc-styles label:hover { transform: translate(-1px, -2px);
  box-shadow: 3px 4px 0 var(--kc-shadow) !important; }
.kc-styles label:has(input:checked) {
  border-color: var(--kc-red) !important;
  box-shadow: 0 0 0 2px var(--kc-red) !important;
}
.kc-styles label:has(input:checked) span {
  background: var(--kc-red);
  color: #ffffff;
}
.kc-styles label:has(input:checked)::after {
  content: "\\2713";
  position: absolute;
  top: 5px;
  right: 5px;
  width: 20px;
  height: 20px;
  border-radius: 50%;
  background: var(--kc-red);
  color: #ffffff;
  font-size: 13px;
  font-weight: 800;
  line-height: 20px;
  text-align: center;
}
.kc-styles label:has(input[value=""])::before {
  content: "none";
  display: grid;
  place-items: center;
  font-size: 13px;
  color: var(--kc-soft);
}
.kc-presets { padding: 0 !important; }
.kc-presets label {
  border: 2px solid var(--kc-line) !important;
  border-radius: 999px !important;
  background: var(--kc-panel) !important;
  color: var(--kc-ink) !important;
  box-shadow: none !important;
}
.kc-credit { color: var(--kc-soft); font-size: 12.5px; line-height: 1.35; }
.kc-credit p { margin: 0; }

/* What else can be set. */
#kc-mix {
  padding: 0 !important;
  overflow: visible !important;
}
#kc-mix > button.label-wrap {
  padding: 7px 12px;
  border: 2px solid var(--kc-line);
  border-radius: 8px;
  background: var(--kc-panel);
  color: var(--kc-ink);
  font-size: 14px;
  font-weight: 700;
}
#kc-mix > button.label-wrap .icon { color: var(--kc-soft); }
#kc-mix > button.open { margin-bottom: 10px; }
#kc-settings > .form {
  display: flex;
  flex-flow: row nowrap;
  align-items: flex-end;
  gap: 22px;
  width: 100%;
}
#kc-strength, #kc-share {
  padding: 0 0 6px !important;
  overflow: visible !important;
}
#kc-settings #kc-strength { flex: 1 1 auto !important;
  min-width: 0 !important; }
#kc-settings #kc-keep { flex: none !important; min-width: 0 !important;
  width: auto; padding: 0 !important; overflow: visible !important; }
.gradio-container :is(#kc-strength, #kc-share) label span { font-weight: 700;
  color: var(--kc-ink); font-size: 14px; }
.gradio-container #kc-keep label span { font-weight: 700; font-size: 14px;
  color: var(--kc-ink); }
.gradio-container input[type="number"] {
  background: var(--kc-panel) !important;
  color: var(--kc-ink) !important;
}
:is(#kc-strength, #kc-share) .tab-like-container {
  border: 2px solid var(--kc-line) !important;
  border-radius: 6px;
  background: var(--kc-panel);
}
:is(#kc-strength, #kc-share) input[type="range"]::-webkit-slider-thumb {
  border: 3px solid var(--kc-line);
  background: var(--kc-yellow);
}
:is(#kc-strength, #kc-share) input[type="range"]::-moz-range-thumb {
  border: 3px solid var(--kc-line);
  background: var(--kc-yellow);
}
:is(#kc-strength, #kc-share) .reset-button { display: none; }
:is(#kc-strength, #kc-share) :is(.min_value, .max_value) { display: none; }
#kc-keep input[type="checkbox"] {
  width: 20px; height: 20px; border: 2px solid var(--kc-line) !important;
}

/* Buttons. */
#kc-run, #kc-download, #kc-stop {
  min-height: 48px;
  border: 3px solid var(--kc-line) !important;
  border-radius: 10px !important;
  font-size: 17px !important;
  font-weight: 800 !important;
  letter-spacing: 0.01em;
  transition: transform 0.1s, box-shadow 0.1s;
}
#kc-run {
  background: var(--kc-red) !important;
  color: #ffffff !important;
  box-shadow: 4px 4px 0 var(--kc-shadow) !important;
}
#kc-run:hover { background: var(--kc-red-dark) !important; }
#kc-download {
  width: calc(100% - 8px);
  background: var(--kc-yellow) !important;
  color: #1a1512 !important;
  box-shadow: 4px 4px 0 var(--kc-shadow) !important;
}
#kc-stop {
  background: var(--kc-panel) !important;
  color: var(--kc-ink) !important;
}
:is(#kc-run, #kc-download, #kc-stop):hover { transform: translate(-1px, -1px); }
:is(#kc-run, #kc-download, #kc-stop):active { transform: translate(3px, 3px);
  box-shadow: 1px 1px 0 var(--kc-shadow) !important; }

/* The panel that the comic appears in. */
#kc-stage { padding: 0 !important; overflow: visible !important; }
.kc-panel {
  position: relative;
  margin: 0 8px 8px 0;
  border: 3px solid var(--kc-line);
  background: var(--kc-panel);
  box-shadow: 8px 8px 0 var(--kc-shadow);
}
.kc-compare {
  --share: 50%;
  position: relative;
  display: grid;
  place-items: center;
  background: var(--kc-sunk);
  overflow: hidden;
  touch-action: pan-y;
}
/* As large as the panel and the window allow, and at most twice its size. */
.kc-frame {
  position: relative;
  display: grid;
  width: min(100%, calc(min(68vh, 900px) * var(--ratio)),
    calc(2 * var(--width)));
}
.kc-frame img {
  grid-area: 1 / 1;
  display: block;
  margin: 0;
  width: 100%;
  height: auto;
  user-select: none;
  -webkit-user-drag: none;
}
.kc-frame .kc-before { clip-path: inset(0 calc(100% - var(--share)) 0 0); }
.kc-line {
  position: absolute;
  top: 0;
  bottom: 0;
  left: var(--share);
  width: 4px;
  margin-left: -2px;
  background: #1a1512;
  box-shadow: 0 0 0 1.5px #ffffff;
  pointer-events: none;
}
.kc-line::after {
  content: "\\2039\\2002\\203a";
  position: absolute;
  top: 50%;
  left: 50%;
  width: 44px;
  height: 44px;
  margin: -22px 0 0 -22px;
  border: 3px solid #1a1512;
  border-radius: 50%;
  background: #ffd23f;
  color: #1a1512;
  font: 800 22px/35px Arial, sans-serif;
  text-align: center;
  box-shadow: 0 0 0 1.5px #ffffff;
}
.kc-frame input[type="range"] {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  margin: 0;
  opacity: 0;
  cursor: ew-resize;
}
.kc-frame:has(input:focus-visible) .kc-line::after {
  outline: 4px solid var(--kc-focus);
  outline-offset: 2px;
}
.kc-tag {
  position: absolute;
  bottom: 10px;
  padding: 2px 10px;
  border: 2px solid #1a1512;
  background: #fffdf7;
  color: #1a1512;
  font-size: 13px;
  font-weight: 800;
  pointer-events: none;
}
.kc-tag-before { left: 10px; }
.kc-tag-after { right: 10px; background: #ffd23f; }
.kc-caption {
  display: flex;
  flex-wrap: wrap;
  gap: 2px 14px;
  margin: 0;
  padding: 8px 14px 9px;
  border-top: 3px solid var(--kc-line);
  background: var(--kc-panel);
  color: var(--kc-ink);
  font-size: 14px;
  line-height: 1.4;
  overflow-wrap: anywhere;
}
.kc-caption b { font-weight: 800; color: var(--kc-ink); }
.kc-caption span { color: var(--kc-soft); }
.kc-single { display: grid; place-items: center; background: var(--kc-sunk); }
.kc-single.kc-dim img { filter: grayscale(0.6) brightness(0.75); }

/* While it is drawn. */
.kc-working {
  position: absolute;
  left: 50%;
  top: 50%;
  width: min(340px, 86%);
  transform: translate(-50%, -50%);
  padding: 14px 18px 16px;
  border: 3px solid #1a1512;
  border-radius: 22px;
  background: #fffdf7;
  color: #1a1512;
  text-align: center;
}
.kc-working p { margin: 0 0 8px; font-size: 16px; font-weight: 800;
  color: #1a1512; }
.kc-working progress {
  appearance: none;
  display: block;
  width: 100%;
  height: 16px;
  border: 2px solid #1a1512;
  border-radius: 8px;
  overflow: hidden;
  background: #fffdf7;
}
.kc-working progress::-webkit-progress-bar { background: #fffdf7; }
.kc-working progress::-webkit-progress-value { background: #d7322e; }
.kc-working progress::-moz-progress-bar { background: #d7322e; }
.kc-working progress:indeterminate {
  background: repeating-linear-gradient(-45deg, #d7322e 0 10px, #ffd23f 10px
    20px) 0 0 / 200% 100%;
  animation: kc-run 1.6s linear infinite;
}
.kc-working progress:indeterminate::-webkit-progress-bar {
  background: transparent; }
@keyframes kc-run { to { background-position: -56.6px 0; } }

/* What went wrong. */
.kc-error { padding: 26px 28px 28px; }
.kc-error h3 {
  display: inline-block;
  margin: 0 0 12px;
  padding: 2px 12px;
  background: var(--kc-red);
  color: #ffffff;
  font-size: 17px;
  font-weight: 800;
  transform: rotate(-1deg);
}
.kc-error p { margin: 0; font-size: 16px; line-height: 1.5;
  color: var(--kc-ink); overflow-wrap: anywhere; }

/* Of a video: itself, or one of its frames before and after. */
.kc-views { display: flex; gap: 8px; margin: 0 0 10px; border: 0; padding: 0; }
.kc-views label {
  position: relative;
  padding: 4px 14px 5px;
  border: 2px solid var(--kc-line);
  border-radius: 999px;
  background: var(--kc-panel);
  color: var(--kc-ink);
  font-size: 14px;
  font-weight: 700;
  cursor: pointer;
}
.kc-views label:has(input:checked) {
  background: var(--kc-ink);
  color: var(--kc-paper);
}
.kc-views input { position: absolute; opacity: 0; width: 1px; height: 1px; }
#kc-result:has(#kc-view-frame:checked) #kc-video { display: none; }
#kc-stage:has(#kc-view-video:checked) .kc-compare { display: none; }
#kc-stage:has(#kc-view-video:checked) .kc-caption { border-top: 0; }
#kc-video {
  flex: none !important;
  width: auto;
  --height: min(62vh, 78vw);
  height: calc(var(--height) + 6px) !important;
  margin: 0 8px 8px 0 !important;
  border: 3px solid var(--kc-line) !important;
  border-radius: 0;
  background: var(--kc-sunk);
  box-shadow: 8px 8px 0 var(--kc-shadow);
}
#kc-video video { height: var(--height); max-height: none; object-fit: contain;
  background: var(--kc-sunk); }
#kc-video .icon-button-wrapper { display: none; }
.kc-foot { color: var(--kc-soft); font-size: 12.5px; line-height: 1.45;
  margin: 0; }
#kc-foot { padding: 0; }

@media (prefers-reduced-motion: reduce) {
  .gradio-container * { animation: none !important;
    transition: none !important; }
}
@media (max-width: 860px) {
  .gradio-container > .main { padding: 12px 14px 18px !important; }
  #kc-desk { flex-wrap: wrap; gap: 18px; }
  #kc-controls, #kc-result { flex: 1 1 100% !important; position: static; }
  .kc-title h1 { font-size: 24px; }
  .kc-title p { font-size: 15px; }
  .kc-or { display: none; }
  #kc-examples > :first-child { display: none; }
  .kc-panel, #kc-video { box-shadow: 5px 5px 0 var(--kc-shadow); }
  .kc-styles .wrap:has(> label) { gap: 8px; }
}
@media (max-width: 430px) {
  #kc-examples { gap: 7px; }
  .kc-example { height: 42px; padding: 0 2px 0 45px !important;
    font-size: 11.5px !important; }
  .kc-styles label span { padding: 3px 1px 4px; font-size: 11px; }
}
"""

# Radio buttons of one list are one stop for the Tab key, and the arrow keys
# move between them, as in any form; a telephone offers its camera.
SCRIPT = """
<script>
(() => {
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
  };
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; tidy(); });
  }).observe(document, { childList: true, subtree: true });
})();
</script>
"""

# On a narrow page the comic appears below what started it.
SHOW_STAGE = """() => {
  const stage = document.querySelector("#kc-stage");
  if (stage && stage.getBoundingClientRect().top > innerHeight * 0.6)
    stage.scrollIntoView({ block: "start" });
}"""

_VIEWS = (
    '<fieldset class="kc-views" aria-label="What is shown">'
    '<label><input type="radio" name="kc-view" id="kc-view-video" checked> '
    "The video</label>"
    '<label><input type="radio" name="kc-view" id="kc-view-frame"> '
    "A frame, before and after</label></fieldset>"
)


def escape(text):
    """Text as HTML, of which nothing is taken for a template either.

    Args:
        text: String.

    Returns:
        String.
    """
    text = html.escape(text)
    for letter in "$`{}":
        text = text.replace(letter, f"&#{ord(letter)};")
    return text


def data_url(jpeg):
    """A picture as a URL that holds it.

    Args:
        jpeg: Bytes of a JPEG.

    Returns:
        String.
    """
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def heading():
    """The page's title and what it is for.

    Returns:
        String of HTML.
    """
    return (
        '<header class="kc-title"><h1>keras_comic</h1><p>Turn a photo or a '
        "short video into a comic. <span>It is drawn on the computer that "
        "serves this page, and goes nowhere else.</span></p></header>"
    )


def step(number, title, hint=""):
    """The caption above a part of the page.

    Args:
        number: Integer.
        title: String.
        hint: String. Defaults to none.

    Returns:
        String of HTML.
    """
    hint = f"<span>{escape(hint)}</span>" if hint else ""
    return (
        f'<div class="kc-step"><b aria-hidden="true">{number}</b>'
        f"<h2>{escape(title)}</h2>{hint}</div>"
    )


def footer(limits):
    """What the page takes, and what it writes into its files.

    Args:
        limits: `keras_comic.serving.web_media.MediaLimits`.

    Returns:
        String of HTML.
    """
    return (
        f'<p class="kc-foot">Photos are shrunk to {limits.max_side} pixels, '
        f"videos to {limits.max_video_side}; videos last up to "
        f"{limits.max_seconds:g} seconds. Files of up to "
        f"{limits.max_upload_mb:g} MB, deleted within two hours. Downloads say "
        "in their metadata that a trained network made them.</p>"
    )


def compare(before, after, caption, size, is_video=False):
    """Two pictures, one upon the other, with a slider between them.

    The slider is an input of the browser's own: it takes the arrow keys, Home
    and End, and a screen reader knows it.

    Args:
        before: Bytes of a JPEG.
        after: Bytes of a JPEG of the same size.
        caption: List of strings; the first stands out.
        size: Pair of integers `(width, height)`, pixels.
        is_video: Boolean. Whether they are a frame of a video, which is shown
            below and can be watched instead. Defaults to `False`.

    Returns:
        String of HTML.
    """
    return (
        f"{_VIEWS if is_video else ''}"
        '<figure class="kc-panel"><div class="kc-compare">'
        f'<div class="kc-frame" style="{_measures(size)}">'
        f'<img class="kc-after" src="{data_url(after)}" alt="The comic">'
        f'<img class="kc-before" src="{data_url(before)}" alt="The photo">'
        '<span class="kc-tag kc-tag-before">Photo</span>'
        '<span class="kc-tag kc-tag-after">Comic</span>'
        '<span class="kc-line"></span>'
        '<input type="range" min="0" max="100" value="50" step="1" '
        'aria-label="Before and after: how much of the photo is shown, in '
        'percent" oninput="this.closest(&quot;.kc-compare&quot;).style.'
        'setProperty(&quot;--share&quot;, this.value + &quot;%&quot;)">'
        f"</div></div>{_caption(caption)}</figure>"
    )


def single(image, caption, size):
    """One picture.

    Args:
        image: Bytes of a JPEG.
        caption: List of strings; the first stands out.
        size: Pair of integers `(width, height)`, pixels.

    Returns:
        String of HTML.
    """
    return (
        '<figure class="kc-panel"><div class="kc-single">'
        f'<div class="kc-frame" style="{_measures(size)}">'
        f'<img src="{data_url(image)}" alt="Your picture"></div></div>'
        f"{_caption(caption)}</figure>"
    )


def working(image, text, size, done=None, total=None):
    """A picture that is being drawn, and how far it is.

    Args:
        image: Bytes of a JPEG.
        text: String.
        size: Pair of integers `(width, height)`, pixels.
        done: Number or `None`, the default.
        total: Number or `None`, the default, where it is not known.

    Returns:
        String of HTML.
    """
    known = f' value="{done:g}" max="{total:g}"' if done and total else ""
    return (
        '<figure class="kc-panel"><div class="kc-single kc-dim">'
        f'<div class="kc-frame" style="{_measures(size)}">'
        f'<img src="{data_url(image)}" alt="Your picture"></div></div>'
        f'<div class="kc-working" role="status"><p>{escape(text)}</p>'
        f'<progress aria-label="Progress"{known}></progress></div></figure>'
    )


def failure(text, title="That did not work"):
    """What went wrong.

    Args:
        text: String.
        title: String. Defaults to `"That did not work"`.

    Returns:
        String of HTML.
    """
    return (
        '<div class="kc-panel kc-error" role="alert">'
        f"<h3>{escape(title)}</h3><p>{escape(text)}</p></div>"
    )


def credit(name, entry):
    """Whose drawings a style is of.

    Args:
        name: String.
        entry: Dict with `source` and `licence`, strings or `None`.

    Returns:
        String of HTML.
    """
    said = [entry.get("source"), entry.get("licence")]
    text = "; ".join(part.rstrip(".") for part in said if part)
    text = f"{style_label(name)}: {text}." if text else ""
    return f'<p class="kc-credit">{escape(text)}</p>'


def style_label(name):
    """A style's name as it is shown: `denslow_plates` is Denslow plates.

    Args:
        name: String.

    Returns:
        String.
    """
    label = name.replace("_", " ").strip()
    return label[:1].upper() + label[1:]


def picture_rules(pictures):
    """Style sheet that puts pictures on elements.

    Args:
        pictures: Dict of CSS selector to bytes of a JPEG.

    Returns:
        String of CSS.
    """
    return "\n".join(
        f"{selector} {{ background-image: "
        f'url("{data_url(jpeg)}") !important; }}'
        for selector, jpeg in pictures.items()
    )


def _measures(size):
    return f"--ratio: {size[0] / size[1]:.4f}; --width: {size[0]}px"


def _caption(parts):
    if not parts:
        return ""
    first, *others = [escape(part) for part in parts]
    others = "".join(f"<span>{part}</span>" for part in others)
    return f'<figcaption class="kc-caption"><b>{first}</b>{others}</figcaption>'
