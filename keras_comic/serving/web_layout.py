"""The components of the page, and which answer follows which event."""

import functools
from pathlib import Path

from keras_comic.serving import web_design
from keras_comic.serving.web_answers import SAMPLES
from keras_comic.serving.web_answers import WebAnswers
from keras_comic.serving.web_answers import example_picture
from keras_comic.serving.web_headers import SelfContained
from keras_comic.serving.web_media import MEBIBYTE

# Seconds between two looks for old files, and the age at which they go.
CLEANING_INTERVAL = 600
LONGEST_AGE = 3600
# Comics that wait for their turn; gradio tells the next one that it is busy.
MAX_WAITING = 16


class WebLayout:
    """The components of the page."""

    def __init__(self, gradio, stylizer):
        self.gradio = gradio
        self.stylizer = stylizer
        self.answers = WebAnswers(gradio, stylizer)

    def build(self):
        """Returns `gradio.Blocks`, and the arguments of its `launch`."""
        gr = self.gradio
        with gr.Blocks(
            title="keras_comic",
            analytics_enabled=False,
            fill_width=True,
            delete_cache=(CLEANING_INTERVAL, LONGEST_AGE),
        ) as blocks:
            gr.HTML(web_design.heading(), elem_id="kc-head")
            with gr.Row(elem_id="kc-desk"):
                with gr.Column(elem_id="kc-controls"):
                    self._pictures()
                    self._styles()
                    self._settings()
                with gr.Column(elem_id="kc-result"):
                    self._result()
            gr.HTML(web_design.footer(self.stylizer.limits), elem_id="kc-foot")
            self._connect(blocks)
        blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
        return blocks, self._looks()

    def _looks(self):
        """Arguments of `launch`, with nothing of any other server."""
        from starlette.middleware import Middleware

        icon = Path(self.answers.folder) / "icon.png"
        web_design.draw_icon(icon)
        return {
            "theme": self.gradio.themes.Base(
                font=list(web_design.FONTS), font_mono=["monospace"]
            ),
            "css": web_design.CSS
            + web_design.picture_rules(self.answers.rules),
            "head": web_design.SCRIPT,
            "favicon_path": str(icon),
            "footer_links": [],
            "run_history": False,
            "share": False,
            "quiet": True,
            "show_error": True,
            "ssr_mode": False,
            "pwa": False,
            "mcp_server": False,
            "enable_monitoring": False,
            "max_file_size": int(self.stylizer.limits.max_upload_mb * MEBIBYTE),
            "app_kwargs": {
                "middleware": [Middleware(SelfContained)],
                "docs_url": None,
                "redoc_url": None,
                "openapi_url": None,
            },
        }

    def _pictures(self):
        gr = self.gradio
        seconds = self.stylizer.limits.max_seconds
        hint = f"a photo, or a video of up to {seconds:g} seconds"
        gr.HTML(web_design.step(1, "Your picture", hint))
        self.upload = gr.File(
            label="Your picture", type="filepath", elem_id="kc-upload"
        )
        self.examples = {}
        with gr.Row(elem_id="kc-examples"):
            gr.HTML('<span class="kc-or">or try</span>')
            for name in SAMPLES:
                self.examples[name] = gr.Button(
                    name.capitalize(),
                    elem_id=f"kc-example-{name}",
                    elem_classes=["kc-example"],
                    size="sm",
                )
                rule = f"#kc-example-{name}"
                self.answers.rules[rule] = example_picture(name)

    def _styles(self):
        gr = self.gradio
        names = self.answers.names
        # Those that are not seen at first need their pictures too.
        choices = [self.answers.style_choices(name) for name in names]
        first = choices[0][0][1] if choices[0] else None
        with gr.Column(
            visible=any(choices) or len(names) > 1, elem_id="kc-look"
        ):
            gr.HTML(web_design.step(2, "Style"))
            self.preset = gr.Radio(
                [(web_design.style_label(name), name) for name in names],
                value=names[0],
                label="Preset",
                visible=len(names) > 1,
                elem_id="kc-preset",
                elem_classes=["kc-presets"],
            )
            self.style = gr.Radio(
                choices[0],
                value=first,
                label="Style",
                visible=bool(choices[0]),
                elem_id="kc-style",
                elem_classes=["kc-styles"],
            )
            credit = self.answers.credit(names[0], first)
            self.credit = gr.HTML(credit, elem_id="kc-credit")
            with gr.Accordion(
                "Mix in a second style",
                open=False,
                visible=len(choices[0]) > 1,
                elem_id="kc-mix",
            ) as self.mix:
                self.second = gr.Radio(
                    [("No second", ""), *choices[0]],
                    value="",
                    label="Second style",
                    elem_id="kc-second",
                    elem_classes=["kc-styles"],
                )
                self.share = gr.Slider(
                    0,
                    100,
                    value=50,
                    step=1,
                    label="Share of the second style, %",
                    elem_id="kc-share",
                )
        self.has_styles = any(choices) or len(names) > 1

    def _settings(self):
        gr = self.gradio
        gr.HTML(web_design.step(3 if self.has_styles else 2, "Ink"))
        with gr.Row(elem_id="kc-settings"):
            self.strength = gr.Slider(
                0,
                100,
                value=100,
                step=1,
                label="Strength, %",
                elem_id="kc-strength",
            )
            self.keep_color = gr.Checkbox(
                False, label="Keep colours", elem_id="kc-keep"
            )
        self.run = gr.Button(
            "Make the comic", variant="primary", elem_id="kc-run"
        )
        self.stop = gr.Button("Stop", visible=False, elem_id="kc-stop")

    def _result(self):
        gr = self.gradio
        self.stage = gr.HTML(self.answers.opening(), elem_id="kc-stage")
        self.video = gr.Video(
            visible=False,
            interactive=False,
            show_label=False,
            label="The comic",
            autoplay=True,
            loop=True,
            elem_id="kc-video",
        )
        self.download = gr.DownloadButton(
            "Download", visible=False, elem_id="kc-download"
        )

    def _connect(self, blocks):
        gr = self.gradio
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [self.stage, self.video, self.download]
        look = {
            "fn": self.answers.look,
            "inputs": [self.upload],
            "outputs": shown,
            "concurrency_limit": 2,
            **quiet,
        }
        self.upload.upload(**look)
        self.upload.clear(
            fn=self.answers.clear, outputs=shown, queue=False, **quiet
        )
        for name, button in self.examples.items():
            button.click(
                functools.partial(self.answers.example, name),
                outputs=[self.upload],
                concurrency_limit=2,
                **quiet,
            ).then(**look)
        self.preset.change(
            self.answers.change_preset,
            inputs=[self.preset],
            outputs=[self.style, self.second, self.mix, self.credit],
            queue=False,
            **quiet,
        )
        self.style.change(
            self.answers.credit,
            inputs=[self.preset, self.style],
            outputs=[self.credit],
            queue=False,
            **quiet,
        )

        # gradio gives the request to the argument that is annotated so.
        def make(request: gr.Request, path, *settings):
            yield from self.answers.make(path, settings, request.session_hash)

        def stop(request: gr.Request):
            self.answers.stop(request.session_hash)

        blocks.unload(stop)
        self.run.click(
            make,
            inputs=[
                self.upload,
                self.preset,
                self.style,
                self.second,
                self.share,
                self.strength,
                self.keep_color,
            ],
            outputs=[*shown, self.run, self.stop],
            show_progress="minimal",
            show_progress_on=[self.stage],
            api_visibility="private",
        )
        self.run.click(None, js=web_design.SHOW_STAGE)
        self.stop.click(stop, queue=False, **quiet)
