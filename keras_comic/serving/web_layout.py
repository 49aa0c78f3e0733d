"""The components of the page, and which answer follows which event."""

import functools
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageOps

from keras_comic.serving import web_design
from keras_comic.serving.web_answers import WebAnswers
from keras_comic.serving.web_gradio import LOOPBACK
from keras_comic.serving.web_gradio import in_event_loop
from keras_comic.serving.web_headers import SelfContained
from keras_comic.serving.web_media import MEBIBYTE
from keras_comic.serving.web_pictures import draw_icon
from keras_comic.serving.web_styles import SAMPLES
from keras_comic.serving.web_styles import encode_jpeg
from keras_comic.serving.web_styles import sample_photo
from keras_comic.serving.web_work import MAX_WAITING

# Seconds between two looks for old files, and the age at which they go.
CLEANING_INTERVAL = 600
LONGEST_AGE = 3600
EXAMPLE_SIDE = 96


class WebLayout:
    """The components of the page; `blocks` is the whole."""

    def __init__(self, gradio, stylizer, cache_folder):
        self.gradio = gradio
        self.stylizer = stylizer
        self.answers = WebAnswers(gradio, stylizer, cache_folder)
        self.blocks = self._blocks()

    def _blocks(self):
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
                    self._controls()
                with gr.Column(elem_id="kc-result"):
                    self._result()
            gr.HTML(web_design.footer(self.stylizer.limits), elem_id="kc-foot")
            self._connect(blocks)
        blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
        launch = functools.partial(blocks.launch, **self._looks())
        blocks.launch = functools.partial(in_event_loop, launch)
        blocks.content_review = self.stylizer.content_review
        blocks.close = functools.partial(blocks.close, verbose=False)
        return blocks

    def _looks(self):
        """Arguments of `launch`, with nothing of any other server."""
        gr = self.gradio
        from starlette.middleware import Middleware

        icon = Path(self.answers.folder) / "icon.png"
        draw_icon(icon)
        return {
            "theme": gr.themes.Base(
                font=list(web_design.FONTS), font_mono=["monospace"]
            ),
            "css": web_design.CSS
            + web_design.picture_rules(self.answers.rules),
            "head": web_design.SCRIPT,
            "favicon_path": str(icon),
            "footer_links": [],
            "run_history": False,
            # Whatever the environment says.
            "server_name": LOOPBACK,
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

    def _controls(self):
        gr = self.gradio
        limits = self.stylizer.limits
        gr.HTML(
            web_design.step(
                1,
                "Your picture",
                f"a photo, or a video of up to {limits.max_seconds:g} seconds",
            )
        )
        self.upload = gr.File(
            label="Your picture",
            file_count="single",
            type="filepath",
            elem_id="kc-upload",
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
                side = EXAMPLE_SIDE
                photo = Image.fromarray(sample_photo(name))
                photo = ImageOps.fit(photo, (side, side), centering=(0.4, 0.2))
                jpeg = encode_jpeg(np.asarray(photo))
                self.answers.rules[f"#kc-example-{name}"] = jpeg
        gr.HTML(web_design.step(2, "Style"))
        names = list(self.stylizer.generators)
        self.preset = gr.Radio(
            [(web_design.style_label(name), name) for name in names],
            value=self.answers.first,
            label="Preset",
            visible=len(names) > 1,
            elem_id="kc-preset",
            elem_classes=["kc-presets"],
        )
        first = self.answers.style_value(self.answers.first, 0)
        self.style = gr.Radio(
            self.answers.style_choices(self.answers.first),
            value=first,
            label="Style",
            elem_id="kc-style",
            elem_classes=["kc-styles"],
        )
        self.credit = gr.HTML(
            self.answers.credit(first),
            elem_id="kc-credit",
        )
        with gr.Accordion(
            "Mix in a second style", open=False, elem_id="kc-mix"
        ):
            self.second = gr.Radio(
                self.answers.second_choices(self.answers.first),
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
        gr.HTML(web_design.step(3, "Ink"))
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
        shown = [self.stage, self.video, self.download]
        look = {
            "fn": self.answers.look,
            "inputs": [self.upload],
            "outputs": shown,
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": 2,
        }
        self.upload.upload(**look)
        self.upload.clear(
            fn=self.answers.clear,
            outputs=shown,
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )
        for name, button in self.examples.items():
            button.click(
                functools.partial(self.answers.example, name),
                outputs=[self.upload],
                show_progress="hidden",
                api_visibility="private",
                concurrency_limit=2,
            ).then(**look)
        self.preset.change(
            self.answers.change_preset,
            inputs=[self.preset],
            outputs=[self.style, self.second, self.credit],
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )
        self.style.change(
            self.answers.credit,
            inputs=[self.style],
            outputs=[self.credit],
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )

        # gradio gives the request to what is annotated so.
        def make(
            path,
            style,
            second,
            share,
            strength,
            keep_color,
            request: gr.Request,
        ):
            yield from self.answers.make(
                path,
                style,
                second,
                share,
                strength,
                keep_color,
                request.session_hash,
            )

        def stop(request: gr.Request):
            self.answers.stop(request.session_hash)

        blocks.unload(stop)
        self.run.click(
            make,
            inputs=[
                self.upload,
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
            # One is drawn, the others are told how many come before them.
            concurrency_limit=MAX_WAITING + 2,
        )
        self.run.click(None, js=web_design.SHOW_STAGE)
        self.stop.click(
            stop,
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )
