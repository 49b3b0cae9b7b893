"""A server that speaks enough of OpenAI's protocol, and answers from a model at hand or as badly as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from easyhard.llm import LanguageModel

KEY = "right"


class StandIn:
    """``fail_after`` good replies the server answers with ``status``, or breaks off where that is 0."""

    def __init__(self, model: LanguageModel, status: int = 500, fail_after: int = 10**9, reply: Any = None) -> None:
        self.model, self.status, self.fail_after, self.reply = model, status, fail_after, reply
        self.asked: list[dict[str, Any]] = []

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        """The reply to one request."""
        if self.reply is not None:
            return self.reply
        if path.endswith("/chat/completions"):
            template = self.model.tokenizer.apply_chat_template
            prompt = template(asked["messages"], tokenize=False, add_generation_prompt=True)
            tokens = self.model.tokenizer(prompt, add_special_tokens=False)["input_ids"]
            return {"choices": [{"index": 0, "message": {"content": self.text(tokens, asked["max_tokens"])}}]}
        if asked.get("echo"):
            return {"choices": [self.likelihoods(k, tokens) for k, tokens in enumerate(asked["prompt"])]}
        texts = [self.text(tokens, asked["max_tokens"]) for tokens in asked["prompt"]]
        return {"choices": [{"index": k, "text": text} for k, text in enumerate(texts)]}

    def text(self, tokens: list[int], count: int) -> str:
        """What the model says after ``tokens``."""
        import torch

        ids = torch.tensor([tokens])
        said = self.model.network.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, pad_token_id=0
        )
        return str(self.model.tokenizer.decode(said[0, len(tokens) :], skip_special_tokens=True))

    def likelihoods(self, index: int, tokens: list[int]) -> dict[str, Any]:
        """Of each token after those before it; the first has none, and one is made up behind, as max_tokens asks."""
        import torch

        with torch.inference_mode():
            logits = self.model.network(input_ids=torch.tensor([tokens])).logits[0].log_softmax(-1)
        each = [float(logits[k, token]) for k, token in enumerate(tokens[1:])]
        best = [{"best": float(row.max())} for row in logits]
        return {"index": index, "logprobs": {"token_logprobs": [None, *each, 0.0], "top_logprobs": [None, *best]}}


@contextmanager
def serving(stand_in: StandIn) -> Iterator[str]:
    """The server's base_url, while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stand_in.asked.append(asked)
            if self.headers["Authorization"] != f"Bearer {KEY}":
                return self.say(401, {"error": "no such key"})
            if asked["model"] != "tiny":
                return self.say(404, {"error": f"The model {asked['model']} does not exist."})
            if len(stand_in.asked) <= stand_in.fail_after:
                return self.say(200, stand_in.answer(self.path, asked))
            if stand_in.status:
                return self.say(stand_in.status, {"error": "the engine is dead"})
            self.close_connection = True
            return None

        def say(self, status: int, reply: Any) -> None:
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
