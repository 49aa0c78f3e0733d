"""The look of the web page: its style sheet, script, and pieces of its HTML.

Nothing in it is fetched from anywhere: fonts are those of the system, and
pictures lie in the page itself.
"""

import base64
import html
import io
from pathlib import Path

from PIL import Image
from PIL import ImageDraw

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
    """Escapes text for HTML, and for templates too."""
    text = html.escape(text)
    for letter in "$`{}":
        text = text.replace(letter, f"&#{ord(letter)};")
    return text


def encode_jpeg(image):
    """Writes a picture as a JPEG, for showing."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()


def data_url(jpeg):
    """Writes a JPEG as a URL that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def heading():
    """The page's title and purpose."""
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
    """The limits of the page, and a word on its files."""
    return (
        f'<p class="kc-foot">Photos are shrunk to {limits.max_side} pixels, '
        f"videos to {limits.max_video_side}; videos last up to "
        f"{limits.max_seconds:g} seconds. Files of up to "
        f"{limits.max_upload_mb:g} MB, deleted within two hours. Downloads say "
        "in their metadata that a trained network made them.</p>"
    )


def compare(before, after, caption, is_video=False):
    """Two pictures, one upon the other, with a slider between them."""
    return (
        f"{_VIEWS if is_video else ''}"
        '<figure class="kc-panel"><div class="kc-compare">'
        f'<div class="kc-frame" style="{_measures(before)}">'
        f'<img class="kc-after" src="{_source(after)}" alt="The comic">'
        f'<img class="kc-before" src="{_source(before)}" alt="The photo">'
        '<span class="kc-tag kc-tag-before">Photo</span>'
        '<span class="kc-tag kc-tag-after">Comic</span>'
        '<span class="kc-line"></span>'
        '<input type="range" min="0" max="100" value="50" step="1" '
        'aria-label="Before and after: how much of the photo is shown, in '
        'percent" oninput="this.closest(&quot;.kc-compare&quot;).style.'
        'setProperty(&quot;--share&quot;, this.value + &quot;%&quot;)">'
        f"</div></div>{_caption(caption)}</figure>"
    )


def single(image, caption):
    """One picture."""
    return (
        '<figure class="kc-panel"><div class="kc-single">'
        f'<div class="kc-frame" style="{_measures(image)}">'
        f'<img src="{_source(image)}" alt="Your picture"></div></div>'
        f"{_caption(caption)}</figure>"
    )


def working(image, text, done=None, total=None):
    """A picture that is being drawn, and how far it is."""
    values = f' value="{done:g}" max="{total:g}"' if done and total else ""
    return (
        '<figure class="kc-panel"><div class="kc-single kc-dim">'
        f'<div class="kc-frame" style="{_measures(image)}">'
        f'<img src="{_source(image)}" alt="Your picture"></div></div>'
        f'<div class="kc-working" role="status"><p>{escape(text)}</p>'
        f'<progress aria-label="Progress"{values}></progress></div></figure>'
    )


def failure(text, title="That did not work"):
    """A message of what went wrong."""
    return (
        '<div class="kc-panel kc-error" role="alert">'
        f"<h3>{escape(title)}</h3><p>{escape(text)}</p></div>"
    )


def credit(name, entry):
    """The source and the licence of a style's drawings."""
    parts = [entry.get("source"), entry.get("licence")]
    text = "; ".join(part.rstrip(".") for part in parts if part)
    text = f"{style_label(name)}: {text}." if text else ""
    return f'<p class="kc-credit">{escape(text)}</p>'


def style_label(name):
    """Writes a name as it is shown: `denslow_plates` is Denslow plates."""
    label = name.replace("_", " ").strip()
    return label[:1].upper() + label[1:]


def picture_rules(pictures):
    """A style sheet that puts pictures on elements."""
    return "\n".join(
        f"{selector} {{ background-image: "
        f'url("{data_url(jpeg)}") !important; }}'
        for selector, jpeg in pictures.items()
    )


def draw_icon(path):
    """Draws a speech bubble, for the browser's tab."""
    image = Image.new("RGBA", (128, 128))
    draw = ImageDraw.Draw(image)
    ink, yellow, red = "#1a1512", "#ffd23f", "#d7322e"
    draw.polygon([(34, 86), (70, 86), (28, 122)], fill=yellow, outline=ink)
    draw.line([(36, 92), (29, 121), (64, 96)], fill=ink, width=8)
    draw.ellipse((6, 12, 122, 98), fill=yellow, outline=ink, width=8)
    for x in (36, 64, 92):
        draw.ellipse((x - 9, 46, x + 9, 64), fill=red)
    image.save(path)


def _source(image):
    return data_url(encode_jpeg(image))


def _measures(image):
    height, width = image.shape[:2]
    return f"--ratio: {width / height:.4f}; --width: {width}px"


def _caption(parts):
    if not parts:
        return ""
    first, *others = [escape(part) for part in parts]
    others = "".join(f"<span>{part}</span>" for part in others)
    return f'<figcaption class="kc-caption"><b>{first}</b>{others}</figcaption>'
