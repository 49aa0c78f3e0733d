"""How the web page looks: its style sheet, script, and pieces of its HTML.

Nothing in it is fetched from anywhere: fonts are those of the system, and
pictures lie in the page itself.
"""

import base64
import html
from pathlib import Path

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

# Both lie beside this module.
CSS = Path(__file__).with_name("web_page.css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_name("web_page.js").read_text(encoding="utf-8")
SCRIPT = f"<script>\n{_SCRIPT}</script>\n"

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
    """Text as HTML, of which nothing is taken for a template either."""
    text = html.escape(text)
    for letter in "$`{}":
        text = text.replace(letter, f"&#{ord(letter)};")
    return text


def data_url(jpeg):
    """A picture as a URL that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def heading():
    """The page's title and what it is for."""
    return (
        '<header class="kc-title"><h1>keras_comic</h1><p>Turn a photo or a '
        "short video into a comic. <span>It is drawn on the computer that "
        "serves this page, and goes nowhere else.</span></p></header>"
    )


def step(number, title, hint=""):
    """The caption above a part of the page."""
    hint = f"<span>{escape(hint)}</span>" if hint else ""
    return (
        f'<div class="kc-step"><b aria-hidden="true">{number}</b>'
        f"<h2>{escape(title)}</h2>{hint}</div>"
    )


def footer(limits):
    """What the page takes, and what it writes into its files."""
    return (
        f'<p class="kc-foot">Photos are shrunk to {limits.max_side} pixels, '
        f"videos to {limits.max_video_side}; videos last up to "
        f"{limits.max_seconds:g} seconds. Files of up to "
        f"{limits.max_upload_mb:g} MB, deleted within two hours. Downloads say "
        "in their metadata that a trained network made them.</p>"
    )


def compare(before, after, caption, size, is_video=False):
    """Two pictures, one upon the other, with a slider between them."""
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
    """One picture."""
    return (
        '<figure class="kc-panel"><div class="kc-single">'
        f'<div class="kc-frame" style="{_measures(size)}">'
        f'<img src="{data_url(image)}" alt="Your picture"></div></div>'
        f"{_caption(caption)}</figure>"
    )


def working(image, text, size, done=None, total=None):
    """A picture that is being drawn, and how far it is."""
    known = f' value="{done:g}" max="{total:g}"' if done and total else ""
    return (
        '<figure class="kc-panel"><div class="kc-single kc-dim">'
        f'<div class="kc-frame" style="{_measures(size)}">'
        f'<img src="{data_url(image)}" alt="Your picture"></div></div>'
        f'<div class="kc-working" role="status"><p>{escape(text)}</p>'
        f'<progress aria-label="Progress"{known}></progress></div></figure>'
    )


def failure(text, title="That did not work"):
    """What went wrong."""
    return (
        '<div class="kc-panel kc-error" role="alert">'
        f"<h3>{escape(title)}</h3><p>{escape(text)}</p></div>"
    )


def credit(name, entry):
    """Whose drawings a style is of."""
    said = [entry.get("source"), entry.get("licence")]
    text = "; ".join(part.rstrip(".") for part in said if part)
    text = f"{style_label(name)}: {text}." if text else ""
    return f'<p class="kc-credit">{escape(text)}</p>'


def style_label(name):
    """A style's name as it is shown: `denslow_plates` is Denslow plates."""
    label = name.replace("_", " ").strip()
    return label[:1].upper() + label[1:]


def picture_rules(pictures):
    """Style sheet that puts pictures on elements."""
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
